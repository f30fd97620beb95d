package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
)

// PlannedPot is what the correction of a price would come to in one pot, for its buys, its sells of units, or its sells for cash. Quantities are texts.
type PlannedPot struct {
	Pot schemas.PotID `json:"pot"`
	// What the quantities are: "units bought", "cash brought" by units that were sold, or "units sold" for cash.
	What string `json:"what"`
	// Orders is how many of its orders are worked out again, Postings how many postings of theirs would be negated.
	Orders   int64 `json:"orders"`
	Postings int64 `json:"postings"`
	// Was is what the orders moved, Would what they would have at the right price.
	Was   string `json:"was"`
	Would string `json:"would"`
	// Missing is what the pot has no more of, because it left: the scheme would make it good.
	Missing string `json:"missing"`
}

// CorrectionPlan is what the correction of a close would come to. Its totals are of all pots, also of those that Lines is cut before.
type CorrectionPlan struct {
	// Lines is the plan by pot and by what it did, in that order. It is cut at what was asked for; LinesInAll is how many there are.
	Lines      []PlannedPot
	LinesInAll int64
	// Pots is how many pots there are, Orders how many orders are worked out again, Postings how many postings would be negated.
	Pots, Orders, Postings int64
	// MissingUnits and MissingCash are what the scheme would make good, in units of the asset and in the trust's currency.
	MissingUnits, MissingCash string
}

// What each piece comes to at the right price, and each order's share of it: rounded down, but for the units that a sell for cash gives, as allocation has it.
// An order's weight is what it reserved. That of a rest that was carried to another day, of the buy of a switch, and of a sell for cash is in no posting: it is
// taken from the cash that moved, or the units that were sold, of which a correction leaves it as it is. That a sell for cash may end at the units that are
// reserved for it is not in the plan.
const planSQL = `
with traded as (
    select trade_id, ordered, cash, units,
           case when side = 'BUY' then 'units bought' when ordered_asset = asset then 'cash brought' else 'units sold' end as what
    from report.trades where day = $1 and asset = $2 and pieces > 0
),
scaled as (select power(10::numeric, scale::integer) as one from ledger.asset where code = $2),
told as (
    select distinct on (e.trade_id, e.piece) e.trade_id, e.cash, e.units
    from report.trade_events e join traded t on t.trade_id = e.trade_id
    where e.event in ('priced', 'corrected') order by e.trade_id, e.piece, e."offset" desc
),
wholes as (
    select t.trade_id, t.what, case when t.what = 'cash brought' then 100 else s.one end as one,
           case t.what when 'units bought' then sum(floor(e.cash / $3::numeric * s.one) / s.one)
                       when 'cash brought' then sum(floor(e.units * $3::numeric * 100) / 100)
                       else ceil(sum(e.cash) / $3::numeric * s.one) / s.one end as whole
    from told e join traded t on t.trade_id = e.trade_id cross join scaled s group by t.trade_id, t.what, s.one
),
orders as (
    select p.pot, p.order_id, p.trade_id, count(*) filter (where p.reverses is null) as postings,
           sum(m.came) filter (where p.asset = $2) as units, sum(m.came) filter (where p.asset <> $2) as cash, bool_or(p.stage = 'settled') as settled
    from report.postings p join traded t on t.trade_id = p.trade_id
        cross join lateral (
            select case when p.from_account like 'custodian/%' then p.quantity when p.to_account like 'custodian/%' then -p.quantity else 0 end) as m (came)
    where p.order_id is not null and p.stage in ('priced', 'settled', 'reversed') group by p.pot, p.order_id, p.trade_id
),
weighed as (
    select o.*, t.what, w.whole, w.one, w.one * coalesce(
               case when t.what = 'units sold' then o.cash else coalesce(r.quantity, -case when t.what = 'units bought' then o.cash else o.units end) end,
               0) as weight,
           nullif(case when t.what <> 'units sold' and r.quantity is not null then t.ordered when t.what = 'cash brought' then t.units else t.cash end,
               0) as weights
    from orders o join traded t on t.trade_id = o.trade_id join wholes w on w.trade_id = o.trade_id
        left join report.postings r on r.order_id = o.order_id and r.stage = 'reserved'
),
shared as (
    select pot, what, postings, case what when 'units bought' then units when 'cash brought' then cash else -units end as was,
           coalesce(case when what = 'units sold' then ceil(whole * weight / weights) else floor(whole * weight / weights) end, 0) / one as would,
           settled or what = 'units sold' as arrived, case when what = 'units sold' then -1 else 1 end as sign
    from weighed
),
planned as (
    select h.pot, h.what, count(*) as orders, sum(h.postings)::bigint as postings, sum(h.was) as was, sum(h.would) as would,
           greatest(0, coalesce(sum(h.sign * (h.was - h.would)) filter (where h.arrived), 0) - coalesce(max(b.balance), 0)) as missing
    from shared h left join report.balances b on b.pot = h.pot
        and case when h.what = 'cash brought' then b.account = 'pot:available' else b.asset = $2 and b.account = 'pot:settled' end
    group by h.pot, h.what
),
totals as (
    select count(*) as lines, count(distinct pot) as pots, sum(orders)::bigint as orders, sum(postings)::bigint as postings,
           coalesce(sum(missing) filter (where what <> 'cash brought'), 0) as units, coalesce(sum(missing) filter (where what = 'cash brought'), 0) as cash
    from planned
)
select p.pot, p.what, p.orders, p.postings, trim_scale(p.was)::text, trim_scale(p.would)::text, trim_scale(p.missing)::text,
       t.lines, t.pots, t.orders, t.postings, trim_scale(t.units)::text, trim_scale(t.cash)::text
from planned p cross join totals t order by p.pot, p.what limit nullif($4::bigint, 0)`

