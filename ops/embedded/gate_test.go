package embedded

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A producer that was there before the broker, as after a restart, gets no record in without the broker's time.
func TestWhoWaitedForTheBrokerGetsItsTimeFromTheFirstRecordOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "kafka")
	begin := func() (client *kgo.Client, start func() *broker) {
		listener, err := net.Listen("tcp", addressAny)
		must(t, err)
		client = newClient(t, seen{Kafka: listener.Addr().String()}, kgo.ConsumeTopics(testTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		return client, func() *broker {
			b, err := startBroker(brokerConfig{
				dir: dir, listener: listener, restamp: func(string) bool { return true }, log: slog.New(slog.DiscardHandler),
				fault: func(err error) { t.Errorf("fault: %v", err) },
			})
			must(t, err)
			return b
		}
	}
	client, start := begin()
	first := start()
	_, err := kadm.NewClient(client).CreateTopic(deadline(t), 1, 1, nil, testTopic)
	must(t, err)
	client.Close()
	must(t, first.close())

	client, start = begin()
	defer client.Close()
	const records = 20
	long := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	sent := make(chan error, records)
	for range records {
		client.Produce(deadline(t), &kgo.Record{Topic: testTopic, Value: []byte("v"), Timestamp: long}, func(_ *kgo.Record, err error) { sent <- err })
	}
	b := start()
	defer func() { must(t, b.close()) }()
	for range records {
		must(t, <-sent)
	}
	for _, record := range poll(deadline(t), t, client, records) {
		if record.Timestamp.Equal(long) {
			t.Errorf("the record at %d has its producer's time", record.Offset)
		}
	}
}

func TestAGateLetsNobodyInBeforeItIsOpened(t *testing.T) {
	listener, err := net.Listen("tcp", addressAny)
	must(t, err)
	g := newGate(listener)
	accepted := make(chan error, 1)
	accept := func() {
		conn, err := g.Accept()
		if err == nil {
			err = conn.Close()
		}
		accepted <- err
	}
	go accept()
	guest, err := new(net.Dialer).DialContext(context.Background(), "tcp", listener.Addr().String())
	must(t, err)
	defer func() { _ = guest.Close() }()
	select {
	case err := <-accepted:
		t.Fatalf("a closed gate answered %v", err)
	default:
	}
	g.open()
	must(t, <-accepted)

	other, err := net.Listen("tcp", addressAny)
	must(t, err)
	g = newGate(other)
	go accept()
	must(t, g.Close())
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a gate that was never opened ended with %v", err)
	}
}
