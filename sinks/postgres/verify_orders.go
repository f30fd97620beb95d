package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
)

// settledTradesSQL counts the trades that have settled.
const settledTradesSQL = "select count(distinct trade) from ledger.trade_event where event = 'settled'"

// ordersSQL is each settled trade that does not have as many orders as it was placed for, or whose orders have not reserved what it ordered. Orders that
// sell for an amount of cash reserve units for it, which need not sum to anything: only their number is compared. The buy of a switch reserves what its sell
// brought, and, where that is corrected before the buy is frozen, more or less; what it has spent already comes from the pot's other cash then.
const ordersSQL = `with members as (
		select distinct p.trade, p.order_id from ledger.posting p
		where p.trade is not null and p.order_id is not null
			and exists (select from ledger.trade_event e where e.trade = p.trade and e.event = 'settled')),
	reserved as (
		select coalesce(p.counter_order_id, p.order_id) as order_id,
			sum(case when t.code = 'pot:reserved' then p.quantity else 0 end - case when f.code = 'pot:reserved' then p.quantity else 0 end) as quantity
		from ledger.posting p join ledger.move m on m.id = p.move
			join ledger.account f on f.id = m.from_account join ledger.account t on t.id = m.to_account
		where m.stage in ('reserved', 'returned') and p.order_id is not null and p.trade is null or m.stage = 'switched' group by 1),
	found as (
		select m.trade, count(*) as orders, sum(coalesce(r.quantity, 0))::bigint as reserved
		from members m left join reserved r on r.order_id = m.order_id group by m.trade)
	select t.id, t.code::text, e.ordered, e.orders, coalesce(f.reserved, 0), coalesce(f.orders, 0)
	from ledger.trade_event e join ledger.trade t on t.id = e.trade left join found f on f.trade = e.trade
	where e.event = 'settled' and (e.orders, e.ordered) is distinct from
		(coalesce(f.orders, 0), case when e.side = 'SELL' and e.ordered_asset <> e.asset then e.ordered else coalesce(f.reserved, 0) end)`

// keptSQL is what orders of trades that were not dealt to their end have left in the pots' reserved accounts, the earliest dealing day first: with that
// other orders go on. What comes in by a switch is the buy's.
const keptSQL = `with carried as (select trade, min(day) as day from ledger.trade_event where event = 'rest-carried' group by trade),
	members as (select p.order_id, min(c.day) as day from ledger.posting p join carried c using (trade) where p.order_id is not null group by 1),
	kept as (
		select case when m.stage = 'switched' then p.counter_order_id else p.order_id end as order_id,
			sum(case when t.code = 'pot:reserved' then p.quantity else 0 end - case when f.code = 'pot:reserved' then p.quantity else 0 end)::bigint as quantity
		from ledger.posting p join ledger.move m on m.id = p.move
			join ledger.account f on f.id = m.from_account join ledger.account t on t.id = m.to_account
		where p.order_id is not null and 'pot:reserved' in (f.code, t.code) group by 1)
	select m.order_id, k.quantity from members m join kept k using (order_id) order by m.day`

const membersSQL = "select distinct order_id from ledger.posting where trade = $1 and order_id is not null"

// tradeOrders compares each settled trade with the reservations of the orders that have postings in it. An order that goes on with what another one was not
// dealt reserves nothing anew: what the other one has left is its reservation, and no posting says so.
func tradeOrders(ctx context.Context, tx pgx.Tx) (Check, error) {
	check := Check{Name: "trade-orders", Title: "the orders of a settled trade are as many as it was placed for, and reserved what it ordered", Of: "trades"}
	if err := tx.QueryRow(ctx, settledTradesSQL).Scan(&check.Checked); err != nil {
		return check, fmt.Errorf("counting settled trades: %w", err)
	}
	rows, err := tx.Query(ctx, ordersSQL+" and "+fmt.Sprintf(keptWholeSQL, "t.id"))
	if err != nil {
		return check, fmt.Errorf("comparing trades with orders: %w", err)
	}
	differing, err := pgx.CollectRows(rows, pgx.RowToStructByPos[tradeReserved])
	if err != nil {
		return check, fmt.Errorf("reading trades that differ from their orders: %w", err)
	}
	if len(differing) == 0 {
		return check, nil
	}
	rests, err := restsOf(ctx, tx)
	if err != nil {
		return check, err
	}
	begun, err := begunOrders(ctx, tx)
	if err != nil {
		return check, err
	}
	for i := range differing {
		t := &differing[i]
		earlier, err := t.addRests(ctx, tx, rests, begun)
		if err != nil {
			return check, err
		}
		if earlier {
			check.Checked--
			check.Note = "not checked: trades of orders that reserved in dropped months"
			continue
		}
		if t.Orders != t.Found || t.Ordered != t.Reserved {
			check.fail("trade "+t.Code, "ordered %d quanta by %d orders, found %d by %d", t.Ordered, t.Orders, t.Reserved, t.Found)
		}
	}
	return check, nil
}

// tradeReserved is what a trade ordered, in quanta and by how many orders, and what was found of it.
type tradeReserved struct {
	ID              int32
	Code            string
	Ordered, Orders int64
	Reserved, Found int64
}

// restsOf returns, by the ids of orders that go on with what others were not dealt, the quanta that these have left.
func restsOf(ctx context.Context, tx pgx.Tx) (map[schemas.ID]int64, error) {
	rows, err := tx.Query(ctx, keptSQL)
	if err != nil {
		return nil, fmt.Errorf("looking for what was not dealt: %w", err)
	}
	rests := make(map[schemas.ID]int64)
	var id [16]byte
	var kept int64
	_, err = pgx.ForEachRow(rows, []any{&id, &kept}, func() error {
		order := schemas.ID(id)
		if left := rests[order] + kept; left > 0 {
			rests[schemas.DeriveID("rest", order.String())] = left
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was not dealt: %w", err)
	}
	return rests, nil
}

// addRests adds what the trade's orders go on with, and says whether one of them had begun in dropped months.
func (t *tradeReserved) addRests(ctx context.Context, tx pgx.Tx, rests map[schemas.ID]int64, begun map[schemas.ID]struct{}) (earlier bool, err error) {
	rows, err := tx.Query(ctx, membersSQL, t.ID)
	if err != nil {
		return false, fmt.Errorf("looking for the orders of trade %s: %w", t.Code, err)
	}
	var id [16]byte
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		t.Reserved += rests[schemas.ID(id)]
		_, ok := begun[schemas.ID(id)]
		earlier = earlier || ok
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("reading the orders of trade %s: %w", t.Code, err)
	}
	return earlier, nil
}

// begunOrders returns the orders that had reserved in dropped months and were not dealt to their end there, with what may be their rests. There may be orders among
// them that ended there, for which no journal is left to be asked about.
func begunOrders(ctx context.Context, tx pgx.Tx) (map[schemas.ID]struct{}, error) {
	orders, err := loadIDs(ctx, tx, "select order_id from ledger.opening_order")
	if err != nil {
		return nil, fmt.Errorf("reading the orders that began in dropped months: %w", err)
	}
	begun := make(map[schemas.ID]struct{}, len(orders))
	for _, order := range orders {
		for range traceRestsMax + 1 {
			begun[order] = struct{}{}
			order = schemas.RestOf(order)
		}
	}
	return begun, nil
}
