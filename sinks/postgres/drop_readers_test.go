package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

// beginReading begins a transaction that may be idle for as long as the test is busy elsewhere, where the pool's limit would have Postgres end it. It ends with
// the test, also with one that fails: the pool waits for it when it is closed.
func beginReading(t *testing.T, pool *pgxpool.Pool, isolation pgx.TxIsoLevel) pgx.Tx {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: isolation})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tx.Rollback(context.Background()); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
			t.Error(err)
		}
	})
	if _, err := tx.Exec(t.Context(), "set local idle_in_transaction_session_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	return tx
}

// A transaction with one snapshot from its beginning does not see an opening that was written since, and finds no tables of the months any more.
func TestWhoReadSinceBeforeMonthsWereDroppedIsRefused(t *testing.T) {
	a := newArchived(t)
	tx := beginReading(t, a.auditor, pgx.RepeatableRead)
	if _, err := tx.Exec(t.Context(), "select * from report.complete_through"); err != nil {
		t.Fatal(err)
	}
	a.drop(t, testMarch)
	for _, from := range []string{"report.balances", "report.contra_balances", "report.balances_as_of()", "report.holdings_as_of()", "report.postings_as_of()", "report.client_money", "report.client_money_as_of()"} {
		err := pgx.BeginFunc(t.Context(), tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "select * from "+from)
			return err
		})
		if sqlState(err) != "40001" {
			t.Errorf("%s since before: %v", from, err)
		}
		if _, err := a.auditor.Exec(t.Context(), "select * from "+from); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}

// Where no month is left, there are no postings to be read beside which the sums could notice that their snapshot is too old.
func TestWhoReadSinceBeforeAllMonthsWereDroppedIsRefused(t *testing.T) {
	a := newArchived(t)
	a.completeBefore(t, testMarch+3)
	tx := beginReading(t, a.auditor, pgx.RepeatableRead)
	if _, err := tx.Exec(t.Context(), "select * from report.complete_through"); err != nil {
		t.Fatal(err)
	}
	for month := testMarch; month < testMarch+3; month++ {
		a.drop(t, month)
	}
	for _, from := range []string{
		"report.balances", "report.balances where shard = 1", "report.contra_balances", "report.contra_balances where shard = 1", "report.rounding",
		"report.balances_as_of()", "report.holdings_as_of()", "report.postings_as_of()", "report.client_money", "report.client_money_as_of()",
	} {
		err := pgx.BeginFunc(t.Context(), tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "select * from "+from)
			return err
		})
		if sqlState(err) != "40001" {
			t.Errorf("%s since before: %v", from, err)
		}
	}
}

