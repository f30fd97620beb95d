package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
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
			where s.code = $1 and j.pot = $2 and j.cause = $3`, parts[0], parts[1], parts[2])
		if err != nil || len(t.places) > 0 {
			return err
		}
	}
	return fmt.Errorf("%w: write a journal's, order's or trade's id, shard/sequence/leg for a posting, or source/pot/id for an instruction", ErrNothingTraced)
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

// startAtPlace finds a posting or a journal by its place. What is written alike may be an instruction, too: then there is nothing at that place.
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
		return t.find(ctx, "select shard, sequence from ledger.journal where shard = $1 and sequence = $2", numbers[0], numbers[1])
	case 3:
		t.trace.Kind = "posting"
		return t.find(ctx, "select shard, sequence from ledger.posting where shard = $1 and sequence = $2 and leg = $3", numbers[0], numbers[1], numbers[2])
	}
	return nil
}

func (t *tracer) startAt(ctx context.Context, id schemas.ID) error {
	for _, kind := range [...]struct{ name, query string }{
		{"journal", "select shard, sequence from ledger.journal where id = $1"},
		{"order", "select shard, sequence from ledger.posting where order_id = $1 and trade is null union select shard, sequence from ledger.posting where counter_order_id = $1"},
		{"trade", "select p.shard, p.sequence from ledger.posting p join ledger.trade t on t.id = p.trade where t.code = $1 and p.order_id is null"},
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
	if err := t.find(ctx, "select shard, sequence from ledger.posting where order_id = $1", [16]byte(id)); err != nil {
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

// startAtTrade finds the members' journals of a trade, too. No index leads to them, for it would be as large as the rows: the months in which anything
// became of the trade are read.
func (t *tracer) startAtTrade(ctx context.Context, id schemas.ID) (known bool, err error) {
	var first, last *int16
	const months = `select count(e) > 0, ledger.month_of(min(e.recorded_at)), ledger.month_of(max(e.recorded_at))
		from ledger.trade t join ledger.trade_event e on e.trade = t.id where t.code = $1`
	if err := t.tx.QueryRow(ctx, months, [16]byte(id)).Scan(&known, &first, &last); err != nil || !known {
		return false, err
	}
	t.trace.Trades = append(t.trace.Trades, id)
	return true, t.find(ctx, `select shard, sequence from ledger.posting where trade = (select id from ledger.trade where code = $1) and order_id is not null
		and month between $2::smallint and $3::smallint + 1 limit $4`, [16]byte(id), *first, *last, traceMembersMax)
}

func (t *tracer) find(ctx context.Context, query string, arguments ...any) error {
	rows, err := t.tx.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	var place journalPlace
	_, err = pgx.ForEachRow(rows, []any{&place.shard, &place.sequence}, func() error {
		if !slices.Contains(t.places, place) && len(t.places) < traceJournalsMax {
			t.places = append(t.places, place)
		} else if len(t.places) == traceJournalsMax {
			t.trace.Truncated = true
		}
		return nil
	})
	return err
}
