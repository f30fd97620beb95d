// Package wire connects a simulated counterparty, a custodian or the bank, with Kafka: it tells it what it must know, and writes what it
// confirms.
//
//	the orders to it, and other topics -------\
//	ingest.instruction.v1 (partition 0, ticks) --> Wire.Run [Party] --> ingest.confirmation.v1
package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Party is a simulated counterparty. It decides, and knows nothing of Kafka. Nobody else may use it while the wire runs.
type Party interface {
	// Said tells of a confirmation that was sent before a restart. It is told all of them before anything else.
	Said(c *ingest.Confirmation)
	// Reached tells the time and returns what has become due.
	Reached(at schemas.Instant) []ingest.Confirmation
	// Now returns the latest time that the party was told.
	Now() schemas.Instant
}

// Wire is what lies between a party and Kafka. All but Others is required.
type Wire struct {
	Connection feed.Connection
	// Registry must have been told of all Topics.
	Registry *feed.Registry
	Log      *slog.Logger
	Party    Party
	// Orders is how the party hears of the orders to it, which only we write; Others how it hears of what else it must know, the time aside.
	Orders, Others []Ear
	// Subject says in errors and logs what is confirmed, such as "trade".
	Subject string

	producer *feed.Producer
}

// Ear is how a party hears of one topic.
type Ear struct {
	topic string
	hear  func(payload []byte, at schemas.Instant) ([]ingest.Confirmation, error)
}

// value is a pointer to a generated record.
type value[T any] interface {
	*T
	DecodeAvro(*avrobin.Reader)
}

// On makes the ear for a topic's records. Each is told with its timestamp; what is returned is confirmed, in order.
func On[T any, P value[T]](topic string, tell func(told *T, at schemas.Instant) []ingest.Confirmation) Ear {
	return Ear{topic, func(payload []byte, at schemas.Instant) ([]ingest.Confirmation, error) {
		told := new(T)
		r := avrobin.NewReader(payload)
		P(told).DecodeAvro(r)
		if err := r.Done(); err != nil {
			return nil, err
		}
		return tell(told, at), nil
	}}
}

// Topics returns the topics that are read and written where a party hears of those named.
func Topics(heard ...string) []streams.Topic {
	var topics []streams.Topic
	for _, name := range append(heard, streams.IngestInstruction, streams.IngestConfirmation) {
		topics = append(topics, streams.TopicNamed(name))
	}
	return topics
}

// Run works until ctx ends, and then returns nil. It keeps no state: at its start it reads what the party confirmed before, and then everything
// that the party is told from the oldest record on. After an error it may be called again, with a new party.
func (w *Wire) Run(ctx context.Context) error {
	err := w.run(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // being asked to stop is no error, and nothing is left half done
	}
	return err
}

func (w *Wire) run(ctx context.Context) error {
	if err := w.recall(ctx); err != nil {
		return fmt.Errorf("reading what was confirmed before: %w", err)
	}
	var err error
	if w.producer, err = feed.NewProducer(w.Connection); err != nil {
		return err
	}
	defer w.producer.Close()
	reader, err := feed.NewReader(w.Connection, w.Log)
	if err != nil {
		return err
	}
	defer reader.Close()
	ears := make(map[string]Ear)
	for _, ear := range append(slices.Concat(w.Orders, w.Others), w.clock()) {
		ears[ear.topic] = ear
	}
	if err := addAll(ctx, reader, ears); err != nil {
		return err
	}
	for {
		batches, err := reader.Poll(ctx)
		if err != nil {
			return err
		}
		for _, batch := range batches {
			for _, record := range batch.Records {
				if err := w.handle(ctx, ears[record.Topic], record); err != nil {
					return fmt.Errorf("handling %s: %w", record.Position, err)
				}
			}
		}
	}
}

// recall tells the party what it said before it was stopped.
func (w *Wire) recall(ctx context.Context) error {
	ear := On(streams.IngestConfirmation, func(c *ingest.Confirmation, _ schemas.Instant) []ingest.Confirmation {
		w.Party.Said(c)
		return nil
	})
	return feed.ReadToEnd(ctx, w.Connection, ear.topic, func(record feed.Record) error {
		_, err := w.hear(ctx, ear, record)
		return err
	})
}

// clock hears the time. The same ticks are in every partition of the instructions: one is enough.
func (w *Wire) clock() Ear {
	return On(streams.IngestInstruction, func(i *ingest.Instruction, at schemas.Instant) []ingest.Confirmation {
		if _, tick := i.Body.(*ingest.Tick); !tick {
			return nil
		}
		return w.Party.Reached(at)
	})
}

// addAll has the reader read what there are ears for: every partition, but of the instructions the first alone, for its ticks.
func addAll(ctx context.Context, reader *feed.Reader, ears map[string]Ear) error {
	places, err := reader.EndOffsets(ctx, slices.Collect(maps.Keys(ears))...)
	if err != nil {
		return fmt.Errorf("looking for the partitions to read: %w", err)
	}
	for place := range places {
		if place.Topic != streams.IngestInstruction || place.Partition == 0 {
			reader.Add(feed.Position{Place: place, Offset: feed.OffsetOldest})
		}
	}
	return nil
}

func (w *Wire) handle(ctx context.Context, ear Ear, record feed.Record) error {
	due, err := w.hear(ctx, ear, record)
	if err != nil {
		return err
	}
	return w.say(ctx, due)
}

// hear tells the party of a record. Anybody may write to the ingest topics: what cannot be read there is for intake to refuse, and is passed over
// here. An order of our own that cannot be read is an error.
func (w *Wire) hear(ctx context.Context, ear Ear, record feed.Record) ([]ingest.Confirmation, error) {
	payload, err := w.Registry.Unframe(ctx, record.Topic, record.Value)
	var unreadable *streams.Unreadable
	if err != nil && !errors.As(err, &unreadable) {
		return nil, err
	}
	var due []ingest.Confirmation
	if err == nil {
		due, err = ear.hear(payload, record.Timestamp)
	}
	if err != nil && slices.ContainsFunc(w.Orders, func(o Ear) bool { return o.topic == ear.topic }) {
		return nil, fmt.Errorf("reading an order of our own: %w", err)
	}
	return due, nil
}

// say sends confirmations, in order, stamped with the time that the party knows: in simulated time the broker has no
// better one. It waits for brokers that are away until ctx ends.
func (w *Wire) say(ctx context.Context, due []ingest.Confirmation) error {
	for i := range due {
		c := &due[i]
		result := make(chan error, 1)
		w.producer.SendAsync(ctx, feed.Message{
			Topic: streams.IngestConfirmation, Key: c.Trade.String(), Timestamp: w.Party.Now(),
			Value: c.AppendAvro(w.Registry.Frame(streams.IngestConfirmation, nil)),
		}, func(_ feed.Position, err error) { result <- err })
		if err := <-result; err != nil {
			return fmt.Errorf("confirming %s %s: %w", w.Subject, c.Trade, err)
		}
		w.Log.DebugContext(ctx, "confirmed", w.Subject, c.Trade.String(), "confirmation", c.ID)
	}
	return nil
}
