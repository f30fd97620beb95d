package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/streams"
)

// wholeChecks are those that need to see all shards at once. Each is a count of what is checked and a query of what is wrong,
// as place and detail.
func wholeChecks(shards int32, atRest bool) []func(context.Context, pgx.Tx) (Check, error) {
	checks := []queryCheck{
		shardsThere(shards),
		{
			Check{Name: "journal-ids", Title: "every journal id is there once", Of: "journals"},
			"select count(*) from ledger.journal",
			"select 'journal ' || id, count(*) || ' journals, the first in shard ' || min(shard) from ledger.journal group by id having count(*) > 1",
		},
		{
			Check{Name: "trade-parts", Title: "what the shards froze adds up to the trade", Of: "trades"},
			"select count(*) from ledger.trade_event where event = 'batched'",
			`select 'trade ' || t.code, 'ordered ' || e.ordered || ' quanta by ' || e.orders || ' orders, the parts have ' || coalesce(sum(p.weight), 0) ||
				' by ' || coalesce(sum(p.orders), 0)
			from ledger.trade_event e join ledger.trade t on t.id = e.trade left join ledger.trade_part p using (record_offset)
			where e.event = 'batched' group by e.record_offset, t.code
			having coalesce(sum(p.weight), 0) <> e.ordered or coalesce(sum(p.orders), 0) <> e.orders`,
		},
		{
			Check{Name: "trade-fills", Title: "no trade is filled beyond what was ordered", Of: "trades"},
			"select count(distinct trade) from ledger.trade_event where event = 'priced'",
			`select 'trade ' || trade_id, 'ordered ' || ordered || ' ' || ordered_asset || ', filled ' || case ordered_asset when asset then units else cash end
			from report.trades where case ordered_asset when asset then units else cash end > ordered`,
		},
	}
	if atRest {
		checks = append(checks, restChecks()...)
	}
	functions := make([]func(context.Context, pgx.Tx) (Check, error), len(checks), len(checks)+1)
	for i := range checks {
		functions[i] = checks[i].run
	}
	if atRest {
		functions = append(functions, tradeOrders)
	}
	return functions
}

// shardsThere finds rows of shards that the ledger does not have: readers would add them up, and nobody walks their chains. With the number written out Postgres
// looks at no table of the others.
func shardsThere(shards int32) queryCheck {
	elsewhere := fmt.Sprintf("where shard < 0 or shard >= %d", shards)
	positions := fmt.Sprintf("select partition, 'positions' from ledger.position where topic = '%s' and (partition < 0 or partition >= %d)", streams.LedgerJournal, shards)
	return queryCheck{
		Check{Name: "shards", Title: "every journal, posting and position is of a shard that the ledger has", Of: "shards"},
		"select shards::bigint from ledger.system",
		`select 'shard ' || shard, count(*) || ' ' || what from (
			select shard, 'journals' as what from ledger.journal ` + elsewhere + ` union all select shard, 'postings' from ledger.posting ` + elsewhere + `
			union all select shard, 'times' from ledger.progress ` + elsewhere + ` union all ` + positions + `) as rows
		group by shard, what order by shard, what`,
	}
}

// openingRowsSQL is all that claims to be a part of an opening.
const openingRowsSQL = `(select act, shard, 'a head' as what from ledger.opening_head
	union all select act, shard, 'a balance' from ledger.opening
	union all select act, shard, 'order ' || order_id from ledger.opening_order
	union all select o.act, o.shard, 'trade ' || t.code from ledger.opening_trade o join ledger.trade t on t.id = o.trade) r`

func hasOpenings(ctx context.Context, tx pgx.Tx) (opened bool, err error) {
	if err := tx.QueryRow(ctx, "select exists (select from ledger.dropped) or exists (select from "+openingRowsSQL+")").Scan(&opened); err != nil {
		return false, fmt.Errorf("looking for openings: %w", err)
	}
	return opened, nil
}

// openingPlaces finds what stands in the tables of openings and belongs to none: readers would count it, and no digest covers it.
func openingPlaces() queryCheck {
	return queryCheck{
		Check{Name: "opening-place", Title: "all that is called a part of an opening is one of an act and a shard that there are", Of: "rows"},
		"select count(*) from " + openingRowsSQL,
		`select 'opening ' || act || ' shard ' || shard, what from ` + openingRowsSQL + `
			where shard not between 0 and (select shards - 1 from ledger.system) or not exists (select from ledger.dropped d where d.act = r.act)`,
	}
}