// PlanCorrection works out, from the ledger alone, what the correction of a close would change in each pot. It changes nothing. What is not booked yet is
// not in it. The list by pot is cut at linesMax lines, where that is not 0. It returns ErrDropped where postings of these trades, or what their orders had reserved, were
// dropped from the ledger. All is read in one snapshot: no months are dropped meanwhile. The pool's role is RoleAuditor.
func PlanCorrection(
	ctx context.Context, pool *pgxpool.Pool, asset schemas.AssetCode, date schemas.Date, price schemas.Price, linesMax int,
) (*CorrectionPlan, error) {
	plan := &CorrectionPlan{MissingUnits: "0", MissingCash: "0"}
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		if err := requirePlanned(ctx, tx, asset, date); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, planSQL, date.Time(), string(asset), price.String(), linesMax)
		if err != nil {
			return fmt.Errorf("planning a correction: %w", err)
		}
		plan.Lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (PlannedPot, error) {
			p := PlannedPot{}
			return p, row.Scan(&p.Pot, &p.What, &p.Orders, &p.Postings, &p.Was, &p.Would, &p.Missing,
				&plan.LinesInAll, &plan.Pots, &plan.Orders, &plan.Postings, &plan.MissingUnits, &plan.MissingCash)
		})
		if err != nil {
			return fmt.Errorf("planning a correction: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// requirePlanned refuses a day of which the ledger does not have all postings any more.
func requirePlanned(ctx context.Context, tx pgx.Tx, asset schemas.AssetCode, date schemas.Date) error {
	const ask = `select exists (select from report.trades t join ledger.trade x on x.code = t.trade_id where t.day = $1 and t.asset = $2 and (
		exists (select from ledger.opening_trade o where o.trade = x.id)
		or exists (select from ledger.opening_order o) and exists (select from ledger.posting p join ledger.opening_order o on o.order_id = p.order_id where p.trade = x.id)))`
	var dropped bool
	if err := tx.QueryRow(ctx, ask, date.Time(), string(asset)).Scan(&dropped); err != nil {
		return fmt.Errorf("looking whether the ledger has all of %s on %s: %w", asset, date, err)
	}
	if !dropped {
		return nil
	}
	if err := requireFrom(ctx, tx, 0); err != nil {
		return fmt.Errorf("planning a correction of %s on %s: %w", asset, date, err)
	}
	return nil
}
