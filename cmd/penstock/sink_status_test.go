package main

import (
	"context"
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

// TestTheStatusSaysWhyTheLedgerIsNotBooked: first a database whose disk is full, as a trigger tells it, then a record on the ledger's own topic that is no journal.
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

	client, err := kgo.NewClient(kgo.SeedBrokers(s.Endpoints.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	foreign := &kgo.Record{Topic: streams.LedgerJournal, Partition: 2, Value: []byte("not a journal")}
	if err := client.ProduceSync(t.Context(), foreign).FirstErr(); err != nil {
		t.Fatal(err)
	}
	out := untilStatus(t, dir, "role sink is stopped: ")
	for _, word := range []string{"tripwire undecodable", "ledger.journal.v1/2"} {
		if !strings.Contains(out, word) {
			t.Errorf("it does not say %q:\n%s", word, out)
		}
	}
}
