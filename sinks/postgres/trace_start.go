package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// start finds what the id names.
func (t *tracer) start(ctx context.Context, id string) error {
	if uuid, err := schemas.ParseID(id); err == nil {
		return t.startAt(ctx, uuid)
	}
	if err := t.startAtPlace(ctx, id); err != nil || len(t.places) > 0 {
		return err
	}
	t.trace.Kind = "instruction"
	for _, parts := range splits(id) {
		err := t.find(ctx, `select j.shard, j.sequence from ledger.journal j join ledger.source s on s.id = j.source
			where s.code = $1 and j.pot = $2 and j.cause = $3 order by 1, 2`, parts[0], parts[1], parts[2])
		if err != nil || len(t.places) > 0 {
			return err
		}
	}
	return fmt.Errorf("%w: write a journal's, order's or trade's id, shard/sequence/leg for a posting, or source/pot/id for an instruction; "+
		"one that was refused, or that opens a pot, books nothing: its answer is on %s", ErrNothingTraced, streams.StatusInstruction)
}

// traceSlashesMax bounds the slashes of an id that is taken apart in every way.
const traceSlashesMax = 8

// splits returns the ways to read an id as source/pot/id: each of the three may have slashes of its own.
func splits(id string) [][3]string {
	words := strings.SplitN(id, "/", traceSlashesMax+1)
	var all [][3]string
	for i := 1; i < len(words)-1; i++ {
		for k := i + 1; k < len(words); k++ {
			all = append(all, [3]string{strings.Join(words[:i], "/"), strings.Join(words[i:k], "/"), strings.Join(words[k:], "/")})
		}
	}
	return all
}

// startAtPlace finds a posting or a journal by its place. What is written alike may be an instruction, too: then there is nothing at that place, and its
// numbers may be larger than any shard's or leg's.
func (t *tracer) startAtPlace(ctx context.Context, id string) error {
	words := strings.Split(id, "/")
	numbers := make([]int64, len(words))
	for i, word := range words {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < 0 {
			return nil //nolint:nilerr // it is no place
		}
		numbers[i] = n
	}
	switch len(numbers) {
	case 2:
		t.trace.Kind = "journal"
		return t.find(ctx, "select shard, sequence from ledger.journal where shard = $1::bigint and sequence = $2", numbers[0], numbers[1])
	case 3:
		t.trace.Kind = "posting"
		return t.find(ctx, "select shard, sequence from ledger.posting where shard = $1::bigint and sequence = $2 and leg = $3::bigint",
			numbers[0], numbers[1], numbers[2])
	}
	return nil
}

func (t *tracer) startAt(ctx context.Context, id schemas.ID) error {
	for _, kind := range [...]struct{ name, query string }{
		{"journal", "select shard, sequence from ledger.journal where id = $1"},
		{"order", `select shard, sequence from ledger.posting where order_id = $1 and trade is null
			union select shard, sequence from ledger.posting where counter_order_id = $1 order by 1, 2`},
		{"trade", `select distinct p.shard, p.sequence from ledger.posting p join ledger.trade t on t.id = p.trade
			where t.code = $1 and p.order_id is null order by 1, 2`},
	} {
		if err := t.find(ctx, kind.query, [16]byte(id)); err != nil {
			return err
		}
		t.trace.Kind = kind.name
		if kind.name == "trade" {
			known, err := t.startAtTrade(ctx, id)
			if err != nil || known {
				return err
			}
		}
		if len(t.places) > 0 {
			t.ask(kind.name, id)
			return nil
		}
	}
	// Nothing was reserved for the rest of an order, so no index leads to it: every posting is looked at. That takes long in a big ledger, and is done
	// only for an id that names nothing else.
	if err := t.find(ctx, "select distinct shard, sequence from ledger.posting where order_id = $1 order by 1, 2", [16]byte(id)); err != nil {
		return err
	}
	if len(t.places) == 0 {
		return ErrNothingTraced
	}
	t.trace.Kind = "order"
	t.ask("order", id)
	return nil
}

// ask notes the order that was asked for.
func (t *tracer) ask(kind string, id schemas.ID) {
	if kind == "order" {
		t.trace.Orders = append(t.trace.Orders, id)
	}
}

// startAtTrade finds the members' journals of a trade, too. No index leads to them, for it would be as large as the rows: all months are read from that of
// the trade's first event on, since a pot may be parked for long before it books its part.
func (t *tracer) startAtTrade(ctx context.Context, id schemas.ID) (known bool, err error) {
	var first *int16
	const month = `select count(e) > 0, ledger.month_of(min(e.recorded_at)) from ledger.trade t join ledger.trade_event e on e.trade = t.id where t.code = $1`
	if err := t.tx.QueryRow(ctx, month, [16]byte(id)).Scan(&known, &first); err != nil || !known {
		return false, err
	}
	t.trace.Trades = append(t.trace.Trades, id)
	// One more than fit: where it comes, find says that there is more.
	return true, t.find(ctx, `select distinct shard, sequence from ledger.posting where trade = (select id from ledger.trade where code = $1)
		and order_id is not null and month >= $2 order by 1, 2 limit $3`, [16]byte(id), *first, TraceJournalsMax+1)
}

// find adds the journals that a query names to those found, as far as they fit.
func (t *tracer) find(ctx context.Context, query string, arguments ...any) error {
	rows, err := t.tx.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	var place journalPlace
	_, err = pgx.ForEachRow(rows, []any{&place.shard, &place.sequence}, func() error {
		switch {
		case slices.Contains(t.places, place):
		case len(t.places) == TraceJournalsMax:
			t.trace.Truncated = true
		default:
			t.places = append(t.places, place)
		}
		return nil
	})
	return err
}
