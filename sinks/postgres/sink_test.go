package postgres

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// plainFraming puts one byte before each value; the registry's own framing is tested where it is made.
type plainFraming struct{}

func (plainFraming) Frame(_ string, b []byte) []byte { return append(b, 0) }

func (plainFraming) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) {
	if len(framed) == 0 || framed[0] != 0 {
		return nil, &streams.Unreadable{Reason: "no frame"}
	}
	return framed[1:], nil
}

// testTopics is a broker with the ledger topics and a client that writes to them.
type testTopics struct {
	t          *testing.T
	broker     *kfake.Cluster
	connection feed.Connection
	client     *kgo.Client
}

func newTestTopics(t *testing.T) *testTopics {
	t.Helper()
	return newTestTopicsIn(t, "test")
}

// newTestTopicsIn makes the topics in a cluster of the given id.
func newTestTopicsIn(t *testing.T, cluster string) *testTopics {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID(cluster),
		kfake.SeedTopics(testShards, streams.LedgerJournal, streams.LedgerProgress), kfake.SeedTopics(1, streams.LedgerTrade))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	connection := feed.Connection{Brokers: broker.ListenAddrs()}
	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &testTopics{t: t, broker: broker, connection: connection, client: client}
}

func (k *testTopics) produce(topic string, partition int32, value []byte) {
	k.t.Helper()
	record := &kgo.Record{Topic: topic, Partition: partition, Value: value}
	if err := k.client.ProduceSync(k.t.Context(), record).FirstErr(); err != nil {
		k.t.Fatal(err)
	}
}

func (k *testTopics) journals(journals ...ledger.Journal) {
	k.t.Helper()
	for i := range journals {
		k.produce(streams.LedgerJournal, journals[i].Shard, journals[i].AppendAvro([]byte{0}))
	}
}

func (k *testTopics) progress(chain *testChain) {
	progress := ledger.Progress{Shard: chain.shard, Sequence: chain.sequence, RecordedBefore: chain.at + 1}
	k.produce(streams.LedgerProgress, chain.shard, progress.AppendAvro([]byte{0}))
}

// runSink runs a sink until the returned function is called.
func (k *testTopics) runSink(test *testLedger) (sink *Sink, stop func()) {
	k.t.Helper()
	return k.runSinkOn(test.pool, io.Discard, LedgerOptions{})
}

// runSinkOn runs a sink over the given pool, which logs its warnings.
func (k *testTopics) runSinkOn(pool *pgxpool.Pool, log io.Writer, options LedgerOptions) (sink *Sink, stop func()) {
	k.t.Helper()
	options.Shards = testShards
	sink, err := NewSink(Config{
		Connection: k.connection, Framing: plainFraming{}, Pool: pool, Ledger: options,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			k.t.Errorf("the sink ended with %v", err)
		}
	}
	k.t.Cleanup(stop)
	return sink, stop
}

// until asks the condition again until it holds; the test's own deadline bounds it.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.Fatalf("waiting until %s", what)
		}
		runtime.Gosched()
	}
}

func (l *testLedger) sequence(t *testing.T, shard int32) int64 {
	return count(t, l.super, "select sequence from ledger.position where topic = $1 and partition = $2", streams.LedgerJournal, shard)
}

func TestSinkBooksWhatItReadsAndGoesOnAfterARestart(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	random := rand.New(rand.NewPCG(3, 4))
	var chains [testShards]*testChain
	for shard := range chains {
		chains[shard] = newTestChain(int32(shard))
		topics.journals(chains[shard].life(random, 10)...)
		topics.progress(chains[shard])
	}
	topics.trade("batched", 0)
	allBooked := func() bool {
		for shard := range chains {
			if test.sequence(t, int32(shard)) != chains[shard].sequence {
				return false
			}
		}
		return count(t, test.super, "select count(*) from ledger.progress where recorded_before > '-infinity'") == testShards
	}
	_, stop := topics.runSink(test)
	until(t, "all shards are booked", allBooked)
	until(t, "the trade is booked", func() bool {
		return count(t, test.super, "select count(*) from report.trades where status = 'batched'") == 1
	})
	stop()

	for shard := range chains {
		topics.journals(chains[shard].life(random, 3)...)
	}
	topics.trade("placed", 1)
	_, stop = topics.runSink(test)
	until(t, "all shards are booked again", allBooked)
	until(t, "the trade moves on", func() bool {
		return count(t, test.super, "select count(*) from report.trades where status = 'placed'") == 1
	})
	stop()
	if got := count(t, test.super, "select count(*) from ledger.trade_part"); got != testShards {
		t.Errorf("%d parts of the trade stored, want %d", got, testShards)
	}
}

