package bank

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Config says with what the simulator runs. All but Behaviour are required.
type Config struct {
	Connection feed.Connection
	// Registry must have been told of the topics that are read and written here.
	Registry *feed.Registry
	// Behaviour says what is out of the ordinary.
	Behaviour Behaviour
	// Zone is where the bank's days begin at midnight.
	Zone *time.Location
	Log  *slog.Logger
}

// Topics returns the topics that Run reads and writes.
func Topics() []streams.Topic {
	var topics []streams.Topic
	for _, name := range []string{streams.PaymentOrder, streams.IngestInstruction, streams.IngestConfirmation} {
		topics = append(topics, streams.TopicNamed(name))
	}
	return topics
}

// Run plays the bank until ctx ends, and then returns nil. It keeps no state: at its start it reads what it said before, and then
// everything that it is told from the oldest record on. After an error it may be called again.
func Run(ctx context.Context, config Config) error {
	l := &link{Config: config, simulator: NewSimulator(config.Behaviour, config.Zone)}
	err := l.run(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // being asked to stop is no error, and nothing is left half done
	}
	return err
}

// link is the wire around a simulator.
type link struct {
	Config
	simulator *Simulator
	producer  *feed.Producer
}

func (l *link) run(ctx context.Context) error {
	if err := l.recall(ctx); err != nil {
		return fmt.Errorf("reading what was confirmed before: %w", err)
	}
	var err error
	if l.producer, err = feed.NewProducer(l.Connection); err != nil {
		return err
	}
	defer l.producer.Close()
	reader, err := feed.NewReader(l.Connection, l.Log)
	if err != nil {
		return err
	}
	defer reader.Close()
	places, err := reader.EndOffsets(ctx, streams.PaymentOrder)
	if err != nil {
		return fmt.Errorf("looking for the partitions of %s: %w", streams.PaymentOrder, err)
	}
	for place := range places {
		reader.Add(feed.Position{Place: place, Offset: feed.OffsetOldest})
	}
	reader.Add(feed.Position{Place: feed.Place{Topic: streams.IngestInstruction, Partition: 0}, Offset: feed.OffsetOldest})
	for {
		batches, err := reader.Poll(ctx)
		if err != nil {
			return err
		}
		for _, batch := range batches {
			for _, record := range batch.Records {
				if err := l.hear(ctx, record); err != nil {
					return fmt.Errorf("handling %s: %w", record.Position, err)
				}
			}
		}
	}
}

// recall tells the simulator what it said before it was stopped.
func (l *link) recall(ctx context.Context) error {
	return feed.ReadToEnd(ctx, l.Connection, streams.IngestConfirmation, func(record feed.Record) error {
		var c ingest.Confirmation
		if ok, err := l.decode(ctx, record, &c); !ok {
			return err
		}
		l.simulator.Said(&c)
		return nil
	})
}

// decode reads a record's value. Anybody may write to the ingest topics: what cannot be read is for intake to refuse, and is
// passed over here.
func (l *link) decode(ctx context.Context, record feed.Record, value interface{ DecodeAvro(*avrobin.Reader) }) (bool, error) {
	payload, err := l.Registry.Unframe(ctx, record.Topic, record.Value)
	var unreadable *streams.Unreadable
	if err != nil && !errors.As(err, &unreadable) {
		return false, err
	}
	if err == nil {
		r := avrobin.NewReader(payload)
		value.DecodeAvro(r)
		err = r.Done()
	}
	if err != nil && record.Topic == streams.PaymentOrder {
		return false, fmt.Errorf("reading an order of our own: %w", err)
	}
	return err == nil, nil
}

func (l *link) hear(ctx context.Context, record feed.Record) error {
	if record.Topic == streams.PaymentOrder {
		var order payment.PaymentOrder
		if ok, err := l.decode(ctx, record, &order); !ok {
			return err
		}
		return l.say(ctx, l.simulator.Ordered(&order))
	}
	var instruction ingest.Instruction
	if ok, err := l.decode(ctx, record, &instruction); !ok {
		return err
	}
	if _, tick := instruction.Body.(*ingest.Tick); !tick {
		return nil
	}
	return l.say(ctx, l.simulator.Reached(record.Timestamp))
}

// say sends confirmations, in order, stamped with the time that the simulator knows: in simulated time the broker has no
// better one. It waits for brokers that are away until ctx ends.
func (l *link) say(ctx context.Context, due []ingest.Confirmation) error {
	for i := range due {
		c := &due[i]
		result := make(chan error, 1)
		l.producer.SendAsync(ctx, feed.Message{
			Topic: streams.IngestConfirmation, Key: c.Trade.String(), Timestamp: l.simulator.Now(),
			Value: c.AppendAvro(l.Registry.Frame(streams.IngestConfirmation, nil)),
		}, func(_ feed.Position, err error) { result <- err })
		if err := <-result; err != nil {
			return fmt.Errorf("confirming payment %s: %w", c.Trade, err)
		}
		l.Log.DebugContext(ctx, "confirmed", "payment", c.Trade.String(), "confirmation", c.ID)
	}
	return nil
}
