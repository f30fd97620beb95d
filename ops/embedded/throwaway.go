package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// Throwaway is a Postgres server for data that nobody needs when it has ended. It keeps nothing through a power cut, and is quick for it.
type Throwaway struct {
	folder *folder
	server *postgresServer
}

// throwawaySettings give up what only matters if the machine goes down, and leave room for many connections.
var throwawaySettings = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300"}

// StartThrowaway starts a server in a folder, which is made if it is missing. After Close, Remove deletes the folder.
func StartThrowaway(ctx context.Context, dir string, log *slog.Logger) (*Throwaway, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder of Postgres: %w", err)
	}
	held, err := holdFolder(dir)
	if err != nil {
		return nil, err
	}
	// Whoever uses the server finds out by itself that it is gone.
	server, err := startOwnPostgres(ctx, held, log, func(error) {}, throwawaySettings...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting Postgres: %w", err), held.release())
	}
	return &Throwaway{held, server}, nil
}

// URL is the connection string of a superuser.
func (t *Throwaway) URL() string { return t.server.url }

// Close stops the server.
func (t *Throwaway) Close(ctx context.Context) error {
	return errors.Join(t.server.close(ctx), t.folder.release())
}
