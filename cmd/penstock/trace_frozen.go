package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// kindTrade is the kind of the trace of an external trade.
const kindTrade = "trade"

// frozenOrdersMax bounds the orders of a trade that are followed from what the shards told of it.
const frozenOrdersMax = 50

// frozenOrder says that an order was frozen into an external trade. No posting names the trade before it has a price.
type frozenOrder struct {
	Order string `json:"order"`
	Trade string `json:"trade"`
}

// frozenOrders collects, of one shard, which of the orders that are looked for were frozen into which trades, and the orders of a trade that is looked for.
type frozenOrders struct {
	orders map[schemas.ID]bool
	trade  *schemas.ID
	found  map[schemas.ID][]schemas.ID
}

// add takes the next record. A list that begins anew takes the place of what was told of the batch before.
func (f *frozenOrders) add(told *audit.FrozenOrders) {
	for i := range told.Batches {
		b := &told.Batches[i]
		if b.Before == 0 {
			delete(f.found, b.Trade)
		}
		for k := range b.Orders {
			if f.orders[b.Orders[k].ID] || f.trade != nil && *f.trade == b.Trade && len(f.found[b.Trade]) <= frozenOrdersMax {
				f.found[b.Trade] = append(f.found[b.Trade], b.Orders[k].ID)
			}
		}
	}
}

// frozen adds to a trace what audit.batch.v1 knows of it before prices do: the trades of its orders, and the orders of the trade that was asked for.
func (t *target) frozen(ctx context.Context, pool *pgxpool.Pool, trace *postgres.Trace) ([]frozenOrder, error) {
	connection, err := t.connection(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := t.registryOf(ctx, connection)
	if err != nil {
		return nil, err
	}
	shards, since, err := frozenWhere(ctx, pool, trace)
	if err != nil {
		return nil, err
	}
	wanted := &frozenOrders{orders: make(map[schemas.ID]bool)}
	for _, order := range trace.Orders {
		wanted.orders[order] = true
	}
	if trace.Kind == kindTrade {
		wanted.trade = &trace.Trades[0]
	}
	var found []frozenOrder
	for _, shard := range shards {
		wanted.found = make(map[schemas.ID][]schemas.ID)
		if err := readFrozen(ctx, connection, registry, shard, since, wanted.add); err != nil {
			return nil, fmt.Errorf("looking for frozen orders: %w", err)
		}
		for trade, orders := range wanted.found {
			for _, order := range orders {
				found = append(found, frozenOrder{order.String(), trade.String()})
			}
		}
	}
	slices.SortFunc(found, func(a, b frozenOrder) int {
		return cmp.Or(cmp.Compare(a.Trade, b.Trade), cmp.Compare(a.Order, b.Order))
	})
	if trace.Kind == kindTrade && len(found) > frozenOrdersMax {
		found, trace.Truncated = found[:frozenOrdersMax], true
	}
	return found, followFrozen(ctx, pool, trace, found)
}

// frozenWhere are the shards that may have frozen something of a trace, and since when. Of a trade it may be any.
func frozenWhere(ctx context.Context, pool *pgxpool.Pool, trace *postgres.Trace) (shards []int32, since schemas.Instant, err error) {
	var times []schemas.Instant
	for i := range trace.Journals {
		j := &trace.Journals[i]
		times = append(times, j.RecordedAt)
		if j.Pot != nil && !slices.Contains(shards, j.Shard) {
			shards = append(shards, j.Shard)
		}
	}
	for i := range trace.Events {
		times = append(times, trace.Events[i].RecordedAt)
	}
	if len(times) > 0 {
		since = schemas.InstantOf(slices.Min(times).Time().Add(-frozenEarlierMax))
	}
	if trace.Kind != kindTrade {
		return shards, since, nil
	}
	count, _, err := postgres.Founded(ctx, pool.Config().ConnString())
	shards = make([]int32, count)
	for i := range shards {
		shards[i] = int32(i) //nolint:gosec // as many as the ledger has
	}
	return shards, since, err
}

// followFrozen follows the trades, or the orders of a trade, that were found.
func followFrozen(ctx context.Context, pool *pgxpool.Pool, trace *postgres.Trace, found []frozenOrder) error {
	gone, err := postgres.DroppedMonths(ctx, pool)
	if err != nil {
		return err
	}
	for _, f := range found {
		id, known := f.Trade, trace.Trades
		if trace.Kind == kindTrade {
			id, known = f.Order, trace.Orders
		}
		if slices.ContainsFunc(known, func(k schemas.ID) bool { return k.String() == id }) {
			continue
		}
		more, err := postgres.FindTrace(ctx, pool, id)
		if errors.Is(err, postgres.ErrNothingTraced) {
			// The ledger has not been told of it yet. Or all that an order had there is gone with dropped months; what it is told of trades never goes.
			if trace.Kind == kindTrade {
				joinDropped(trace, gone)
			}
			continue
		}
		if err != nil {
			return err
		}
		if trace.Kind != kindTrade {
			more.Journals, more.Orders = nil, nil // its other members are not what was asked for
		}
		joinTraces(trace, more)
	}
	return nil
}

// joinDropped adds the acts that a trace does not name yet.
func joinDropped(trace *postgres.Trace, acts []postgres.Dropped) {
	for i := range acts {
		if !slices.ContainsFunc(trace.Dropped, func(d postgres.Dropped) bool { return d.Act == acts[i].Act }) {
			trace.Dropped = append(trace.Dropped, acts[i])
		}
	}
	slices.SortFunc(trace.Dropped, func(a, b postgres.Dropped) int { return cmp.Compare(a.Act, b.Act) })
}

// joinTraces adds what the first trace does not have yet. It leaves out the last journals where there would be more than a trace may have.
func joinTraces(trace, more *postgres.Trace) {
	for i := range more.Journals {
		if !slices.ContainsFunc(trace.Journals, func(j ledger.Journal) bool { return j.ID == more.Journals[i].ID }) {
			trace.Journals = append(trace.Journals, more.Journals[i])
		}
	}
	for i := range more.Events {
		if !slices.ContainsFunc(trace.Events, func(e postgres.TracedEvent) bool { return e.Offset == more.Events[i].Offset }) {
			trace.Events = append(trace.Events, more.Events[i])
		}
	}
	for _, ids := range [...]struct{ into, from *[]schemas.ID }{{&trace.Orders, &more.Orders}, {&trace.Trades, &more.Trades}} {
		for _, id := range *ids.from {
			if !slices.Contains(*ids.into, id) {
				*ids.into = append(*ids.into, id)
			}
		}
	}
	trace.Truncated = trace.Truncated || more.Truncated
	joinDropped(trace, more.Dropped)
	slices.SortFunc(trace.Journals, func(a, b ledger.Journal) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Sequence, b.Sequence))
	})
	if len(trace.Journals) > postgres.TraceJournalsMax {
		trace.Journals, trace.Truncated = trace.Journals[:postgres.TraceJournalsMax], true
	}
	slices.SortFunc(trace.Events, func(a, b postgres.TracedEvent) int { return cmp.Compare(a.Offset, b.Offset) })
}

// printFrozen writes which orders were frozen into which trades.
func printFrozen(out io.Writer, found []frozenOrder) {
	for _, f := range found {
		fmt.Fprintf(out, "order %s was frozen into trade %s\n", f.Order, f.Trade)
	}
}
