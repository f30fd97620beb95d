package feed

import (
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// restartable is a broker that keeps its port and its data when it is stopped and started.
type restartable struct {
	*kfake.Cluster
	opts []kfake.Opt
}

func (r *restartable) start(t *testing.T) {
	t.Helper()
	cluster, err := kfake.NewCluster(r.opts...)
	if err != nil {
		t.Fatal(err)
	}
	r.Cluster = cluster
}

func newRestartable(t *testing.T) (*restartable, Connection) {
	t.Helper()
	r := &restartable{opts: []kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(t.TempDir())}}
	r.start(t)
	_, port, err := net.SplitHostPort(r.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	r.opts = append(r.opts, kfake.Ports(number))
	t.Cleanup(func() { r.Close() })
	return r, Connection{Brokers: r.ListenAddrs()}
}

func TestBrokerAwayIsWaitedForBySendersAndReaders(t *testing.T) {
	broker, connection := newRestartable(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	producer := newProducer(t, connection)
	if _, err := producer.Send(t.Context(), Message{Topic: "ingest.order.v1", Key: "!1", Value: []byte("before")}); err != nil {
		t.Fatal(err)
	}
	reader, err := NewReader(connection, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	reader.Add(Position{Place{"ingest.order.v1", 1}, 0})
	if batches, err := reader.Poll(t.Context()); err != nil || len(batches) != 1 {
		t.Fatalf("got %v, %v", batches, err)
	}

	broker.Close()
	var answered atomic.Bool
	sent := make(chan error, 1)
	producer.SendAsync(t.Context(), Message{Topic: "ingest.order.v1", Key: "!1", Value: []byte("after")}, func(_ Position, err error) {
		answered.Store(true)
		sent <- err
	})
	if answered.Load() {
		t.Fatal("a record was answered while the broker was away")
	}
	polled := make(chan []Batch, 1)
	failed := make(chan error, 1)
	go func() {
		batches, err := reader.Poll(t.Context())
		polled <- batches
		failed <- err
	}()
	broker.start(t)
	if err := <-sent; err != nil {
		t.Errorf("sending: %v", err)
	}
	batches := <-polled
	if err := <-failed; err != nil || len(batches) != 1 || string(batches[0].Records[0].Value) != "after" {
		t.Errorf("reading: %v, %v", batches, err)
	}
}
