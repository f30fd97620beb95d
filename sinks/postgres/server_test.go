package postgres

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

// again forgets connections to a server that is no more.
func (l *testLedger) again() {
	l.super.Reset()
	l.auditor.Reset()
}

func TestAServerKilledAroundACommitBooksEachJournalOnce(t *testing.T) {
	for name, moment := range map[string]Step{"before the commit": StepCopied, "after the commit": StepBooked} {
		t.Run(name, func(t *testing.T) {
			server := pgtest.StartServer(t)
			test, topics, said := openTestLedgerAt(t, server.URL()), newTestTopics(t), new(transcript)
			var once sync.Once
			killed := make(chan struct{})
			chains := newTestChains()
			topics.lives(rand.New(rand.NewPCG(10, 11)), chains)
			_, stop := topics.runSinkOn(test.pool, said, LedgerOptions{Faults: func(_ int32, at Step) (err error) {
				if at == moment {
					once.Do(func() {
						server.Kill()
						close(killed)
						err = errors.New("the server was killed")
					})
				}
				return err
			}})
			<-killed
			until(t, "the sink says that it waits", func() bool { return said.holds("the ledger sink waits") })
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			test.again()
			until(t, "all is booked", func() bool { return test.booked(t, chains) })
			stop()
			test.checkBooked(t, chains)
		})
	}
}

func TestAServerThatFreezesIsWaitedFor(t *testing.T) {
	server := pgtest.StartServer(t)
	test, topics, said := openTestLedgerAt(t, server.URL()), newTestTopics(t), new(transcript)
	random, chains := rand.New(rand.NewPCG(12, 13)), newTestChains()
	topics.lives(random, chains)
	_, stop := topics.runSinkOn(test.pool, said, LedgerOptions{AnswerTimeMax: 2 * time.Second})
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	server.Freeze(t)
	topics.lives(random, chains)
	until(t, "the sink says what it waits for", func() bool { return said.holds("did not answer in time") })
	server.Thaw()
	until(t, "the rest is booked", func() bool { return test.booked(t, chains) })
	stop()
	test.checkBooked(t, chains)
}

func TestAServerOnAFullDiskIsWaitedFor(t *testing.T) {
	server := pgtest.StartServerOnSmallDisk(t)
	test, topics, said := openTestLedgerAt(t, server.URL()), newTestTopics(t), new(transcript)
	random, chains := rand.New(rand.NewPCG(16, 17)), newTestChains()
	topics.lives(random, chains)
	sink, stop := topics.runSinkOn(test.pool, said, LedgerOptions{})
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	server.Fill(t)
	until(t, "the sink says what it waits for", func() bool {
		topics.lives(random, chains) // the last page of a table may have room for a few
		return said.holds("No space left on device")
	})
	if err := sink.Stopped(); err != nil {
		t.Errorf("the sink stopped: %v", err)
	}
	if report := test.verify(t); slices.Contains(report.failed(), "chain") || slices.Contains(report.failed(), "position") {
		t.Errorf("on the full disk: %v", report.failed())
	}
	server.Free()
	until(t, "the rest is booked", func() bool { return test.booked(t, chains) })
	stop()
	test.checkBooked(t, chains)
}

// Where the server finds no room for its own log of changes, it gives up: with it go all sessions, and it does not come back before there is room.
func TestAServerThatFindsNoRoomForItsLogIsWaitedFor(t *testing.T) {
	server := pgtest.StartServerOnSmallDisk(t)
	test, topics, said := openTestLedgerAt(t, server.URL()), newTestTopics(t), new(transcript)
	random, chains := rand.New(rand.NewPCG(18, 19)), newTestChains()
	topics.lives(random, chains)
	_, stop := topics.runSinkOn(test.pool, said, LedgerOptions{})
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	said.forget()
	server.Fill(t)
	// Each call begins another file of the log; the first for which there is no room ends the server.
	const logFilesMax = 100
	for n := 0; ; n++ {
		if _, err := test.super.Exec(t.Context(), "select pg_switch_wal(), pg_logical_emit_message(false, 'test', 'x')"); err != nil {
			break
		}
		if n == logFilesMax {
			t.Fatal("a server without room wrote all of its log")
		}
	}
	topics.lives(random, chains)
	until(t, "the sink says that it waits", func() bool { return said.holds("the ledger sink waits") })
	server.Free()
	until(t, "the server answers again", func() bool {
		if server.Ended() {
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		return test.super.Ping(t.Context()) == nil
	})
	test.again()
	until(t, "the rest is booked", func() bool { return test.booked(t, chains) })
	stop()
	test.checkBooked(t, chains)
}

// A full disk is told to the sink by an error of its own; a trigger says it here as the server would, for machines on which no small disk can be mounted. The rows are all right, so it
// is no tripwire.
func TestADatabaseWhoseDiskIsFullIsWaitedFor(t *testing.T) {
	test, topics, said := openTestLedger(t), newTestTopics(t), new(transcript)
	for _, statement := range []string{
		"create table ledger.disk as select true as is_full",
		"grant select on ledger.disk to penstock_sink",
		`create function ledger.disk_full() returns trigger language plpgsql as $$ begin
			if (select is_full from ledger.disk) then
				raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100';
			end if;
			return new; end $$`,
		"create trigger disk_full before insert on ledger.posting for each row execute function ledger.disk_full()",
	} {
		if _, err := test.super.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	chains := newTestChains()
	topics.lives(rand.New(rand.NewPCG(14, 15)), chains)
	sink, stop := topics.runSinkOn(test.pool, said, LedgerOptions{})
	until(t, "the sink says what it waits for", func() bool { return said.holds("No space left on device") })
	if err := sink.Stopped(); err != nil {
		t.Errorf("the sink stopped: %v", err)
	}
	if got := count(t, test.super, "select count(*) from ledger.journal"); got != 0 {
		t.Errorf("%d journals are booked without their postings", got)
	}
	// The trigger stays: to drop it could deadlock with a sink that writes.
	if _, err := test.super.Exec(t.Context(), "update ledger.disk set is_full = false"); err != nil {
		t.Fatal(err)
	}
	until(t, "all is booked", func() bool { return test.booked(t, chains) })
	stop()
	test.checkBooked(t, chains)
}
