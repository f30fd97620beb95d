package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
)

// tracePotsMax bounds the pots of a trade whose orders are followed to their instructions.
const tracePotsMax = 50

// traceRestsMax bounds how many rests of an order may lie between two for which something is booked: the second is named as the rest of the first, which may
// still wait.
const traceRestsMax = 4

// followOrders goes from the journals found to their orders, and to all journals of those.
func (t *tracer) followOrders(ctx context.Context) error {
	pots := make(map[schemas.PotID]int32)
	for i := range t.trace.Journals {
		journal := &t.trace.Journals[i]
		if journal.Pot == nil {
			continue
		}
		pots[*journal.Pot] = journal.Shard
		for k := range journal.Postings {
			posting := &journal.Postings[k]
			if posting.Order == nil || slices.Contains(t.trace.Orders, *posting.Order) {
				continue
			}
			// Who asks for one order wants that one, not all that share a journal with it; who asks for a trade wants those of that trade.
			switch t.trace.Kind {
			case "order":
				continue
			case "trade":
				if posting.Trade == nil || *posting.Trade != t.trace.Trades[0] {
					continue
				}
			}
			t.trace.Orders = append(t.trace.Orders, *posting.Order)
		}
	}
	if t.trace.Kind == "trade" && len(pots) > tracePotsMax {
		t.trace.Truncated = true
		return nil
	}
	for _, pot := range slices.Sorted(maps.Keys(pots)) {
		if err := t.followPot(ctx, string(pot), pots[pot]); err != nil {
			return err
		}
	}
	return t.read(ctx)
}

// followPot adds the orders of a pot that belong to those found, and finds the journals of all of them.
func (t *tracer) followPot(ctx context.Context, pot string, shard int32) error {
	rows, err := t.tx.Query(ctx, `select distinct p.order_id, p.counter_order_id from ledger.journal j
		join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
		where j.shard = $1 and j.pot = $2 and p.order_id is not null`, shard, pot)
	if err != nil {
		return err
	}
	relatives, booked := make(map[schemas.ID][]schemas.ID), make(map[schemas.ID]bool)
	var order [16]byte
	var counter *[16]byte
	relate := func(a, b schemas.ID) { relatives[a], relatives[b] = append(relatives[a], b), append(relatives[b], a) }
	if _, err = pgx.ForEachRow(rows, []any{&order, &counter}, func() error {
		for rest, n := order, 0; n < traceRestsMax; n++ {
			rest = schemas.RestOf(rest)
			relate(order, rest)
		}
		booked[order] = true
		if counter != nil {
			relate(order, *counter)
			booked[*counter] = true
		}
		return nil
	}); err != nil {
		return err
	}
	var of [][16]byte
	for i := 0; i < len(t.trace.Orders); i++ {
		id := t.trace.Orders[i]
		for _, relative := range relatives[id] {
			// What nothing was booked for is no order: it would be the rest of one that was dealt to its end.
			if booked[relative] && !slices.Contains(t.trace.Orders, relative) {
				t.trace.Orders = append(t.trace.Orders, relative)
			}
		}
		if booked[id] {
			of = append(of, id)
		}
	}
	return t.find(ctx, `select distinct j.shard, j.sequence from ledger.journal j
		join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
		where j.shard = $1 and j.pot = $2 and (p.order_id = any ($3) or p.counter_order_id = any ($3)) order by 1, 2`, shard, pot, of)
}
