package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	// bufferedRecordsMax and bufferedBytesMax bound what was sent and not yet acknowledged; past them Send and SendAsync wait.
	bufferedRecordsMax = 8192
	bufferedBytesMax   = 64 << 20
	// producerLinger lets records that are sent together travel together.
	producerLinger = 2 * time.Millisecond
	// deliveryTimeMax bounds how long Send waits for an acknowledgement. After it nobody knows whether the record was
	// written, so sending it again must be harmless: ids are derived from what is sent.
	deliveryTimeMax = 2 * time.Minute
)

// Message is a record to be written.
type Message struct {
	Topic, Key string
	// Value is framed; see Registry.Frame.
	Value []byte
	// Timestamp is the producer's, where the topic keeps that; zero means now.
	Timestamp schemas.Instant
	// Partition overrides the partition that the key belongs to; nil leaves it to streams.PartitionOf.
	Partition *int32
}

// Producer writes single records: idempotent, without transactions, acknowledged by all replicas in sync. It is safe for use
// by many goroutines. Records with the same key, sent in order, are written in order.
type Producer struct {
	client *kgo.Client
	mutex  sync.Mutex
	// partitions remembers the partition counts, which never change.
	partitions map[string]int32
}

// NewProducer makes a producer; Close ends it.
func NewProducer(connection Connection) (*Producer, error) {
	opts, err := connection.Opts()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(BatchBytesMax),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
		kgo.ProducerLinger(producerLinger),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.MaxBufferedBytes(bufferedBytesMax),
		// The client's own delivery timeout counts from the record's timestamp and would fail every record of simulated time at
		// once: contexts bound the wait instead.
	)...)
	if err != nil {
		return nil, fmt.Errorf("making the producer: %w", err)
	}
	return &Producer{client: client, partitions: make(map[string]int32)}, nil
}

// Send writes a record and returns where it lies, once all replicas in sync have it. After two minutes without an
// acknowledgement it fails; the record may then have been written or not.
func (p *Producer) Send(ctx context.Context, message Message) (Position, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, deliveryTimeMax, errors.New("no acknowledgement in time"))
	defer cancel()
	type result struct {
		position Position
		err      error
	}
	results := make(chan result, 1)
	p.SendAsync(ctx, message, func(position Position, err error) { results <- result{position, err} })
	r := <-results
	return r.position, r.err
}

// SendAsync hands a record over and calls done exactly once, when it is acknowledged or has failed; a broker that
// is away is waited for until ctx ends, and the record may then have been written or not. It waits while too many records are under way. done must be quick: it holds up the
// other acknowledgements.
func (p *Producer) SendAsync(ctx context.Context, message Message, done func(Position, error)) {
	record, err := p.record(ctx, message)
	if err != nil {
		done(Position{}, fmt.Errorf("sending to %s: %w", message.Topic, err))
		return
	}
	var told sync.Once
	finish := func(position Position, err error) {
		if err != nil {
			err = fmt.Errorf("sending to %s: %w", position.Place, err)
		}
		told.Do(func() { done(position, err) })
	}
	// The client does not give up a record that is on its way to a broker that is away, whatever becomes of its context.
	place := Place{record.Topic, record.Partition}
	stop := context.AfterFunc(ctx, func() { finish(Position{place, -1}, context.Cause(ctx)) })
	p.client.Produce(ctx, record, func(r *kgo.Record, err error) {
		stop()
		finish(Position{place, r.Offset}, err)
	})
}

func (p *Producer) record(ctx context.Context, message Message) (*kgo.Record, error) {
	count, err := p.Partitions(ctx, message.Topic)
	if err != nil {
		return nil, err
	}
	partition := streams.PartitionOf(message.Key, count)
	if message.Partition != nil {
		partition = *message.Partition
	}
	record := &kgo.Record{Topic: message.Topic, Key: []byte(message.Key), Value: message.Value, Partition: partition}
	if message.Timestamp != 0 {
		record.Timestamp = message.Timestamp.Time()
	}
	return record, nil
}

// Partitions returns how many partitions the topic has.
func (p *Producer) Partitions(ctx context.Context, topic string) (int32, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if count, ok := p.partitions[topic]; ok {
		return count, nil
	}
	topics, err := describe(ctx, p.client, topic)
	if err != nil {
		return 0, err
	}
	described, ok := topics[topic]
	if !ok {
		return 0, missingTopic(topic)
	}
	count := int32(len(described.Partitions)) //nolint:gosec // a broker's own count
	p.partitions[topic] = count
	return count, nil
}

// Flush waits until everything that was handed over is acknowledged or has failed.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("waiting for acknowledgements: %w", err)
	}
	return nil
}

// Close fails what is still under way and ends the client; Flush first.
func (p *Producer) Close() { p.client.Close() }
