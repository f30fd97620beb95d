package postgres

import (
	"errors"
	"math/rand/v2"
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

// A full disk is told to the sink by an error of its own; a trigger says it here as the server would. The rows are all right, so it is no tripwire.
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
