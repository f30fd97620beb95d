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
	// dropLockMax is how long an attempt at dropping tables waits for who reads any of them, all together: shorter than the time after which Postgres looks
	// for a deadlock (a second), so that it is the dropping that gives way, and never a reader that waits for it.
	dropLockMax = 500 * time.Millisecond
	// dropAttemptsMax bounds the attempts, and dropPause is the time between two: together some three and a half minutes.
	dropAttemptsMax = 60
	dropPause       = 3 * time.Second
)

// Patience is how dropping gives way to who reads the ledger. Between two attempts all locks are free, so that a question that waited is answered.
type Patience struct {
	// Attempts bounds the attempts at the tables, each of which waits for half a second at most; Pause is the time between two. 0 stands for 60, and for 3 s.
	Attempts int
	Pause    time.Duration
	// Waits, where given, is told of each attempt after which there will be another one: its number, and how many there may be.
	Waits func(attempt, attempts int)
}

// errBeingRead says that somebody read a table for all of the time that an attempt waits.
var errBeingRead = errors.New("it was being read")

// monthTables are the tables of the months, and what has to be locked to drop them: their parents too, for a table leaves its parent.
type monthTables struct{ locked, dropped []string }

// tables looks for the tables of the months: parents before their tables, journals before postings and shard by shard, the order in which questions lock them.
func (d *dropping) tables(ctx context.Context) (monthTables, error) {
	const ask = `with month as (
			select c.oid, c.relname, p.relname parent_name, o.inhparent = 'ledger.posting'::regclass posting from pg_inherits i
				join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent join pg_inherits o on o.inhrelid = p.oid
			where o.inhparent in ('ledger.journal'::regclass, 'ledger.posting'::regclass)
				and c.relname = p.relname || '_' || right(c.relname, 7) and right(c.relname, 7) <= $1)
		select name, dropped, bytes from (
			select relname name, true dropped, pg_total_relation_size(oid) bytes, posting from month
			union select parent_name, false, 0, posting from month) as locked
		order by posting, dropped, length(name), name`
	var tables monthTables
	rows, err := d.tx.Query(ctx, ask, monthSuffix(int16(d.Last)))
	if err != nil {
		return tables, fmt.Errorf("looking for the tables of the months: %w", err)
	}
	var name string
	var dropped bool
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &dropped, &bytes}, func() error {
		table := pgx.Identifier{"ledger", name}.Sanitize()
		tables.locked = append(tables.locked, "only "+table)
		if dropped {
			tables.dropped = append(tables.dropped, table)
			d.plan.Bytes += bytes
		}
		return nil
	})
	if err == nil && len(tables.dropped) == 0 {
		err = errors.New("there are no tables of these months")
	}
	d.plan.Tables = len(tables.dropped)
	return tables, err
}

// dropWhenFree asks for the tables again and again, within its patience.
func (d *dropping) dropWhenFree(ctx context.Context, tables monthTables) error {
	attempts := cmp.Or(d.Patience.Attempts, dropAttemptsMax)
	for attempt := 1; ; attempt++ {
		err := d.dropTables(ctx, tables)
		switch {
		case !errors.Is(err, errBeingRead):
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
func (d *dropping) dropTables(ctx context.Context, tables monthTables) error {
	return pgx.BeginFunc(ctx, d.tx, func(tx pgx.Tx) error {
		if err := lockWithin(ctx, tx, dropLockMax, tables.locked); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "drop table "+strings.Join(tables.dropped, ", "))
		return err
	})
}

// lockWithin locks ledger.dropped, for which readers in Go ask first, and then the tables, all in one statement: a limit of locks would hold for each of them
// anew, and those who wait for the first would be kept waiting while the last is waited for.
func lockWithin(ctx context.Context, tx pgx.Tx, within time.Duration, tables []string) error {
	if _, err := tx.Exec(ctx, "set local statement_timeout = "+milliseconds(within)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "lock table ledger.dropped, "+strings.Join(tables, ", ")+" in access exclusive mode"); err != nil {
		if lockNotAvailable(err) || canceled(err) {
			err = fmt.Errorf("%w: %w", errBeingRead, err)
		}
		return err
	}
	_, err := tx.Exec(ctx, "set local statement_timeout to default")
	return err
}

// locksSQL counts what one act may lock: every table and index of the ledger, for it asks all months of each shard what they have, and whatever goes with the
// tables of the months, such as types and triggers; and how many locks the server has room for.
const locksSQL = `with recursive gone (class, object) as (
		select 'pg_class'::regclass::oid, c.oid from pg_class c
		where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'r' and c.relispartition
			and c.relname ~ '^(journal|posting)_[0-9]+_[0-9]{4}_[0-9]{2}$' and right(c.relname, 7) <= $1
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
	return fmt.Errorf("it takes up to %d locks in one transaction, and the server has room for %d: "+
		"set max_locks_per_transaction to %d or more (it is %d), and restart it", needed, each*sessions, (needed+sessions-1)/sessions, each)
}
