package postgres

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// complete says of every shard that all before its last journal's next moment is booked, and returns that moment.
func (l *testLedger) complete(t *testing.T, lives [testShards][]ledger.Journal) (before schemas.Instant) {
	t.Helper()
	for shard, life := range lives {
		last := &life[len(life)-1]
		at := l.claim(t, int32(shard))
		progress := &ledger.Progress{Shard: at.Shard, Sequence: last.Sequence, RecordedBefore: last.RecordedAt + 1}
		if _, err := l.Book(t.Context(), at, Batch{JournalOffset: at.JournalOffset, Progress: progress, ProgressOffset: at.ProgressOffset + 1}); err != nil {
			t.Fatal(err)
		}
		before = progress.RecordedBefore
	}
	return before
}

// moved are positions and progress that the sink did not move to where they are.
func moved() []tampering {
	const back = "alter table ledger.progress disable trigger forward_only; "
	return []tampering{
		{"progress beyond the clock", "update ledger.progress set recorded_before = now() + interval '2 days' where shard = 1", []string{"progress"}, "shard 1"},
		{"progress without an end", "update ledger.progress set recorded_before = 'infinity' where shard = 1", []string{"progress"}, "shard 1"},
		{"progress by a microsecond", "update ledger.progress set recorded_before = recorded_before + interval '1 microsecond' where shard = 1", []string{"progress"}, "shard 1"},
		{"progress beyond the journals", "update ledger.progress set sequence = 14 where shard = 2", []string{"progress"}, "shard 2"},
		{"progress of a journal that there is not", back + "update ledger.progress set sequence = -1 where shard = 2", []string{"progress", "recorded"}, "shard 2"},
		{"progress that journals belie", back + "update ledger.progress set sequence = 4 where shard = 0", []string{"recorded"}, "shard 0 journal 5"},
		{"no progress", "delete from ledger.progress where shard = 2", []string{"progress"}, "shard 2"},
		{"progress of no shard", "insert into ledger.progress (shard) values (9)", []string{"shards"}, "shard 9"},
		{"position before the last journal", "update ledger.position set sequence = 12 where topic = 'ledger.journal.v1' and partition = 1", []string{"position", "progress"}, "shard 1"},
		{"position with another head", "update ledger.position set head = sha256('x') where topic = 'ledger.journal.v1' and partition = 1", []string{"position"}, "shard 1"},
		{"position with another time", "update ledger.position set recorded_at = 'infinity' where topic = 'ledger.journal.v1' and partition = 1", []string{"position"}, "shard 1"},
		{"no position", "delete from ledger.position where topic = 'ledger.journal.v1' and partition = 1", []string{"position", "progress"}, "shard 1"},
		{"position of no shard", "insert into ledger.position (topic, partition) values ('ledger.journal.v1', 9)", []string{"shards"}, "shard 9"},
	}
}

func TestVerifyFindsPositionsThatTheSinkDidNotMove(t *testing.T) {
	test := openTestLedger(t)
	test.complete(t, test.bookLives(t))
	const keep = "create table public.position as select * from ledger.position; create table public.progress as select * from ledger.progress"
	const restore = `alter table ledger.progress enable always trigger forward_only; truncate ledger.position, ledger.progress;
		insert into ledger.position select * from public.position; insert into ledger.progress select * from public.progress`
	execute := func(statements string) {
		if _, err := test.super.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	execute(keep)
	for _, c := range moved() {
		execute(c.change)
		report := test.verify(t)
		if !slices.Equal(slices.Sorted(slices.Values(report.failed())), slices.Sorted(slices.Values(c.failed))) {
			t.Errorf("%s: %v failed, want %v", c.name, report.failed(), c.failed)
		}
		first := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == c.failed[0] })]
		if len(first.Findings) == 0 || first.Findings[0].Place != c.place {
			t.Errorf("%s: want the first finding at %s: %+v", c.name, c.place, first.Findings)
		}
		execute(restore)
	}
	if report := test.verify(t); !report.OK() {
		t.Errorf("with everything back in its place %v failed", report.failed())
	}
}