// owedSQL is, per trade, what its postings moved into the custodian's accounts of one kind, settlement apart or alone.
const owedSQL = `select p.trade, sum(case when t.code like 'custodian/%%:%[1]s' then p.quantity else -p.quantity end) as moved
	from ledger.posting p join ledger.move m on m.id = p.move
		join ledger.account f on f.id = m.from_account join ledger.account t on t.id = m.to_account
	where p.trade is not null and (f.code like 'custodian/%%:%[1]s' or t.code like 'custodian/%%:%[1]s') %[2]s
	group by p.trade`

// keptWholeSQL is true of a trade of which no postings were dropped. What was dropped of the others their archives have.
const keptWholeSQL = "not exists (select from ledger.opening_trade d where d.trade = %s)"

// lastToldSQL is each piece as it was last told: a correction tells it anew. A trade that is rejected after it was dealt has none: its settlement was given up.
const lastToldSQL = `select distinct on (trade, piece) trade, side, cash, units from ledger.trade_event where event in ('priced', 'corrected')
	and trade not in (select trade from ledger.trade_event where event = 'rejected')
	order by trade, piece, record_offset desc`

// restChecks hold when nothing is under way. A trade that was priced has postings in every shard by then.
func restChecks() []queryCheck {
	allocated := func(account, amount, sign string) string {
		return `select 'trade ' || t.code, '` + account + `: pieces of ' || coalesce(e.amount, 0) || ' quanta, postings of ' || coalesce(o.moved, 0)
			from ledger.trade t
				left join (select trade, sum(case side when 'BUY' then ` + amount + ` else -` + amount + ` end) as amount
					from (` + lastToldSQL + `) told group by trade) e on e.trade = t.id
				left join (` + fmt.Sprintf(owedSQL, account, "and m.stage <> 'settled'") + `) o on o.trade = t.id
			where coalesce(e.amount, 0) <> ` + sign + ` * coalesce(o.moved, 0) and ` + fmt.Sprintf(keptWholeSQL, "t.id")
	}
	settled := func(account string) string {
		return `select 'trade ' || t.code, '` + account + ` is left with ' || o.moved || ' quanta'
			from (` + fmt.Sprintf(owedSQL, account, "") + `) o join ledger.trade t on t.id = o.trade
			where o.moved <> 0 and exists (select from ledger.trade_event e where e.trade = o.trade and e.event = 'settled') and ` + fmt.Sprintf(keptWholeSQL, "t.id")
	}
	const priced = "select count(distinct trade) from ledger.trade_event where event = 'priced'"
	const done = settledTradesSQL
	return []queryCheck{
		{
			Check{Name: "trade-known", Title: "every trade in a posting is a trade that was batched", Of: "trades"},
			"select count(*) from ledger.trade",
			`select 'trade ' || t.code, 'no event says that it was batched' from ledger.trade t
			where not exists (select from ledger.trade_event e where e.trade = t.id and e.event = 'batched')`,
		},
		{
			Check{Name: "allocated-units", Title: "what members and rounding got or gave in units is what the custodian delivered or took", Of: "trades"},
			priced, allocated("units-owed", "units", "-1"),
		},
		{
			Check{Name: "allocated-cash", Title: "what members and rounding paid or got in cash is what the custodian took or paid", Of: "trades"},
			priced, allocated("cash-owed", "cash", "1"),
		},
		{Check{Name: "owed-units", Title: "no units are owed on a settled trade", Of: "trades"}, done, settled("units-owed")},
		{Check{Name: "owed-cash", Title: "no cash is owed on a settled trade", Of: "trades"}, done, settled("cash-owed")},
	}
}

// queryCheck is a check in SQL.
type queryCheck struct {
	check           Check
	counted, failed string
}

func (q queryCheck) run(ctx context.Context, tx pgx.Tx) (Check, error) {
	check := q.check
	if err := tx.QueryRow(ctx, q.counted).Scan(&check.Checked); err != nil {
		return check, fmt.Errorf("counting for check %s: %w", check.Name, err)
	}
	rows, err := tx.Query(ctx, q.failed)
	if err != nil {
		return check, fmt.Errorf("running check %s: %w", check.Name, err)
	}
	var place, detail string
	_, err = pgx.ForEachRow(rows, []any{&place, &detail}, func() error { check.fail(place, "%s", detail); return nil })
	if err != nil {
		return check, fmt.Errorf("running check %s: %w", check.Name, err)
	}
	return check, nil
}