func (k *testTopics) trade(event string, number int) {
	trade := ledger.Trade{
		ID: *testID(event), Trade: *testID("trade"), Event: event, Day: 13958, Custodian: testCustodian, Asset: testAsset, UnitsScale: testScale,
		Side: ledger.TradeSideBuy, Ordered: 100_000_000, Orders: 3, SettlesOn: 13962, RecordedAt: 1_206_000_000_000 + schemas.Instant(number),
	}
	if event == "batched" {
		for shard := range int32(testShards) {
			trade.Shards = append(trade.Shards, ledger.ShardPart{Shard: shard, Weight: 10_000, Orders: 1})
		}
	}
	k.produce(streams.LedgerTrade, 0, trade.AppendAvro([]byte{0}))
}

func TestSinkStopsOnlyThePartitionOfATripwire(t *testing.T) {
	for name, c := range map[string]struct {
		reason Reason
		change func([]ledger.Journal) []ledger.Journal
	}{
		"another hash":     {ReasonHash, func(j []ledger.Journal) []ledger.Journal { j[4].Hash[0]++; return j }},
		"another content":  {ReasonHash, func(j []ledger.Journal) []ledger.Journal { j[4].Postings[0].Quantity += 10_000; return j }},
		"a gap":            {ReasonSequence, func(j []ledger.Journal) []ledger.Journal { return slices.Delete(j, 4, 5) }},
		"a doubled record": {ReasonSequence, func(j []ledger.Journal) []ledger.Journal { return slices.Insert(j, 4, j[3]) }},
		"another chain":    {ReasonPrevious, func(j []ledger.Journal) []ledger.Journal { j[4].Link(5, ledger.Hash{1}); return j }},
	} {
		t.Run(name, func(t *testing.T) {
			test, topics := openTestLedger(t), newTestTopics(t)
			bad, good := newTestChain(0), newTestChain(1)
			topics.journals(c.change(append(bad.buy("p", "i1", 100, 5), bad.buy("p", "i2", 100, 5)...))...)
			sink, stop := topics.runSink(test)
			until(t, "the tripwire is seen", func() bool { return sink.Stopped() != nil })
			topics.journals(good.buy("p", "i", 100, 5)...)
			until(t, "the other shard is booked", func() bool { return test.sequence(t, 1) == 3 })
			var tripwire *TripwireError
			if err := sink.Stopped(); !errors.As(err, &tripwire) || tripwire.Reason != c.reason {
				t.Errorf("stopped by %v, want tripwire %s", err, c.reason)
			}
			stop()
			// How much of what came before was booked depends on how the records were fetched.
			at, stored := test.sequence(t, 0), count(t, test.super, "select count(*) from ledger.journal where shard = 0")
			if at > 4 || stored != at {
				t.Errorf("the stopped shard is booked up to %d, with %d journals", at, stored)
			}
		})
	}
}

func TestSinkStopsAtARecordThatIsNoJournal(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	topics.produce(streams.LedgerJournal, 2, []byte{0, 1, 2, 3})
	sink, stop := topics.runSink(test)
	until(t, "the tripwire is seen", func() bool { return sink.Stopped() != nil })
	stop()
	if err := sink.Stopped(); err != nil {
		t.Errorf("after the partition was let go of: %v", err)
	}
}

func TestSinkWaitsForItsDatabaseAndGoesOn(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	chain := newTestChain(0)
	sink, stop := topics.runSink(test)
	topics.journals(chain.buy("p", "i1", 100, 5)...)
	until(t, "the first journals are booked", func() bool { return test.sequence(t, 0) == 3 })

	// A server whose one database is closed looks to the sink like one that is away.
	database := test.pool.Config().ConnConfig.Database
	other := openTestPool(t, strings.Replace(test.url, "/"+database, "/postgres", 1), "postgres")
	deny := func(allow string) {
		if _, err := other.Exec(t.Context(), "alter database "+database+" allow_connections "+allow); err != nil {
			t.Fatal(err)
		}
	}
	deny("false")
	test.terminateSinks(t)
	topics.journals(chain.buy("p", "i2", 100, 5)...)
	until(t, "the sink says that it waits", func() bool { return sink.Waiting() != "" })
	deny("true")
	until(t, "the rest is booked", func() bool { return test.sequence(t, 0) == 6 })
	until(t, "the sink no longer says that it waits", func() bool { return sink.Waiting() == "" })
	stop()
}