func TestWhatIsCalledCompleteNeverBecomesLess(t *testing.T) {
	test := openTestLedger(t)
	before := test.complete(t, test.bookLives(t))
	for _, role := range []Role{RoleSink, RoleOwner, "postgres"} {
		pool := openTestPool(t, test.url, role)
		for _, statement := range []string{
			"update ledger.progress set recorded_before = recorded_before - interval '1 millisecond' where shard = 1", "update ledger.progress set sequence = sequence - 1",
		} {
			if _, err := pool.Exec(t.Context(), statement); sqlState(err) != integrityViolation {
				t.Errorf("%s: %s: got %v, want SQLSTATE %s", role, statement, err, integrityViolation)
			}
		}
		if _, err := pool.Exec(t.Context(), "update ledger.progress set recorded_before = $1", before.Time()); err != nil {
			t.Errorf("%s: staying where it is: %v", role, err)
		}
	}
}

// TestNobodysOperatorsGetPastTheGuard: the trigger compares by the database's own operators, whatever the caller's search path has before them.
func TestNobodysOperatorsGetPastTheGuard(t *testing.T) {
	test := openTestLedger(t)
	test.complete(t, test.bookLives(t))
	const statements = `create schema theirs;
		create function theirs.never(timestamptz, timestamptz) returns boolean language sql as 'select false';
		create operator theirs.< (leftarg = timestamptz, rightarg = timestamptz, function = theirs.never);
		set local search_path = theirs, pg_catalog;
		update ledger.progress set recorded_before = recorded_before - interval '1 millisecond' where shard = 1`
	if _, err := test.super.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); sqlState(err) != integrityViolation {
		t.Errorf("with an operator of the caller's: got %v, want SQLSTATE %s", err, integrityViolation)
	}
}

// TestProgressThatWasRaisedByHandIsPutBack: the shard stops, and goes on once its owner has put progress back as the pages say.
func TestProgressThatWasRaisedByHandIsPutBack(t *testing.T) {
	test := openTestLedger(t)
	test.complete(t, test.bookLives(t))
	at := test.claim(t, 1)
	owner := openTestPool(t, test.url, RoleOwner)
	execute := func(statements string) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	execute("update ledger.progress set recorded_before = recorded_before + interval '1 hour' where shard = 1")
	progress := &ledger.Progress{Shard: 1, Sequence: at.CompleteSequence, RecordedBefore: at.RecordedBefore + 2000}
	book := func(at Position) error {
		_, err := test.Book(t.Context(), at, Batch{JournalOffset: at.JournalOffset, Progress: progress, ProgressOffset: at.ProgressOffset + 1})
		return err
	}
	var tripwire *TripwireError
	if err := book(at); !errors.As(err, &tripwire) || tripwire.Reason != ReasonRefused {
		t.Errorf("the next progress: got %v, want tripwire %s", err, ReasonRefused)
	}
	if err := book(test.claim(t, 1)); !errors.As(err, &tripwire) || tripwire.Reason != ReasonProgress {
		t.Errorf("the next progress after a restart: got %v, want tripwire %s", err, ReasonProgress)
	}
	execute(`begin;
		alter table ledger.progress disable trigger forward_only;
		update ledger.progress set sequence = 0, recorded_before = '-infinity' where shard = 1;
		alter table ledger.progress enable always trigger forward_only;
		commit`)
	if err := book(test.claim(t, 1)); err != nil {
		t.Errorf("the next progress after it was put back: %v", err)
	}
	if end := test.claim(t, 1); end.RecordedBefore != progress.RecordedBefore {
		t.Errorf("complete up to %s, want %s", end.RecordedBefore, progress.RecordedBefore)
	}
	if _, err := owner.Exec(t.Context(), "update ledger.progress set sequence = sequence - 1"); sqlState(err) != integrityViolation {
		t.Errorf("the trigger is not back: got %v", err)
	}
	if report := test.verify(t); !report.OK() {
		t.Errorf("with progress back in its place %v failed", report.failed())
	}
}

