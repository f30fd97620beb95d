package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Founded returns how many shards the ledger in the database at the given address has, and for which cluster it was founded; 0 shards where there is none. It
// changes nothing, and needs no migration to have run. The user may take RoleAuditor where there is a ledger.
func Founded(ctx context.Context, url string) (shards int32, cluster string, err error) {
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, "", fmt.Errorf("looking for a ledger in the database: %w", err)
	}
	defer func() { err = errors.Join(err, connection.Close(ctx)) }()
	var there bool
	const table = "select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'ledger' and c.relname = 'system')"
	if err := connection.QueryRow(ctx, table).Scan(&there); err != nil {
		return 0, "", fmt.Errorf("looking for a ledger in the database: %w", err)
	}
	if !there {
		return 0, "", nil
	}
	if _, err := connection.Exec(ctx, "set role "+string(RoleAuditor)); err != nil {
		return 0, "", fmt.Errorf("taking role %s: %w", RoleAuditor, err)
	}
	err = connection.QueryRow(ctx, "select shards, cluster from ledger.system").Scan(&shards, &cluster)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("reading which ledger is in the database: %w", err)
	}
	return shards, cluster, nil
}
