package bank_test

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
	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const wireTimeMax = 30 * time.Second

// wire is a broker and a registry with the topics of the link.
type wire struct {
	*testing.T
	ctx      context.Context
	config   bank.Config
	producer *feed.Producer
	reader   *feed.Reader
}

func newWire(t *testing.T) *wire {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	schemaRegistry := srfake.New()
	t.Cleanup(schemaRegistry.Close)
	ctx, cancel := context.WithTimeout(t.Context(), wireTimeMax)
	t.Cleanup(cancel)
	log := slog.New(slog.DiscardHandler)
	w := &wire{T: t, ctx: ctx, config: bank.Config{
		Connection: feed.Connection{Brokers: cluster.ListenAddrs(), Registry: feed.RegistryAddress{URL: schemaRegistry.URL()}}, Zone: time.UTC, Log: log,
	}}
	topics, err := feed.NewTopics(w.config.Connection, feed.Layout{Shards: 2, Replication: 1, MinInSync: 1})
	w.must(err)
	defer topics.Close()
	plan, err := topics.Plan(ctx, bank.Topics())
	w.must(err)
	w.must(topics.Apply(ctx, plan))
	w.config.Registry, err = feed.NewRegistry(w.config.Connection.Registry, feed.RegistryOptions{Log: log})
	w.must(err)
	w.must(w.config.Registry.Register(ctx, bank.Topics()))
	w.producer, err = feed.NewProducer(w.config.Connection)
	w.must(err)
	t.Cleanup(w.producer.Close)
	w.reader, err = feed.NewReader(w.config.Connection, log)
	w.must(err)
	t.Cleanup(w.reader.Close)
	w.reader.Add(feed.Position{Place: feed.Place{Topic: streams.IngestConfirmation}})
	return w
}

func (w *wire) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// start runs the link; the returned function stops it and waits.
func (w *wire) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- bank.Run(ctx, w.config) }()
	return func() {
		w.Helper()
		cancel()
		w.must(<-done)
	}
}

func (w *wire) send(topic string, partition int32, at schemas.Instant, value streams.Value) {
	w.Helper()
	_, err := w.producer.Send(w.ctx, feed.Message{
		Topic: topic, Key: "k", Partition: &partition, Timestamp: at, Value: value.AppendAvro(w.config.Registry.Frame(topic, nil)),
	})
	w.must(err)
}

// next ticks, a minute later each time, until the bank has said so many more things: how its topics interleave is nobody's choice.
func (w *wire) next(n int, now schemas.Instant) []ingest.Confirmation {
	w.Helper()
	var all []ingest.Confirmation
	for len(all) < n {
		w.send(streams.IngestInstruction, 0, now, &ingest.Instruction{Source: "clock", Body: &ingest.Tick{}})
		now += 60_000
		waiting, cancel := context.WithTimeout(w.ctx, time.Second)
		batches, err := w.reader.Poll(waiting)
		cancel()
		if waiting.Err() == nil || w.ctx.Err() != nil {
			w.must(err)
		}
		for _, batch := range batches {
			for _, record := range batch.Records {
				payload, err := w.config.Registry.Unframe(w.ctx, record.Topic, record.Value)
				w.must(err)
				var c ingest.Confirmation
				r := avrobin.NewReader(payload)
				c.DecodeAvro(r)
				w.must(r.Done())
				all = append(all, c)
			}
		}
	}
	return all
}

func TestTheLinkPaysOverARestart(t *testing.T) {
	w := newWire(t)
	stop := w.start()
	w.send(streams.PaymentOrder, 1, at(t, "2008-03-17 09:00"), order(one, "jo", at(t, "2008-03-17 09:00")))
	expect(t, w.next(1, at(t, "2008-03-17 09:01")), "sent 1.00 on 2008-03-17")
	stop()

	stop = w.start()
	expect(t, w.next(1, at(t, "2008-03-18 09:00")), "paid 1.00 on 2008-03-18")
	stop()
}
