package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
)

func newReader(t *testing.T, connection Connection) *Reader {
	t.Helper()
	reader, err := NewReader(connection, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return reader
}

// transact writes values to partition 0 of the topic in one transaction, ends it as told, and returns once the broker has
// written the marker, which it does after it answers.
func transact(t *testing.T, client *kgo.Client, topic string, end kgo.TransactionEndTry, values ...string) {
	t.Helper()
	stable := func() int64 {
		offsets, err := stableOffsets(t.Context(), client, topic)
		if err != nil {
			t.Fatal(err)
		}
		return offsets[Place{topic, 0}]
	}
	settled := stable() + int64(len(values)) + 1
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, value := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	for stable() < settled {
		runtime.Gosched()
	}
}

func readAll(t *testing.T, connection Connection, topic string) []string {
	t.Helper()
	var values []string
	err := ReadToEnd(t.Context(), connection, topic, func(record Record) error {
		values = append(values, string(record.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestReadToEndComesToAnEndBehindMarkersAndAbortedRecords(t *testing.T) {
	checkReadToEnd(t, newSystem(t))
}

// checkReadToEnd puts each kind of tail behind the records of a topic and reads it.
func checkReadToEnd(t *testing.T, connection Connection) {
	t.Helper()
	client := newTransactional(t, connection)
	const topic = "dealing.inbox.v1"
	if got := readAll(t, connection, topic); len(got) != 0 {
		t.Fatalf("an empty topic gave %q", got)
	}
	transact(t, client, topic, kgo.TryAbort, "only aborted")
	if got := readAll(t, connection, topic); len(got) != 0 {
		t.Fatalf("an aborted record was read: %q", got)
	}
	transact(t, client, topic, kgo.TryCommit, "a", "b")
	if got := readAll(t, connection, topic); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("before a commit's marker: %q", got)
	}
	transact(t, client, topic, kgo.TryAbort, "x", "y")
	transact(t, client, topic, kgo.TryAbort, "z")
	if got := readAll(t, connection, topic); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("before aborted records: %q", got)
	}
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, connection, topic); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("before an open transaction: %q", got)
	}
}

func TestReadToEndReadsEveryPartitionInOrderAndStopsAtAnError(t *testing.T) {
	connection := newSystem(t)
	producer := newProducer(t, connection)
	for _, key := range []string{"!3", "!1", "!0", "!3"} {
		if _, err := producer.Send(t.Context(), Message{Topic: "ingest.order.v1", Key: key, Value: []byte(key)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, connection, "ingest.order.v1"); !slices.Equal(got, []string{"!0", "!1", "!3", "!3"}) {
		t.Errorf("got %q", got)
	}
	enough := errors.New("enough")
	seen := 0
	err := ReadToEnd(t.Context(), connection, "ingest.order.v1", func(Record) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		t.Errorf("after %d records: %v", seen, err)
	}
	err = ReadToEnd(t.Context(), connection, "nowhere", func(Record) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "penstock topics") {
		t.Errorf("a missing topic: %v", err)
	}
}

func TestReaderReachesTheEndBehindAbortedRecords(t *testing.T) {
	connection := newSystem(t)
	client := newTransactional(t, connection)
	const topic = "dealing.inbox.v1"
	transact(t, client, topic, kgo.TryCommit, "a", "b")
	transact(t, client, topic, kgo.TryAbort, "x", "y")
	reader := newReader(t, connection)
	ends, err := reader.EndOffsets(t.Context(), topic)
	place := Place{topic, 0}
	if err != nil || ends[place] != 6 {
		t.Fatalf("ends %v, %v", ends, err)
	}
	reader.Add(Position{place, 1})
	var values []string
	for next := int64(1); next < ends[place]; {
		batches, err := reader.Poll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, batch := range batches {
			if batch.Place != place || batch.Next <= next || batch.Stable != 6 {
				t.Fatalf("batch %v after %d: next %d, stable %d", batch.Place, next, batch.Next, batch.Stable)
			}
			next = batch.Next
			for _, record := range batch.Records {
				values = append(values, string(record.Value))
			}
		}
	}
	if !slices.Equal(values, []string{"b"}) {
		t.Errorf("read %q", values)
	}
}

func TestReaderFollowsWhatIsAddedAndRemoved(t *testing.T) {
	connection := newSystem(t)
	producer := newProducer(t, connection)
	reader := newReader(t, connection)
	send := func(key, value string) {
		t.Helper()
		if _, err := producer.Send(t.Context(), Message{Topic: "ingest.order.v1", Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	one := func() string {
		t.Helper()
		batches, err := reader.Poll(t.Context())
		if err != nil || len(batches) != 1 || len(batches[0].Records) != 1 {
			t.Fatalf("got %v, %v", batches, err)
		}
		return string(batches[0].Records[0].Value)
	}
	send("!0", "zero")
	send("!1", "one")
	reader.Add(Position{Place{"ingest.order.v1", 0}, OffsetOldest})
	if got := one(); got != "zero" {
		t.Fatalf("got %q", got)
	}
	reader.Remove(Place{"ingest.order.v1", 0})
	send("!0", "more")
	reader.Add(Position{Place{"ingest.order.v1", 1}, 0})
	if got := one(); got != "one" {
		t.Fatalf("got %q", got)
	}
	reader.Add(Position{Place{"ingest.order.v1", 0}, 1})
	if got := one(); got != "more" {
		t.Fatalf("got %q", got)
	}
}

func TestReaderStopsWhereRecordsAreGoneInsteadOfSkipping(t *testing.T) {
	for name, offset := range map[string]int64{"removed": 1, "beyond the end": 9} {
		t.Run(name, func(t *testing.T) {
			cluster, connection := newCluster(t)
			apply(t, newTopics(t, connection, smallLayout()), declared())
			client := newTransactional(t, connection)
			const topic = "dealing.inbox.v1"
			transact(t, client, topic, kgo.TryCommit, "a", "b", "c")
			if err := cluster.DeleteRecords(topic, 0, 2); err != nil {
				t.Fatal(err)
			}
			reader := newReader(t, connection)
			reader.Add(Position{Place{topic, 0}, offset})
			batches, err := reader.Poll(t.Context())
			if !errors.Is(err, ErrRecordsGone) {
				t.Errorf("got %v, %v", batches, err)
			}
		})
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	reader := newReader(t, newSystem(t))
	reader.Add(Position{Place{"ingest.order.v1", 0}, OffsetNewest})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reader.Poll(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// ender ends a context at the very moment at which a client hands a record out.
type ender struct{ end context.CancelFunc }

// OnFetchRecordUnbuffered is kgo's hook.
func (e ender) OnFetchRecordUnbuffered(*kgo.Record, bool) { e.end() }

func TestWhatIsFetchedWhileTheContextEndsIsNotLost(t *testing.T) {
	connection := newSystem(t)
	place := Place{"ingest.order.v1", 0}
	if _, err := newProducer(t, connection).Send(t.Context(), Message{Topic: place.Topic, Key: "!0", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...), kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.WithHooks(ender{cancel}))
	if err != nil {
		t.Fatal(err)
	}
	reader := &Reader{client: client, log: slog.New(slog.DiscardHandler)}
	t.Cleanup(reader.Close)
	reader.Add(Position{place, 0})
	batches, err := reader.Poll(ctx)
	if err != nil || len(batches) != 1 || string(batches[0].Records[0].Value) != "v" {
		t.Errorf("got %v, %v, and no other poll gets it", batches, err)
	}
	if _, err := reader.Poll(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the next poll ends with %v", err)
	}
}

// TestReadPartitionToEndBeginsAtATime has records in two partitions, and timestamps that run backwards once.
func TestReadPartitionToEndBeginsAtATime(t *testing.T) {
	connection := newSystem(t)
	producer := newProducer(t, connection)
	for i, at := range []schemas.Instant{1000, 2000, 5000, 4000, 6000} {
		for _, key := range []string{"!1", "!2"} {
			message := Message{Topic: "ingest.order.v1", Key: key, Value: []byte(fmt.Sprint(key, "-", i)), Timestamp: at}
			if _, err := producer.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
		}
	}
	for since, want := range map[schemas.Instant][]string{
		-1: {"!1-0", "!1-1", "!1-2", "!1-3", "!1-4"}, 2000: {"!1-1", "!1-2", "!1-3", "!1-4"}, 4500: {"!1-2", "!1-3", "!1-4"}, 6000: {"!1-4"}, 6001: nil,
	} {
		var got []string
		err := ReadPartitionToEnd(t.Context(), connection, Place{"ingest.order.v1", 1}, since, func(record Record) error {
			got = append(got, string(record.Value))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("since %d: %q, want %q: %v", since, got, want, err)
		}
	}
	if err := ReadPartitionToEnd(t.Context(), connection, Place{"ingest.order.v1", 99}, 0, func(Record) error { return nil }); err == nil {
		t.Error("a partition that is not there was read")
	}
}

// TestReadFromPassesOverAbortedRecordsAndMarkers reads from each offset of a log whose last record is followed by others that nobody is handed.
func TestReadFromPassesOverAbortedRecordsAndMarkers(t *testing.T) {
	connection := newSystem(t)
	client := newTransactional(t, connection)
	place := Place{"dealing.inbox.v1", 0}
	transact(t, client, place.Topic, kgo.TryCommit, "a", "b")
	transact(t, client, place.Topic, kgo.TryAbort, "x")
	for offset, want := range []string{"ab", "b", "", "", "", ""} {
		got := ""
		err := ReadFrom(t.Context(), connection, Position{place, int64(offset)}, func(record Record) error { got += string(record.Value); return nil })
		if err != nil || got != want {
			t.Errorf("from %d: %q, want %q: %v", offset, got, want, err)
		}
	}
	enough := errors.New("enough")
	if err := ReadFrom(t.Context(), connection, Position{place, 0}, func(Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("after the first record: %v", err)
	}
}

// TestReadAtFindsCommittedRecordsOnly asks for records in an order of its own, and for an aborted one and a marker among them.
func TestReadAtFindsCommittedRecordsOnly(t *testing.T) {
	connection := newSystem(t)
	client := newTransactional(t, connection)
	const topic = "dealing.inbox.v1"
	transact(t, client, topic, kgo.TryCommit, "a", "b")
	transact(t, client, topic, kgo.TryAbort, "x")
	transact(t, client, topic, kgo.TryCommit, "c")
	var wanted []Position
	for _, offset := range []int64{5, 3, 0, 2, 1} { // c, x, a, the first marker, b
		wanted = append(wanted, Position{Place{topic, 0}, offset})
	}
	var got []string
	err := ReadAt(t.Context(), connection, wanted, func(record Record) error {
		got = append(got, string(record.Value))
		return nil
	})
	if err != nil || !slices.Equal(got, []string{"c", "a", "b"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if err := ReadAt(t.Context(), connection, []Position{{Place{"nowhere", 0}, 0}}, func(Record) error { return nil }); err == nil {
		t.Error("a missing topic was read")
	}
}
