package custodian_test

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
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const wireTimeMax = 30 * time.Second

// wire is a broker and a registry with the topics of the link.
type wire struct {
	t        *testing.T
	ctx      context.Context
	config   custodian.Config
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
	w := &wire{t: t, ctx: ctx, config: custodian.Config{
		Connection: feed.Connection{Brokers: cluster.ListenAddrs(), Registry: feed.RegistryAddress{URL: schemaRegistry.URL()}},
		Zone:       london(t), Log: log,
	}}
	topics, err := feed.NewTopics(w.config.Connection, feed.Layout{Shards: 2, Replication: 1, MinInSync: 1})
	w.must(err)
	defer topics.Close()
	plan, err := topics.Plan(ctx, custodian.Topics())
	w.must(err)
	w.must(topics.Apply(ctx, plan))
	w.config.Registry, err = feed.NewRegistry(w.config.Connection.Registry, feed.RegistryOptions{Log: log})
	w.must(err)
	w.must(w.config.Registry.Register(ctx, custodian.Topics()))
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
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// start runs the link; the returned function stops it and waits.
func (w *wire) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- custodian.Run(ctx, w.config) }()
	return func() {
		w.t.Helper()
		cancel()
		w.must(<-done)
	}
}

func (w *wire) send(topic string, at schemas.Instant, value streams.Value) {
	w.t.Helper()
	partition := int32(0)
	_, err := w.producer.Send(w.ctx, feed.Message{
		Topic: topic, Key: "k", Partition: &partition, Timestamp: at, Value: value.AppendAvro(w.config.Registry.Frame(topic, nil)),
	})
	w.must(err)
}

// next waits for the next confirmations, at least n of them.
func (w *wire) next(n int) []ingest.Confirmation {
	w.t.Helper()
	var all []ingest.Confirmation
	for len(all) < n {
		batches, err := w.reader.Poll(w.ctx)
		w.must(err)
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

func TestTheLinkConfirmsOverARestartAndPassesOverWhatCannotBeRead(t *testing.T) {
	w := newWire(t)
	w.config.Behaviour = custodian.Behaviour{Rules: []custodian.Rule{{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{600_000, 400_000}}}}
	tick := &ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}

	stop := w.start()
	_, err := w.producer.Send(w.ctx, feed.Message{Topic: streams.IngestPrice, Key: "IBM", Value: []byte("no price")})
	w.must(err)
	w.send(streams.IngestInstruction, at("2008-03-31T11:00:00Z"), tick)
	w.send(streams.IngestPrice, at("2008-03-31T20:00:00Z"), closeOf("115.14"))
	w.send(streams.CustodianOrder, at("2008-03-31T11:00:00Z"), order(100_00))
	expect(t, w.next(2), "priced/1 60.00 0.521000 at 115.14000000; priced/2 40.00 0.347000 at 115.14000000 final")
	stop()

	stop = w.start()
	w.send(streams.IngestInstruction, at("2008-04-02T07:00:00Z"), tick)
	expect(t, w.next(1), "settled on 2008-04-02")
	stop()
}
