package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// Journals calls each with every stored journal, shard by shard in the order of their numbers, all as they were at one moment. What is stored of a
// journal is all but the chain head before it. It returns the first error of each. The pool's role is RoleAuditor.
func Journals(ctx context.Context, pool *pgxpool.Pool, each func(*ledger.Journal) error) error {
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		var shards int32
		if err := tx.QueryRow(ctx, "select shards from ledger.system").Scan(&shards); err != nil {
			return err
		}
		for shard := range shards {
			snapshot, err := openShard(ctx, tx, shard)
			if err != nil {
				return err
			}
			err = snapshot.windows(ctx, func(current *window) error {
				for i := range current.journals {
					if err := each(&current.journals[i].Journal); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading journals: %w", err)
	}
	return nil
}
