package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationTable remembers which migrations ran.
const migrationTable = "ledger.migration"

// Migrate brings the database at the given address to the schema that this binary knows; it changes nothing where that is so
// already. The user needs to be a superuser, or may create roles, or must find roles and schemas made: see
// migrations/prepare.sql. Several processes may migrate at once; one does it, the others wait.
func Migrate(ctx context.Context, url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("reading the address of Postgres: %w", err)
	}
	if err := prepare(ctx, config); err != nil {
		return fmt.Errorf("preparing roles and schemas: %w", err)
	}
	owner := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, "set role "+string(roleOwner))
		return err
	}))
	defer func() { _ = owner.Close() }()
	return migrate(ctx, owner)
}

func prepare(ctx context.Context, config *pgx.ConnConfig) (err error) {
	statement, err := migrations.ReadFile("migrations/prepare.sql")
	if err != nil {
		return err
	}
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close(ctx)) }()
	_, err = connection.Exec(ctx, string(statement))
	return err
}

func migrate(ctx context.Context, owner *sql.DB) error {
	numbered, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("making the lock of the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, owner, numbered,
		goose.WithTableName(migrationTable),
		goose.WithSessionLocker(locker),
		goose.WithExcludeNames([]string{"prepare.sql"}),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the ledger: %w", err)
	}
	return nil
}
