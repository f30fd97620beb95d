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
	owner := asOwner(config)
	defer func() { _ = owner.Close() }()
	numbered, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	steps, err := migrationsIn(numbered, owner)
	if err != nil {
		return err
	}
	if _, err := steps.Up(ctx); err != nil {
		return fmt.Errorf("migrating the ledger: %w", err)
	}
	return nil
}

// asOwner connects with the rights of the tables' owner.
func asOwner(config *pgx.ConnConfig) *sql.DB {
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, "set role "+string(RoleOwner))
		return err
	}))
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

// migrationsIn reads the numbered migrations of a folder. Going back is running the binary before, not a migration: there are none downwards.
func migrationsIn(numbered fs.FS, owner *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("making the lock of the migrations: %w", err)
	}
	steps, err := goose.NewProvider(goose.DialectPostgres, owner, numbered,
		goose.WithTableName(migrationTable),
		goose.WithSessionLocker(locker),
		goose.WithExcludeNames([]string{"prepare.sql"}),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	return steps, nil
}
