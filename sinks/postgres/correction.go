package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
)

// PlannedPot is what the correction of a price would come to in one pot. Quantities are texts with the decimals of the asset's units.
type PlannedPot struct {
	Pot schemas.PotID `json:"pot"`
	// Orders is how many of its orders are worked out again, Postings how many postings of theirs would be negated.
	Orders   int64 `json:"orders"`
	Postings int64 `json:"postings"`
	// Got is what the orders got, Would what they would have at the right price.
	Got   string `json:"got"`
	Would string `json:"would"`
	// Missing is what the pot has no more of, because it left: the scheme would make it good.
	Missing string `json:"missing"`
}

// plannedPotsMax bounds a plan that is read.
const plannedPotsMax = 10_000

// The units of each piece at the right price, and each order's share of them: floor(units*w/W), as allocation has it. A rest that was carried to another
// day has no posting that reserves its weight; its share is then what it got of the whole.
const planSQL = `
with traded as (select trade_id, ordered, units from report.trades where day = $1 and asset = $2 and side = 'BUY' and pieces > 0),
scaled as (select power(10::numeric, scale::integer) as one from ledger.asset where code = $2),
told as (
    select distinct on (e.trade_id, e.piece) e.trade_id, floor(e.cash / $3::numeric * s.one) / s.one as units
    from report.trade_events e join traded t on t.trade_id = e.trade_id cross join scaled s
    where e.event in ('priced', 'corrected') order by e.trade_id, e.piece, e."offset" desc
),
wholes as (select trade_id, sum(units) as units from told group by trade_id),
orders as (
    select p.pot, p.order_id, p.trade_id, count(*) filter (where p.reverses is null) as postings,
           sum(case when p.from_account like 'custodian/%' then p.quantity when p.to_account like 'custodian/%' then -p.quantity else 0 end)
               filter (where p.asset = $2) as got,
           bool_or(p.stage = 'settled') as settled
    from report.postings p join traded t on t.trade_id = p.trade_id
    where p.order_id is not null and p.stage in ('priced', 'settled', 'reversed') group by p.pot, p.order_id, p.trade_id
),
shared as (
    select o.pot, o.postings, o.got, o.settled,
           floor(w.units * coalesce(r.quantity / t.ordered, o.got / nullif(t.units, 0), 0) * s.one) / s.one as would
    from orders o join traded t on t.trade_id = o.trade_id join wholes w on w.trade_id = o.trade_id cross join scaled s
        left join report.postings r on r.order_id = o.order_id and r.stage = 'reserved'
)
select h.pot, count(*), sum(h.postings)::bigint, sum(h.got)::text, trim_scale(sum(h.would))::text,
       trim_scale(greatest(0, coalesce(sum(h.got - h.would) filter (where h.settled), 0) - coalesce(max(b.balance), 0)))::text
from shared h left join report.balances b on b.pot = h.pot and b.asset = $2 and b.account = 'pot:settled'
group by h.pot order by h.pot limit $4`

// PlanCorrection works out, from the ledger alone, what the correction of a close would change in each pot. It changes nothing. What is not booked yet is
// not in it; sells are not corrected and not in it either.
func PlanCorrection(ctx context.Context, pool *pgxpool.Pool, asset schemas.AssetCode, date schemas.Date, price schemas.Price) ([]PlannedPot, error) {
	rows, err := pool.Query(ctx, planSQL, date.Time(), string(asset), price.String(), plannedPotsMax)
	if err != nil {
		return nil, fmt.Errorf("planning a correction: %w", err)
	}
	plan, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (PlannedPot, error) {
		p := PlannedPot{}
		return p, row.Scan(&p.Pot, &p.Orders, &p.Postings, &p.Got, &p.Would, &p.Missing)
	})
	if err != nil {
		return nil, fmt.Errorf("planning a correction: %w", err)
	}
	return plan, nil
}
