package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
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
	return fmt.Errorf("%w; months were dropped, and it may be in one of them: %s; read them back with penstock ledger load, and trace it there", nothing, places(acts))
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

// findDropped finds the acts that dropped postings of the orders and trades found.
func (t *tracer) findDropped(ctx context.Context) error {
	acts, err := loadDropped(ctx, t.tx)
	if err != nil || len(acts) == 0 {
		return err
	}
	rows, err := t.tx.Query(ctx, `select act from ledger.opening_order where order_id = any ($1)
		union select o.act from ledger.opening_trade o join ledger.trade t on t.id = o.trade where t.code = any ($2) order by 1`,
		uuids(t.trace.Orders), uuids(t.trace.Trades))
	if err != nil {
		return err
	}
	var act int32
	_, err = pgx.ForEachRow(rows, []any{&act}, func() error { t.trace.Dropped = append(t.trace.Dropped, acts[act-1]); return nil })
	return err
}

func uuids(ids []schemas.ID) [][16]byte {
	all := make([][16]byte, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}
