package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// dropLockMax is how long an attempt at dropping tables waits for who reads one of them: shorter than the time after which Postgres looks for a
	// deadlock (a second), so that where both begin to wait together it is the dropping that gives way. A reader that has waited longer may be the one.
	dropLockMax = "500ms"
	// dropAttemptsMax bounds the attempts, and dropPause is the time between two: together some three and a half minutes.
	dropAttemptsMax = 60
	dropPause       = 3 * time.Second
)

// Patience is how dropping gives way to who reads the ledger. Between two attempts all locks are free, so that a question that waited is answered.
type Patience struct {
	// Attempts bounds the attempts at the tables, each of which waits for half a second per table; Pause is the time between two. 0 stands for 60, and for 3 s.
	Attempts int
	Pause    time.Duration
	// Waits, where given, is told of each attempt after which there will be another one: its number, and how many there may be.
	Waits func(attempt, attempts int)
}

// tables returns the tables of the months, journals before postings and shard by shard: the order in which questions lock them.
func (d *dropping) tables(ctx context.Context) ([]string, error) {
	const ask = `select c.relname, pg_total_relation_size(c.oid) from pg_inherits i
			join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent join pg_inherits o on o.inhrelid = p.oid
		where o.inhparent in ('ledger.journal'::regclass, 'ledger.posting'::regclass) and c.relname = p.relname || '_' || right(c.relname, 7) and right(c.relname, 7) <= $1
		order by o.inhparent = 'ledger.posting'::regclass, length(c.relname), c.relname`
	rows, err := d.tx.Query(ctx, ask, monthSuffix(int16(d.Last)))
	if err != nil {
		return nil, fmt.Errorf("looking for the tables of the months: %w", err)
	}
	var tables []string
	var name string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		tables = append(tables, pgx.Identifier{"ledger", name}.Sanitize())
		d.plan.Bytes += bytes
		return nil
	})
	if err == nil && len(tables) == 0 {
		err = errors.New("there are no tables of these months")
	}
	d.plan.Tables = len(tables)
	return tables, err
}

// dropWhenFree asks for the tables again and again, within its patience.
func (d *dropping) dropWhenFree(ctx context.Context, tables []string) error {
	attempts := cmp.Or(d.Patience.Attempts, dropAttemptsMax)
	for attempt := 1; ; attempt++ {
		err := d.dropTables(ctx, tables)
		switch {
		case !lockNotAvailable(err):
			return err
		case attempt >= attempts:
			return fmt.Errorf("the ledger was read at all of %d attempts, so nothing was dropped; try again when no long question is asked: %w", attempts, err)
		case d.Patience.Waits != nil:
			d.Patience.Waits(attempt, attempts)
		}
		select {
		case <-time.After(cmp.Or(d.Patience.Pause, dropPause)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dropTables waits a little for who reads. What it locked before it gives up is free again.
func (d *dropping) dropTables(ctx context.Context, tables []string) error {
	return pgx.BeginFunc(ctx, d.tx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local lock_timeout = '"+dropLockMax+"'; lock table ledger.dropped in access exclusive mode"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "drop table "+strings.Join(tables, ", "))
		return err
	})
}

// locksSQL counts what one act may lock: every table and index of the ledger, for it asks all months of each shard what they have, and whatever goes with the tables
// of the months, such as types and triggers; and how many locks the server has room for.
const locksSQL = `with recursive gone (class, object) as (
		select 'pg_class'::regclass::oid, c.oid from pg_class c
		where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'r' and c.relispartition and c.relname ~ '^(journal|posting)_[0-9]+_[0-9]{4}_[0-9]{2}$'
			and right(c.relname, 7) <= $1
		union
		select p.classid, p.objid from gone g join pg_depend p on p.refclassid = g.class and p.refobjid = g.object)
	select (select count(*) from pg_class where relnamespace = 'ledger'::regnamespace and relkind in ('r', 'p', 'i', 'I'))
			+ (select count(*) from gone g where not exists (
				select from pg_class c where g.class = 'pg_class'::regclass and c.oid = g.object and c.relnamespace = 'ledger'::regnamespace)),
		current_setting('max_locks_per_transaction')::bigint,
		current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint`

// locksBesideMax is how many locks an act takes of what is not the ledger's, such as catalogues.
const locksBesideMax = 64

// locks returns how many locks the act takes at most, and how many the server has room for: so many for each of the sessions that it may have.
func (d *dropping) locks(ctx context.Context) (needed, each, sessions int64, err error) {
	if err = d.tx.QueryRow(ctx, locksSQL, monthSuffix(int16(d.Last))).Scan(&needed, &each, &sessions); err != nil {
		err = fmt.Errorf("counting what is to be locked: %w", err)
	}
	return needed + locksBesideMax, each, sessions, err
}

// requireLocks refuses an act for which the server's table of locks is too small: it would fail at its end, after all months were read.
func (d *dropping) requireLocks(ctx context.Context) error {
	needed, each, sessions, err := d.locks(ctx)
	if err != nil || needed <= each*sessions {
		return err
	}
	return fmt.Errorf("it takes up to %d locks in one transaction, and the server has room for %d: set max_locks_per_transaction to %d or more (it is %d), and restart it",
		needed, each*sessions, (needed+sessions-1)/sessions, each)
}