// A reader with a snapshot of its own that began before is waited for, and given way to.
func TestMonthsAreNotDroppedUnderAReader(t *testing.T) {
	a := newArchived(t)
	drop := a.exported(t, testMarch)
	waits := 0
	drop.Patience = Patience{Attempts: 3, Pause: time.Millisecond, Waits: func(attempt, attempts int) {
		if waits++; attempt != waits || attempts != 3 {
			t.Errorf("attempt %d of %d, after %d", attempt, attempts, waits)
		}
	}}
	err := inSnapshot(t.Context(), a.auditor, func(pgx.Tx) error {
		_, err := DropMonths(t.Context(), a.owner, drop, true, nil)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "nothing was dropped; try again") {
		t.Errorf("with a reader: %v", err)
	}
	if acts, err := DroppedMonths(t.Context(), a.auditor); err != nil || len(acts) != 0 || waits != 2 {
		t.Errorf("with a reader %v was dropped (%v) after %d times of waiting", acts, err, waits)
	}
	a.drop(t, testMarch)
}

// It is the reader that goes first, however long it takes; then the same act goes on.
func TestADropGoesOnWhenTheReaderIsDone(t *testing.T) {
	a := newArchived(t)
	drop := a.exported(t, testMarch)
	reader := beginReading(t, a.auditor, pgx.ReadCommitted)
	if _, err := reader.Exec(t.Context(), "select count(*) from ledger.posting"); err != nil {
		t.Fatal(err)
	}
	const attemptsMax = 100
	waited := false
	drop.Patience = Patience{Attempts: attemptsMax, Pause: time.Millisecond, Waits: func(int, int) {
		if waited {
			return
		}
		waited = true
		if _, err := reader.Exec(t.Context(), "select count(*) from ledger.journal"); err != nil {
			t.Errorf("between two attempts the reader is kept waiting: %v", err)
		}
		if err := reader.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}}
	if plan, err := DropMonths(t.Context(), a.owner, drop, true, nil); err != nil || plan.Act != 1 || !waited {
		t.Errorf("after the reader: %+v, %v, waited: %t", plan, err, waited)
	}
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
}

// An attempt has one time for all tables. Were it one for each, who waits for the first table would be kept for as many times as there are tables that
// somebody reads.
func TestAnAttemptAtAllTablesHasOneTime(t *testing.T) {
	a := newArchived(t)
	drop := a.exported(t, testMarch)
	reader := beginReading(t, a.auditor, pgx.ReadCommitted)
	if _, err := reader.Exec(t.Context(), "select count(*) from ledger.posting_2_2008_03"); err != nil { // the last one
		t.Fatal(err)
	}
	drop.Patience = Patience{Attempts: 1}
	ended := make(chan struct{})
	var dropping error
	go func() {
		defer close(ended)
		_, dropping = DropMonths(t.Context(), a.owner, drop, true, nil)
	}()
	// Who asks for a table that the attempt holds already waits for the attempt, and is answered although the first reader reads on.
	for held := false; !held; {
		const holds = `select exists (select from pg_locks where relation = 'ledger.journal_0_2008_03'::regclass and mode = 'AccessExclusiveLock' and granted)`
		if err := a.super.QueryRow(t.Context(), holds).Scan(&held); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
			held = true // and let go again before it was seen
		default:
		}
	}
	if _, err := a.auditor.Exec(t.Context(), "select count(*) from ledger.journal_0_2008_03"); err != nil {
		t.Errorf("a reader of another table: %v", err)
	}
	if <-ended; sqlState(dropping) != "57014" || !errors.Is(dropping, errBeingRead) {
		t.Errorf("with a reader of the last table, dropping ends with %v", dropping)
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.drop(t, testMarch)
}

// The limit of an attempt is not that of what comes after: dropping takes as long as it takes.
func TestTheLimitOfAnAttemptEndsWithIt(t *testing.T) {
	a := newArchived(t)
	tx, err := a.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if err := lockWithin(t.Context(), tx, dropLockMax, []string{"only ledger.journal_0", "only ledger.journal_0_2008_03"}); err != nil {
		t.Fatal(err)
	}
	var limit, locks string
	const ask = `select current_setting('statement_timeout'), string_agg(relation::regclass::text, ' ' order by relation::regclass::text) from pg_locks
		where pid = pg_backend_pid() and mode = 'AccessExclusiveLock'`
	if err := tx.QueryRow(t.Context(), ask).Scan(&limit, &locks); err != nil {
		t.Fatal(err)
	}
	if want := "ledger.dropped ledger.journal_0 ledger.journal_0_2008_03"; limit != "0" || locks != want {
		t.Errorf("after locking, the limit is %s, and locked are %s, want %s", limit, locks, want)
	}
}

// TestADropIsRefusedWhereItsLocksHaveNoRoom gives a server the least room for locks, and the ledger so many months that all of their tables do not fit.
func TestADropIsRefusedWhereItsLocksHaveNoRoom(t *testing.T) {
	server := pgtest.StartServer(t)
	test := openTestLedgerAt(t, server.URL())
	for shard := range int32(testShards) {
		progress := &ledger.Progress{Shard: shard, RecordedBefore: (testMarch + 1).Begin()}
		if _, err := test.Book(t.Context(), test.claim(t, shard), Batch{Progress: progress, ProgressOffset: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := test.super.Exec(t.Context(), "alter system set max_locks_per_transaction = 10"); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	test.again()
	owner := openTestPool(t, server.URL(), RoleOwner)
	drop := Drop{First: testMarch, Last: testMarch, Cluster: "test", Runs: make([]Run, testShards), Operator: "anna", Reason: "x", Archive: "ledger-2008-03"}
	const months = 60
	for shard := range testShards {
		for month := range Month(months) {
			if _, err := test.super.Exec(t.Context(), "select ledger.ensure_partition($1, $2)", shard, int(testMarch+month)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := DropMonths(t.Context(), owner, drop, false, nil)
	if err == nil || !strings.Contains(err.Error(), "set max_locks_per_transaction to ") {
		t.Errorf("without room for locks: %v", err)
	}
}

// TestADropTakesNoMoreLocksThanItCounts looks at what an act has locked before it commits.
func TestADropTakesNoMoreLocksThanItCounts(t *testing.T) {
	a := newArchived(t)
	drop := a.exported(t, testMarch)
	errEnough := errors.New("it is seen")
	err := pgx.BeginFunc(t.Context(), a.owner, func(tx pgx.Tx) error {
		d := &dropping{Drop: drop, execute: true, plan: &DropPlan{Dropped: Dropped{First: testMarch, Last: testMarch, Operator: "anna", Reason: "x", Archive: "a"}}}
		d.tx = tx
		needed, _, _, err := d.locks(t.Context())
		if err != nil {
			return err
		}
		if err := d.run(t.Context(), tx); err != nil {
			return err
		}
		const locked = `select count(distinct (locktype, database, relation, classid, objid, objsubid)) from pg_locks
			where pid = pg_backend_pid() and locktype in ('relation', 'object')`
		var taken int64
		if err := tx.QueryRow(t.Context(), locked).Scan(&taken); err != nil {
			return err
		}
		t.Logf("%d locks, of %d", taken, needed)
		if taken > needed || needed > 2*taken {
			t.Errorf("it takes %d locks, and counted %d", taken, needed)
		}
		return errEnough
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
}
