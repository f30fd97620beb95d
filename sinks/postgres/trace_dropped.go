package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// archived tells of an id under which nothing was found in which archives it may be. A place names its archive.
func (t *tracer) archived(ctx context.Context, id string, nothing error) error {
	if !errors.Is(nothing, ErrNothingTraced) {
		return nothing
	}
	acts, err := loadDropped(ctx, t.tx)
	if err != nil || len(acts) == 0 {
		return errors.Join(nothing, err)
	}
	act, err := t.actOf(ctx, id)
	if err != nil {
		return err
	}
	if act > 0 && int(act) <= len(acts) {
		return fmt.Errorf("%w: it is of %s; read it back with penstock ledger load, and trace it there", ErrDropped, &acts[act-1])
	}
	return fmt.Errorf("%w; months were dropped, and it may be in one of them: %s; read them back with penstock ledger load, and trace it there",
		nothing, places(acts))
}

// actOf returns the act that dropped the journal or posting whose place an id is, or 0.
func (t *tracer) actOf(ctx context.Context, id string) (act int32, err error) {
	words := strings.Split(id, "/")
	if len(words) < 2 || len(words) > 3 {
		return 0, nil
	}
	shard, err := strconv.ParseInt(words[0], 10, 16)
	sequence, failed := strconv.ParseInt(words[1], 10, 64)
	if err != nil || failed != nil || sequence < 1 {
		return 0, nil //nolint:nilerr // it is no place
	}
	err = t.tx.QueryRow(ctx, "select act from ledger.opening_head where shard = $1 and sequence >= $2 order by act limit 1", shard, sequence).Scan(&act)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return act, err
}

// findDropped finds the acts that dropped postings of the orders, payments and trades found.
func (t *tracer) findDropped(ctx context.Context) error {
	acts, err := loadDropped(ctx, t.tx)
	if err != nil || len(acts) == 0 {
		return err
	}
	rows, err := t.tx.Query(ctx, `select act from ledger.opening_order where order_id = any ($1)
		union select o.act from ledger.opening_trade o join ledger.trade t on t.id = o.trade where t.code = any ($2)`,
		uuids(t.trace.Orders), uuids(t.trace.Trades))
	if err != nil {
		return err
	}
	named := make(map[int32]bool)
	var act int32
	if _, err = pgx.ForEachRow(rows, []any{&act}, func() error { named[act] = true; return nil }); err != nil {
		return err
	}
	if err := t.findBegun(ctx, named); err != nil {
		return fmt.Errorf("looking for what orders go on with: %w", err)
	}
	for i := range acts {
		if named[acts[i].Act] {
			t.trace.Dropped = append(t.trace.Dropped, acts[i])
		}
	}
	return nil
}

// findBegun adds the acts that dropped what the rest of an order goes on with. Nothing is reserved for a rest but more units for that of a sell for cash, in a journal that
// names the order before as well; else nothing in the ledger names a rest beside that order, but that order's id gives its own. So where an order is found without a
// reservation, the ids of all that began in dropped months of its shard are gone through.
func (t *tracer) findBegun(ctx context.Context, named map[int32]bool) error {
	rests, shards := t.unreserved()
	if len(rests) == 0 {
		return nil
	}
	rows, err := t.tx.Query(ctx, "select act, order_id from ledger.opening_order where shard = any ($1)", shards)
	if err != nil {
		return err
	}
	var act int32
	var order [16]byte
	_, err = pgx.ForEachRow(rows, []any{&act, &order}, func() error {
		for rest, n := schemas.ID(order), 0; n < traceRestsMax && !named[act]; n++ {
			rest = schemas.RestOf(rest)
			named[act] = rests[rest]
		}
		return nil
	})
	return err
}

// unreserved returns the orders for which the journals found reserve nothing, and which are not the rests of others found, with the shards of the journals.
func (t *tracer) unreserved() (orders map[schemas.ID]bool, shards []int32) {
	orders = make(map[schemas.ID]bool)
	for _, id := range t.trace.Orders {
		orders[id] = true
	}
	for i := range t.trace.Journals {
		journal := &t.trace.Journals[i]
		if !slices.Contains(shards, journal.Shard) {
			shards = append(shards, journal.Shard)
		}
		for k := range journal.Postings {
			posting := &journal.Postings[k]
			switch {
			case posting.Order == nil:
			case isOfPayments(posting.From) || isOfPayments(posting.To):
				delete(orders, *posting.Order)
			case posting.To == ledger.PotReserved && (posting.Stage == "reserved" || posting.Stage == "switched"):
				deleteWithRests(orders, posting)
			}
		}
	}
	return orders, shards
}

// deleteWithRests takes out the order for which a posting reserves, and what may be its rests.
func deleteWithRests(orders map[schemas.ID]bool, posting *ledger.Posting) {
	order := *posting.Order
	if posting.CounterOrder != nil {
		order = *posting.CounterOrder // what comes in by a switch is the buy's
	}
	for range traceRestsMax + 1 {
		delete(orders, order)
		order = schemas.RestOf(order)
	}
}

func uuids(ids []schemas.ID) [][16]byte {
	all := make([][16]byte, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}
