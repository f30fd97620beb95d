package drills_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

var morning = at("2008-03-20T08:00:00Z")

const (
	shards       = 4
	spineTimeMax = 15 * time.Minute // for a machine that is slow and busy
)

// site is what a rig's pipeline runs on.
type site struct {
	brokers  []string
	registry string
	// stamping lets the broker stamp what is ingested, by its own clock.
	stamping bool
	// suffix ends the transactional ids, where the broker needs one.
	suffix string
	// disturb is called while records are on their way, where a test wants something to go wrong then.
	disturb func()
}

// inProcess is a broker and a registry in memory, on which producers stamp what they send.
func inProcess(t *testing.T) site {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	schemaRegistry := srfake.New()
	t.Cleanup(schemaRegistry.Close)
	return site{brokers: cluster.ListenAddrs(), registry: schemaRegistry.URL()}
}

// rig is the pipeline on a broker and a registry, without Postgres.
type rig struct {
	t          *testing.T
	ctx        context.Context
	connection feed.Connection
	registry   *feed.Registry
	producer   *feed.Producer
	engine     *engine.Engine
	disturb    func()
}

func allTopics(processes []streams.Process) []streams.Topic {
	topics := streams.Topics()
	for _, p := range processes {
		topics = append(topics, p.Table)
	}
	return topics
}

func newRig(t *testing.T, on site) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), spineTimeMax)
	r := &rig{t: t, ctx: ctx, disturb: func() {}, connection: feed.Connection{Brokers: on.brokers, Registry: feed.RegistryAddress{URL: on.registry}}}
	if on.disturb != nil {
		r.disturb = on.disturb
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

	processes := append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))
	topics, err := feed.NewTopics(r.connection, feed.Layout{Shards: shards, Replication: 1, MinInSync: 1, Stamping: on.stamping})
	r.must(err)
	defer topics.Close()
	plan, err := topics.Plan(ctx, allTopics(processes))
	r.must(err)
	r.must(topics.Apply(ctx, plan))

	r.registry, err = feed.NewRegistry(r.connection.Registry, feed.RegistryOptions{Log: log})
	r.must(err)
	r.must(r.registry.Register(ctx, allTopics(processes)))
	r.producer, err = feed.NewProducer(r.connection)
	r.must(err)
	t.Cleanup(r.producer.Close)

	kafka, err := r.connection.Opts()
	r.must(err)
	r.engine, err = engine.New(engine.Config{
		Processes: processes, Shards: shards, Kafka: kafka, Framing: r.registry, Dir: t.TempDir(), Logger: log,
		TransactionalSuffix: on.suffix,
	})
	r.must(err)
	done := make(chan error, 1)
	go func() { done <- r.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine: %v", err)
		}
	})
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) send(topic, key string, at schemas.Instant, value streams.Value) {
	r.t.Helper()
	_, err := r.producer.Send(r.ctx, feed.Message{Topic: topic, Key: key, Timestamp: at, Value: value.AppendAvro(r.registry.Frame(topic, nil))})
	r.must(err)
}

func (r *rig) tick(at schemas.Instant) {
	r.t.Helper()
	for p := range int32(shards) {
		value := (&ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}).AppendAvro(r.registry.Frame(streams.IngestInstruction, nil))
		_, err := r.producer.Send(r.ctx, feed.Message{Topic: streams.IngestInstruction, Value: value, Timestamp: at, Partition: &p})
		r.must(err)
	}
}

type record[T any] interface {
	*T
	DecodeAvro(*avrobin.Reader)
}

// read returns all records of a topic so far.
func read[T any, P record[T]](r *rig, topic string) []*T {
	r.t.Helper()
	var all []*T
	r.must(feed.ReadToEnd(r.ctx, r.connection, topic, func(rec feed.Record) error {
		payload, err := r.registry.Unframe(r.ctx, topic, rec.Value)
		if err != nil {
			return err
		}
		v := new(T)
		reader := avrobin.NewReader(payload)
		P(v).DecodeAvro(reader)
		all = append(all, v)
		return reader.Done()
	}))
	return all
}

// await reads the topic until the condition holds of what is in it.
func await[T any, P record[T]](r *rig, topic, what string, enough func([]*T) bool) []*T {
	r.t.Helper()
	for {
		all := read[T, P](r, topic)
		if enough(all) {
			return all
		}
		select {
		case <-r.ctx.Done():
			for _, s := range r.engine.Status() {
				r.t.Logf("%+v", s)
			}
			for _, rejection := range read[audit.Rejection](&rig{t: r.t, ctx: context.Background(), connection: r.connection, registry: r.registry}, streams.AuditRejection) {
				r.t.Logf("rejection %+v", rejection)
			}
			r.t.Fatalf("waiting for %s on %s: %d records", what, topic, len(all))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func count[T any](n int) func([]*T) bool { return func(all []*T) bool { return len(all) >= n } }

func at(text string) schemas.Instant {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return schemas.InstantOf(t)
}

func day(text string) schemas.Date {
	d, err := schemas.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}
