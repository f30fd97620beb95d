package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

func newProducer(t *testing.T, connection Connection) *Producer {
	t.Helper()
	producer, err := NewProducer(connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	return producer
}

// newSystem starts a broker with the declared topics.
func newSystem(t *testing.T) Connection {
	t.Helper()
	_, connection := newCluster(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	return connection
}

func TestSendSaysWhereTheRecordLies(t *testing.T) {
	connection := newSystem(t)
	producer := newProducer(t, connection)
	three := int32(3)
	for _, test := range []struct {
		message   Message
		partition int32
	}{
		{Message{Topic: "ingest.order.v1", Key: "p1", Value: []byte("a"), Timestamp: 1_206_000_000_123}, streams.PartitionOf("p1", 4)},
		{Message{Topic: "ingest.order.v1", Key: "!2", Value: []byte("b")}, 2},
		{Message{Topic: "ingest.order.v1", Key: "p1", Value: []byte("c"), Partition: &three}, 3},
		{Message{Topic: "dealing.inbox.v1", Key: "x", Value: []byte("d")}, 0},
	} {
		position, err := producer.Send(t.Context(), test.message)
		if err != nil || position.Partition != test.partition || position.Topic != test.message.Topic {
			t.Fatalf("%s: at %v, %v, want partition %d", test.message.Value, position, err, test.partition)
		}
		record := recordAt(t, connection, position)
		if string(record.Value) != string(test.message.Value) || string(record.Key) != test.message.Key {
			t.Errorf("at %v lies %s=%s", position, record.Key, record.Value)
		}
		if test.message.Timestamp != 0 && record.Timestamp != test.message.Timestamp {
			t.Errorf("the timestamp became %v", record.Timestamp)
		}
	}
}

func recordAt(t *testing.T, connection Connection, position Position) Record {
	t.Helper()
	var found Record
	read := func(record Record) error {
		if record.Position == position {
			found = record
		}
		return nil
	}
	if err := ReadToEnd(t.Context(), connection, position.Topic, read); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAsynchronousRecordsOfAKeyStayInOrderAndAreEachAnsweredOnce(t *testing.T) {
	connection := newSystem(t)
	producer := newProducer(t, connection)
	const count = 3 * bufferedRecordsMax
	var mutex sync.Mutex
	answers := make(map[string]int)
	for i := range count {
		value := fmt.Sprint(i)
		producer.SendAsync(t.Context(), Message{Topic: "ingest.order.v1", Key: fmt.Sprint("p", i%7), Value: []byte(value)},
			func(_ Position, err error) {
				mutex.Lock()
				defer mutex.Unlock()
				answers[value]++
				if err != nil {
					t.Error(err)
				}
			})
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := make(map[string]int)
	read := 0
	err := ReadToEnd(t.Context(), connection, "ingest.order.v1", func(record Record) error {
		var n int
		if _, err := fmt.Sscan(string(record.Value), &n); err != nil {
			return err
		}
		if before, ok := last[string(record.Key)]; ok && n != before+7 {
			return fmt.Errorf("after %d came %d", before, n)
		}
		last[string(record.Key)] = n
		read++
		return nil
	})
	if err != nil || read != count || len(answers) != count {
		t.Errorf("read %d, answered %d of %d: %v", read, len(answers), count, err)
	}
	for value, times := range answers {
		if times != 1 {
			t.Errorf("%s was answered %d times", value, times)
		}
	}
}

func TestSendingToAMissingTopicNamesTheCommandThatCreatesIt(t *testing.T) {
	_, err := newProducer(t, newSystem(t)).Send(t.Context(), Message{Topic: "nowhere", Key: "k"})
	if err == nil || !strings.Contains(err.Error(), "penstock topics apply --execute") {
		t.Errorf("got %v", err)
	}
}

func TestRecordOverTheLimitFailsAndSaysSo(t *testing.T) {
	producer := newProducer(t, newSystem(t))
	if _, err := producer.Send(t.Context(), Message{Topic: "ingest.order.v1", Key: "k", Value: noise(RecordBytesMax)}); err != nil {
		t.Errorf("a record of the greatest size: %v", err)
	}
	if _, err := producer.Send(t.Context(), Message{Topic: "ingest.order.v1", Key: "k", Value: noise(2 * BatchBytesMax)}); err == nil {
		t.Error("a record over the limit was taken")
	}
}

// noise returns bytes that do not compress.
func noise(length int) []byte {
	b := make([]byte, 0, length+16)
	for i := 0; len(b) < length; i++ {
		id := schemas.DeriveID("noise", fmt.Sprint(i))
		b = append(b, id[:]...)
	}
	return b[:length]
}

func TestSendEndsWithItsContext(t *testing.T) {
	producer := newProducer(t, newSystem(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := producer.Send(ctx, Message{Topic: "ingest.order.v1", Key: "k"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// newTransactional makes a transactional client, as the engine has.
func newTransactional(t *testing.T, connection Connection) *kgo.Client {
	t.Helper()
	return newTransactionalAs(t, connection, "transactional")
}

func newTransactionalAs(t *testing.T, connection Connection, id string) *kgo.Client {
	t.Helper()
	opts, err := connection.Opts()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// A record that may have reached the broker is not given up by the client while the broker is away. Who sent it must get away all the same.
func TestSendEndsWithItsContextAlthoughTheBrokerIsAway(t *testing.T) {
	cluster, connection := newCluster(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	producer := newProducer(t, connection)
	ctx, cancel := context.WithCancel(t.Context())
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cancel()
		return nil, errors.New("the connection is cut"), true
	})
	_, err := producer.Send(ctx, Message{Topic: "ingest.order.v1", Key: "p1", Value: []byte("a")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the record that was given up has error %v", err)
	}
}