// TestSimulatedTimeMayBeAheadOfTheDatabase: where journals are from days to come, the database's clock says nothing of how far they are complete.
func TestSimulatedTimeMayBeAheadOfTheDatabase(t *testing.T) {
	test := openTestLedger(t)
	var lives [testShards][]ledger.Journal
	start := schemas.InstantOf(time.Now().AddDate(3, 0, 0))
	for shard := range int32(testShards) {
		chain := newTestChain(shard)
		chain.at = start
		lives[shard] = chain.buy(potIn(shard, 1), "i", 2000, 100)
		test.mustBook(t, test.claim(t, shard), lives[shard]...)
	}
	test.complete(t, lives)
	for _, c := range []struct {
		complete string
		failed   []string
	}{
		{"recorded_before", nil},
		{"recorded_before + interval '3 days'", nil}, // a weekend without journals
		{"'infinity'", []string{"progress"}},
	} {
		if _, err := test.super.Exec(t.Context(), "update ledger.progress set recorded_before = "+c.complete); err != nil {
			t.Fatal(err)
		}
		if report := test.verify(t); !slices.Equal(report.failed(), c.failed) {
			t.Errorf("complete up to %s: %v failed, want %v", c.complete, report.failed(), c.failed)
		}
	}
}

// TestAnchorsKeepWhatWasCalledComplete: who calls more complete, has that signed, and puts it back is found when journals come that are from before; who calls less
// complete than was signed is found at once.
func TestAnchorsKeepWhatWasCalledComplete(t *testing.T) {
	test := openTestLedger(t)
	var lives [testShards][]ledger.Journal
	chains := make([]*testChain, testShards)
	book := func(shard int32, journals ...ledger.Journal) {
		lives[shard] = append(lives[shard], journals...)
		test.mustBook(t, test.claim(t, shard), journals...)
	}
	for shard := range int32(testShards) {
		chains[shard] = newTestChain(shard)
		book(shard, chains[shard].buy(potIn(shard, 1), "i", 2000, 100)...)
	}
	honest := test.complete(t, lives)
	const move = "alter table ledger.progress disable trigger forward_only; update ledger.progress set recorded_before = $1"
	set := func(to schemas.Instant) {
		statement := strings.Replace(move, "$1", "'"+to.Time().UTC().Format(time.RFC3339Nano)+"'", 1)
		if _, err := test.super.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	options := VerifyOptions{}
	options.Anchors = append(options.Anchors, test.takeAnchor(t))
	expect := func(when string, failed ...string) *Report {
		t.Helper()
		report := test.verifyWith(t, options)
		if !slices.Equal(report.failed(), failed) {
			t.Errorf("%s: %v failed, want %v", when, report.failed(), failed)
		}
		return report
	}
	expect("as it was signed")
	set(honest - 5)
	report := expect("less than was signed", "progress")
	if check := report.Checks[slices.IndexFunc(report.Checks, func(c Check) bool { return c.Name == "progress" })]; check.Failed != testShards || check.Findings[0].Place != "shard 0" {
		t.Errorf("of all shards it is less: %+v", check)
	}
	set(MonthOf(honest).Begin())
	expect("put back to the beginning of its month", "progress")
	set(honest + 60_000)
	options.Anchors = append(options.Anchors, test.takeAnchor(t))
	set(honest)
	book(1, chains[1].buy(potIn(1, 2), "j", 2000, 100)...)
	report = expect("a journal from before what was signed", "recorded", "progress")
	check := report.Checks[slices.IndexFunc(report.Checks, func(c Check) bool { return c.Name == "recorded" })]
	if place := "shard 1 journal " + schemas.Units(int64(len(lives[0])+1)).Text(0); check.Findings[0].Place != place {
		t.Errorf("want the first finding at %s: %+v", place, check.Findings)
	}
}
