package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// answerTimeMax bounds a claim or a booking as seen from here. The server's own limits end what it is busy with; one that went silent, or a network that
// swallows everything, is only noticed by a clock on this side. It is longer than a statement and a wait for a lock may take together.
const answerTimeMax = sinkStatementMax + lockWaitMax + 15*time.Second

// errSilent says that nothing came back in time. What became of the transaction is unknown.
var errSilent = errors.New("the database did not answer in time")

// answered calls work with a context that ends when an answer is overdue.
func (l *Ledger) answered(ctx context.Context, work func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, orDefault(l.options.AnswerTimeMax, answerTimeMax))
	defer cancel()
	err := work(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errSilent, err)
	}
	return err
}

func orDefault(value, standard time.Duration) time.Duration {
	if value == 0 {
		return standard
	}
	return value
}

// expelFrozen is called where a position stays locked: it ends the sessions of sinks that froze in the middle of a COPY. The server interrupts a COPY by no
// timeout while it waits for the client's next row, so such a session would keep its lock for as long as its process is paused. Any statement older than the
// limit of statements is one that the server would have ended if it could.
//
// It acts as the user who connected, who may end sessions of their own.
func (l *Ledger) expelFrozen(ctx context.Context, locked error) error {
	if !lockNotAvailable(locked) {
		return locked
	}
	const expel = `select count(pg_terminate_backend(pid)) from pg_stat_activity
		where datname = current_database() and application_name = $1 and state = 'active' and wait_event = 'ClientRead' and pid <> pg_backend_pid()
			and current_setting('statement_timeout') <> '0' and query_start < now() - current_setting('statement_timeout')::interval`
	expelled := 0
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local role none"); err != nil {
			return err
		}
		return tx.QueryRow(ctx, expel, string(RoleSink)).Scan(&expelled)
	})
	if err != nil {
		return fmt.Errorf("%w; looking for sessions that are frozen: %w", locked, err)
	}
	return fmt.Errorf("%w; %d frozen sessions were ended", locked, expelled)
}
