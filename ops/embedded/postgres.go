package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	postgresUser     = "penstock"
	postgresDatabase = "penstock"

	// namedServerWaitMax bounds the first connection to a server of the user's.
	namedServerWaitMax = 15 * time.Second
)

// postgresServer is the ledger's database: the server that the user named, or
// one that this process runs.
type postgresServer struct {
	url   string
	child *postgresChild // nil for a named server
	place *postgresPlace
}

// startPostgres checks the named server, or runs one of its own.
func startPostgres(ctx context.Context, folder *folder, named string, log *slog.Logger, fault func(error)) (*postgresServer, error) {
	if named == "" {
		server, err := startOwnPostgres(ctx, folder, log, fault)
		if err != nil {
			return nil, fmt.Errorf("starting Postgres: %w", err)
		}
		return server, nil
	}
	bounded, cancel := context.WithTimeout(ctx, namedServerWaitMax)
	defer cancel()
	connection, err := pgx.Connect(bounded, named)
	if err != nil {
		return nil, fmt.Errorf("connecting to the named Postgres: %w", err)
	}
	if err := connection.Close(bounded); err != nil {
		return nil, fmt.Errorf("leaving the named Postgres: %w", err)
	}
	return &postgresServer{url: named}, nil
}

func startOwnPostgres(
	ctx context.Context, folder *folder, log *slog.Logger, fault func(error), settings ...string,
) (_ *postgresServer, err error) {
	place, err := openPostgresPlace(folder)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			place.close()
		}
	}()
	binaries, err := findPostgres(ctx, place, log)
	if err != nil {
		return nil, err
	}
	data := place.dataDir(binaries.major)
	if err := stopStale(ctx, data, log); err != nil {
		return nil, err
	}
	if err := initData(ctx, place, binaries, log); err != nil {
		return nil, err
	}
	child, err := startPostgresChild(place, binaries, fault, settings...)
	if err != nil {
		return nil, err
	}
	server := &postgresServer{url: socketURL(place.socketDir, postgresDatabase), child: child, place: place}
	if err := server.makeReady(ctx); err != nil {
		_ = child.stop(ctx)
		return nil, err
	}
	return server, nil
}

// makeReady waits until the server answers and makes the database if this is
// the first time.
func (s *postgresServer) makeReady(ctx context.Context) error {
	connection, err := s.child.connect(ctx, socketURL(s.place.socketDir, "postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	var exists bool
	const ask = "select exists (select from pg_database where datname = $1)"
	if err := connection.QueryRow(ctx, ask, postgresDatabase).Scan(&exists); err != nil {
		return fmt.Errorf("looking for the database: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := connection.Exec(ctx, "create database "+pgx.Identifier{postgresDatabase}.Sanitize()); err != nil {
		return fmt.Errorf("creating the database: %w", err)
	}
	return nil
}

func (s *postgresServer) close(ctx context.Context) error {
	if s.child == nil {
		return nil
	}
	err := s.child.stop(ctx)
	s.place.close()
	if err != nil {
		return fmt.Errorf("stopping Postgres: %w", err)
	}
	return nil
}

// socketURL has no password: only the accounts that may open the socket's
// folder can reach the server at all. The port is the usual one and named all the
// same, because PGPORT in a user's environment would replace it.
func socketURL(socketDir, database string) string {
	return (&url.URL{
		Scheme:   "postgres",
		User:     url.User(postgresUser),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {socketDir}, "port": {"5432"}}.Encode(),
	}).String()
}
