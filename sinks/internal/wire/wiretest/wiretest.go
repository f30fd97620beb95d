// Package wiretest is a broker and a registry in memory, for tests of a counterparty on its wire.
package wiretest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	// timeMax bounds a test, for a machine that is slow and busy.
	timeMax = 5 * time.Minute
	// shards is how many partitions the instructions have.
	shards = 2
	// tickEvery is the pause between two ticks, tickStep by how much they differ.
	tickEvery = 200 * time.Millisecond
	tickStep  = schemas.Instant(60_000)
)

// Rig is the other end of a wire, for one test. It is taken down with the test, and fails it when something cannot be done.
type Rig struct {
	*testing.T
	Connection feed.Connection
	Registry   *feed.Registry
	Log        *slog.Logger

	ctx      context.Context
	producer *feed.Producer
	reader   *feed.Reader
}

// New makes a rig with the topics.
func New(t *testing.T, topics []streams.Topic) *Rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeMax)
	t.Cleanup(cancel)
	r := &Rig{T: t, Log: slog.New(slog.DiscardHandler), ctx: ctx}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	r.must(err)
	t.Cleanup(cluster.Close)
	schemaRegistry := srfake.New()
	t.Cleanup(schemaRegistry.Close)
	r.Connection = feed.Connection{Brokers: cluster.ListenAddrs(), Registry: feed.RegistryAddress{URL: schemaRegistry.URL()}}
	admin, err := feed.NewTopics(r.Connection, feed.Layout{Shards: shards, Replication: 1, MinInSync: 1})
	r.must(err)
	defer admin.Close()
	plan, err := admin.Plan(ctx, topics)
	r.must(err)
	r.must(admin.Apply(ctx, plan))
	r.Registry, err = feed.NewRegistry(r.Connection.Registry, feed.RegistryOptions{Log: r.Log})
	r.must(err)
	r.must(r.Registry.Register(ctx, topics))
	r.producer, err = feed.NewProducer(r.Connection)
	r.must(err)
	t.Cleanup(r.producer.Close)
	r.reader, err = feed.NewReader(r.Connection, r.Log)
	r.must(err)
	t.Cleanup(r.reader.Close)
	r.reader.Add(feed.Position{Place: feed.Place{Topic: streams.IngestConfirmation}})
	return r
}

func (r *Rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// Start runs a wire; the returned function stops it and waits.
func (r *Rig) Start(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		r.Helper()
		cancel()
		r.must(<-done)
	}
}

// Fails runs a wire that must end by itself, and returns its error.
func (r *Rig) Fails(run func(context.Context) error) error {
	r.Helper()
	err := run(r.ctx)
	r.must(r.ctx.Err())
	return err
}

// Send writes a record into a partition.
func (r *Rig) Send(topic string, partition int32, at schemas.Instant, value streams.Value) {
	r.Helper()
	r.SendBytes(topic, partition, at, value.AppendAvro(r.Registry.Frame(topic, nil)))
}

// SendBytes writes what need not be a record.
func (r *Rig) SendBytes(topic string, partition int32, at schemas.Instant, value []byte) {
	r.Helper()
	_, err := r.producer.Send(r.ctx, feed.Message{Topic: topic, Key: "k", Partition: &partition, Timestamp: at, Value: value})
	r.must(err)
}

// Next ticks from the time on, a minute later each time, until n more confirmations have come: how topics interleave is nobody's choice. What is
// no confirmation is passed over.
func (r *Rig) Next(n int, now schemas.Instant) []ingest.Confirmation {
	r.Helper()
	var all []ingest.Confirmation
	for len(all) < n {
		r.Send(streams.IngestInstruction, 0, now, &ingest.Instruction{Source: "clock", Body: &ingest.Tick{}})
		now += tickStep
		waiting, cancel := context.WithTimeout(r.ctx, tickEvery)
		batches, err := r.reader.Poll(waiting)
		if waiting.Err() == nil || r.ctx.Err() != nil {
			r.must(err)
		}
		cancel()
		for _, batch := range batches {
			for _, record := range batch.Records {
				if c, ok := r.confirmation(record); ok {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// confirmation reads a record, and returns false for what is none.
func (r *Rig) confirmation(record feed.Record) (c ingest.Confirmation, ok bool) {
	payload, err := r.Registry.Unframe(r.ctx, record.Topic, record.Value)
	if err != nil {
		return c, false
	}
	reader := avrobin.NewReader(payload)
	c.DecodeAvro(reader)
	return c, reader.Done() == nil
}
