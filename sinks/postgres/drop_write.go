package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// write keeps what the act leaves of a shard.
func (d *dropping) write(ctx context.Context, o *openedShard) error {
	var recordedAt any = o.recordedAt.Time()
	if o.sequence == 0 {
		recordedAt = "-infinity"
	}
	const head = "insert into ledger.opening_head (act, shard, sequence, head, recorded_at, digest) values ($1, $2, $3, $4, $5, $6)"
	if _, err := d.tx.Exec(ctx, head, o.Act, o.shard, o.sequence, o.head[:], recordedAt, o.digest[:]); err != nil {
		return fmt.Errorf("writing where shard %d begins: %w", o.shard, err)
	}
	if err := d.writeBalances(ctx, o); err != nil {
		return fmt.Errorf("writing the opening of shard %d: %w", o.shard, err)
	}
	shard := int16(o.shard) //nolint:gosec // a ledger has at most 4096 shards
	orders := pgx.CopyFromSlice(len(o.orders), func(i int) ([]any, error) { return []any{o.Act, shard, [16]byte(o.orders[i])}, nil })
	if _, err := d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", "opening_order"}, []string{"act", "shard", "order_id"}, orders); err != nil {
		return fmt.Errorf("writing the orders of shard %d: %w", o.shard, err)
	}
	trades := pgx.CopyFromSlice(len(o.trades), func(i int) ([]any, error) { return []any{o.Act, shard, d.names.trades[o.trades[i]]}, nil })
	if _, err := d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", "opening_trade"}, []string{"act", "shard", "trade"}, trades); err != nil {
		return fmt.Errorf("writing the trades of shard %d: %w", o.shard, err)
	}
	return nil
}

// writeBalances keeps by how much each account had changed.
func (d *dropping) writeBalances(ctx context.Context, o *openedShard) error {
	columns := []string{"quanta", "changed_at", "effective_on", "act", "shard", "account", "asset", "pot"}
	_, err := d.tx.CopyFrom(ctx, pgx.Identifier{"ledger", d.table()}, columns, pgx.CopyFromSlice(len(o.balances), func(i int) ([]any, error) {
		b := &o.balances[i]
		quanta, exact := b.quantity.Quanta(int(d.names.scales[string(b.asset)]))
		if !exact {
			return nil, fmt.Errorf("%s of %s is not in whole quanta", b.quantity, b.asset)
		}
		row := []any{quanta, b.changedAt.Time(), b.effectiveOn.Time(), o.Act, int16(o.shard), //nolint:gosec // a ledger has at most 4096 shards
			d.names.accounts[string(b.account)], d.names.assets[string(b.asset)], nil}
		if b.pot != "" {
			row[7] = string(b.pot)
		}
		return row, nil
	}))
	return err
}