func (l *testLedger) terminateSinks(t *testing.T) {
	t.Helper()
	const sinks = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'penstock_sink' and datname = current_database()"
	count(t, l.super, sinks)
}

func TestAFencedSinkClaimsAgainWhileItIsAssigned(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	chain := newTestChain(0)
	_, stop := topics.runSink(test)
	topics.journals(chain.buy("p", "i1", 100, 5)...)
	until(t, "the first journals are booked", func() bool { return test.sequence(t, 0) == 3 })
	intruder := test.claim(t, 0)
	topics.journals(chain.buy("p", "i2", 100, 5)...)
	until(t, "the rest is booked", func() bool { return test.sequence(t, 0) == 6 })
	stop()
	if _, err := test.Book(t.Context(), intruder, Batch{}); !errors.Is(err, ErrFenced) {
		t.Errorf("the intruder: got %v, want ErrFenced", err)
	}
}

func TestTwoSinksShareTheShardsAndBookEachJournalOnce(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	random := rand.New(rand.NewPCG(7, 8))
	var chains [testShards]*testChain
	produce := func() {
		for shard := range chains {
			topics.journals(chains[shard].life(random, 5)...)
		}
	}
	allBooked := func() bool {
		for shard := range chains {
			if test.sequence(t, int32(shard)) != chains[shard].sequence {
				return false
			}
		}
		return true
	}
	for shard := range chains {
		chains[shard] = newTestChain(int32(shard))
	}
	produce()
	first, stopFirst := topics.runSink(test)
	until(t, "the first sink books", allBooked)
	second, stopSecond := topics.runSink(test)
	until(t, "the second sink has a part", func() bool { return len(second.positions()) > 0 && len(first.positions()) > 0 })
	produce()
	until(t, "both book", allBooked)
	stopFirst()
	produce()
	until(t, "the second sink books alone", allBooked)
	stopSecond()
	for _, check := range test.verify(t).Checks {
		if !check.OK() && check.Name != "one-pot" { // the chains do not look where their pots belong
			t.Errorf("%s: %+v", check.Name, check.Findings)
		}
	}
}

func TestProgressIsHeldBackUntilItsJournalsAreThere(t *testing.T) {
	chain := newTestChain(0)
	journals := chain.buy("p", "i", 100, 5)
	var inbox shardInbox
	for sequence := range int64(4) {
		inbox.addProgress(pendingProgress{ledger.Progress{Sequence: sequence, RecordedBefore: 10}, 20 + sequence})
	}
	inbox.journals, inbox.offsets, inbox.following = journals[:2], []int64{7, 9}, 12
	batch, ok := inbox.next(&Position{}, batchRecordsMax)
	if !ok || batch.Progress.Sequence != 2 || batch.ProgressOffset != 23 || batch.JournalOffset != 12 {
		t.Fatalf("with two journals: %v %+v", ok, batch)
	}
	if _, ok = inbox.next(&Position{Sequence: 2}, batchRecordsMax); ok {
		t.Fatal("progress was due before its journal")
	}
	inbox.journals, inbox.offsets, inbox.following = journals[2:], []int64{13}, 14
	batch, ok = inbox.next(&Position{Sequence: 2, JournalOffset: 12, ProgressOffset: 23}, batchRecordsMax)
	if !ok || batch.Progress.Sequence != 3 || batch.ProgressOffset != 24 {
		t.Fatalf("with the third journal: %v %+v", ok, batch)
	}
}

func TestProgressThatWaitsIsBounded(t *testing.T) {
	var inbox shardInbox
	const records = 10 * progressPendingMax
	for i := range int64(records) {
		inbox.addProgress(pendingProgress{ledger.Progress{Sequence: i}, i})
		if len(inbox.progress) > progressPendingMax {
			t.Fatalf("%d records wait", len(inbox.progress))
		}
	}
	if last := inbox.progress[len(inbox.progress)-1]; last.Sequence != records-1 {
		t.Errorf("the newest record kept is %d of %d", last.Sequence, records)
	}
}
