package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// untilStatus asks for the status until the command fails with these words, or succeeds where there are none.
func untilStatus(t *testing.T, dir, says string) (printed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	defer cancel()
	for {
		out, err := penstock(t, "", "status", "--dir", dir)
		if says == "" && err == nil || says != "" && err != nil && strings.Contains(err.Error(), says) {
			return out
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the status is %v and not %q:\n%s", err, says, out)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestTheStatusSaysWhyTheLedgerIsNotBooked: first a database whose disk is full, as a trigger tells it, then one that
// does not get on with a statement, then a journal that comes twice, and a record on the
// ledger's own topic that is no journal.
func TestTheStatusSaysWhyTheLedgerIsNotBooked(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	untilStatus(t, dir, "")
	super, err := pgx.Connect(t.Context(), s.Endpoints.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = super.Close(context.Background()) }()
	execute := func(statement string) {
		t.Helper()
		if _, err := super.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	execute(`create table ledger.disk as select true as is_full; grant select on ledger.disk to penstock_sink;
		create function ledger.disk_full() returns trigger language plpgsql as $$ begin
			if (select is_full from ledger.disk) then
				raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '53100';
			end if;
			return new; end $$;
		create trigger disk_full before insert on ledger.posting for each row execute function ledger.disk_full()`)
	must(t, tour, "produce", "ingest.instruction.v1", "--dir", dir)
	if out := untilStatus(t, dir, "role sink is waiting: "); !strings.Contains(out, "No space left on device") {
		t.Errorf("it does not say what is missing:\n%s", out)
	}
	execute("update ledger.disk set is_full = false")
	untilStatus(t, dir, "")

	// Somebody holds the positions, so that no statement of the sink gets on.
	execute("begin; select from ledger.position for update")
	more := `{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"1.00","split":[{"asset":"IBM","weight":"1"}]}}}`
	must(t, more, "produce", "ingest.instruction.v1", "--dir", dir)
	if out := untilStatus(t, dir, "role sink is waiting: "); !strings.Contains(out, "lock timeout") {
		t.Errorf("it does not say what it waits for:\n%s", out)
	}
	execute("rollback")
	untilStatus(t, dir, "")

	client, err := kgo.NewClient(kgo.SeedBrokers(s.Endpoints.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ConsumeTopics(streams.LedgerJournal), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	stops := func(foreign *kgo.Record, reason string) {
		t.Helper()
		if err := client.ProduceSync(t.Context(), foreign).FirstErr(); err != nil {
			t.Fatal(err)
		}
		place := fmt.Sprintf("%s/%d", foreign.Topic, foreign.Partition)
		if out := untilStatus(t, dir, "tripwire "+reason); !strings.Contains(out, "tripwire "+reason) || !strings.Contains(out, place) {
			t.Errorf("it does not say %q and %q:\n%s", reason, place, out)
		}
	}
	booked := client.PollFetches(t.Context()).Records()
	if len(booked) == 0 {
		t.Fatal("there is no journal")
	}
	first := booked[0]
	stops(&kgo.Record{Topic: first.Topic, Partition: first.Partition, Key: first.Key, Value: first.Value}, "sequence")
	const shards = 4
	stops(&kgo.Record{Topic: first.Topic, Partition: (first.Partition + 1) % shards, Value: []byte("not a journal")}, "undecodable")
}
