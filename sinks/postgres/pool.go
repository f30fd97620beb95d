package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Role is the database role that a pool's connections take, whoever connects.
type Role string

// The roles. Analysts connect with their own tools and are members of penstock_analyst.
const (
	// RoleOwner owns the tables: it migrates, and drops months.
	RoleOwner Role = "penstock_owner"
	// RoleSink may insert rows and move positions.
	RoleSink Role = "penstock_sink"
	// RoleAuditor may read everything and change nothing.
	RoleAuditor Role = "penstock_auditor"
)

const (
	// idleTransactionMax ends a transaction whose client went silent: it holds the lock on a shard's position, and so
	// keeps a new owner out.
	idleTransactionMax = 10 * time.Second
	// sinkStatementMax ends a statement of the sink that does not end by itself. A COPY whose client froze is neither idle to the server nor ended by this; who
	// claims the shard then sees to it, by the same limit.
	sinkStatementMax = 60 * time.Second
	// lockWaitMax bounds the wait for a position that another transaction holds. It is longer than idleTransactionMax, so that
	// a dead owner is outwaited.
	lockWaitMax = 15 * time.Second
	// connectMax bounds one attempt to connect.
	connectMax = 10 * time.Second
)

// OpenPool makes a pool whose connections act as the given role. It connects when it is first used.
func OpenPool(ctx context.Context, url string, role Role) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("reading the address of Postgres: %w", err)
	}
	config.ConnConfig.ConnectTimeout = connectMax
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = string(role)
	parameters["timezone"] = "UTC"
	// The acknowledgement of a commit means that it is on disk, whatever the server's default.
	parameters["synchronous_commit"] = "on"
	parameters["idle_in_transaction_session_timeout"] = milliseconds(idleTransactionMax)
	parameters["lock_timeout"] = milliseconds(lockWaitMax)
	if role == RoleSink {
		parameters["statement_timeout"] = milliseconds(sinkStatementMax)
	}
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		if _, err := connection.Exec(ctx, "set role "+string(role)); err != nil {
			return fmt.Errorf("taking role %s: %w", role, err)
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("making the pool of connections: %w", err)
	}
	return pool, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
