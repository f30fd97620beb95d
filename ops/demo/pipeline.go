package demo

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Pipeline is the running system as the demo sees it: what anybody can reach from outside, and the simulated clock.
type Pipeline struct {
	Connection feed.Connection
	Shards     int32
	// Now is the simulated time at the start.
	Now schemas.Instant
	// Advance moves the simulated clock; where the broker stamps records, it does so by that clock. It never runs backwards.
	Advance func(schemas.Instant) error
	Log     *slog.Logger
}

// outside sends records and moves time, as upstream systems, vendors and the clock do.
type outside struct {
	pipeline Pipeline
	registry *feed.Registry
	producer *feed.Producer
	now      schemas.Instant
}

func newOutside(ctx context.Context, pipeline Pipeline) (*outside, error) {
	registry, err := feed.NewRegistry(pipeline.Connection.Registry, feed.RegistryOptions{Log: pipeline.Log})
	if err != nil {
		return nil, err
	}
	if err := registry.Register(ctx, streams.Topics()); err != nil {
		return nil, err
	}
	producer, err := feed.NewProducer(pipeline.Connection)
	if err != nil {
		return nil, err
	}
	return &outside{pipeline: pipeline, registry: registry, producer: producer, now: pipeline.Now}, nil
}

func (o *outside) close() { o.producer.Close() }

// advance moves time to the moment given, or on by a millisecond where that has passed.
func (o *outside) advance(to schemas.Instant) error {
	o.now = max(o.now+1, to)
	if err := o.pipeline.Advance(o.now); err != nil {
		return fmt.Errorf("moving the simulated clock to %s: %w", o.now, err)
	}
	return nil
}

// sent is a record and where it came to lie.
type sent struct {
	*Record
	at feed.Position
}

// send writes records, in order, and returns where they lie once all are acknowledged.
func (o *outside) send(ctx context.Context, records []Record) ([]sent, error) {
	type result struct {
		index    int
		position feed.Position
		err      error
	}
	results := make(chan result, len(records))
	for i := range records {
		message, err := o.message(ctx, &records[i])
		if err != nil {
			return nil, err
		}
		o.producer.SendAsync(ctx, message, func(position feed.Position, err error) { results <- result{i, position, err} })
	}
	all := make([]sent, len(records))
	for range records {
		r := <-results
		if r.err != nil {
			return nil, r.err
		}
		all[r.index] = sent{&records[r.index], r.position}
	}
	return all, nil
}

func (o *outside) message(ctx context.Context, r *Record) (feed.Message, error) {
	message := feed.Message{Topic: r.Topic, Key: r.Key, Timestamp: o.now}
	frame := o.registry.Frame(r.Topic, nil)
	if r.Raw != nil {
		message.Value = r.Raw(frame)
	} else {
		message.Value = r.Value.AppendAvro(frame)
	}
	if r.Elsewhere {
		count, err := o.producer.Partitions(ctx, r.Topic)
		if err != nil {
			return message, err
		}
		other := (streams.PartitionOf(r.Key, count) + 1) % count
		message.Partition = &other
	}
	return message, nil
}

// tick writes a tick into every partition of the instruction topic.
func (o *outside) tick(ctx context.Context) error {
	value := (&ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}).AppendAvro(o.registry.Frame(streams.IngestInstruction, nil))
	results := make(chan error, o.pipeline.Shards)
	for p := range o.pipeline.Shards {
		o.producer.SendAsync(ctx, feed.Message{Topic: streams.IngestInstruction, Value: value, Timestamp: o.now, Partition: &p},
			func(_ feed.Position, err error) { results <- err })
	}
	for range o.pipeline.Shards {
		if err := <-results; err != nil {
			return fmt.Errorf("writing ticks: %w", err)
		}
	}
	return nil
}

// loadReference sends the reference data; sending it again changes nothing.
func (o *outside) loadReference(ctx context.Context, market *Market) error {
	var records []Record
	for _, r := range market.Reference() {
		records = append(records, Record{Topic: streams.IngestReference, Key: "reference", Value: &r})
	}
	_, err := o.send(ctx, records)
	return err
}
