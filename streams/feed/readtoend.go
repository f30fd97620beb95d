package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/schemas"
)

const (
	// fetchAttemptsMax bounds how often in a row a fetch may fail or bring nothing before ReadToEnd gives up.
	fetchAttemptsMax = 60
	// fetchRetryDelay is the pause after a fetch that failed.
	fetchRetryDelay = 250 * time.Millisecond
)

// ReadToEnd calls fn for every committed record of the topic that is decided now, partition by partition, each in order.
// It returns the first error of fn.
//
// It fetches by itself instead of polling a client. A client hands out records only, and the last offsets before the end may
// belong to none: to markers, to aborted records, to records that compaction took away. Who waits for the record before the end
// would wait for ever; the fetched bytes, in contrast, always say up to where they reach.
func ReadToEnd(ctx context.Context, connection Connection, topic string, fn func(Record) error) error {
	return readToEnd(ctx, connection, topic, OffsetOldest, func(Place) bool { return true }, fn)
}

// ReadPartitionToEnd is ReadToEnd of one partition. It begins with the first record whose timestamp is not before since; where timestamps run
// backwards in the partition, records that follow may be older.
func ReadPartitionToEnd(ctx context.Context, connection Connection, place Place, since schemas.Instant, fn func(Record) error) error {
	found := false
	err := readToEnd(ctx, connection, place.Topic, max(int64(since), 0), func(p Place) bool { found = found || p == place; return p == place }, fn)
	if err == nil && !found {
		err = fmt.Errorf("there is no partition %s", place)
	}
	return err
}

// ReadFrom calls fn for every committed record of one partition that is decided now, from an offset on. It returns the first error of fn.
func ReadFrom(ctx context.Context, connection Connection, from Position, fn func(Record) error) error {
	client, err := newFetchClient(connection)
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := stableOffsets(ctx, client, from.Topic)
	if err != nil {
		return err
	}
	fetcher := fetcher{client: client, place: from.Place, next: from.Offset, end: ends[from.Place]}
	if err := fetcher.run(ctx, fn); err != nil {
		return fmt.Errorf("reading %s at %d: %w", from.Place, fetcher.next, err)
	}
	return nil
}

// readToEnd reads the partitions that are wanted, from where each has the time, or OffsetOldest.
func readToEnd(ctx context.Context, connection Connection, topic string, from int64, wanted func(Place) bool, fn func(Record) error) error {
	client, err := newFetchClient(connection)
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := stableOffsets(ctx, client, topic)
	if err != nil {
		return err
	}
	starts, err := listOffsets(ctx, client, from, topic)
	if err != nil {
		return err
	}
	places := make([]Place, 0, len(ends))
	for place := range ends {
		if wanted(place) {
			places = append(places, place)
		}
	}
	slices.SortFunc(places, func(a, b Place) int { return int(a.Partition - b.Partition) })
	for _, place := range places {
		start := starts[place]
		if start < 0 {
			continue // nothing is as young as that
		}
		fetcher := fetcher{client: client, place: place, next: start, end: ends[place]}
		if err := fetcher.run(ctx, fn); err != nil {
			return fmt.Errorf("reading %s at %d: %w", place, fetcher.next, err)
		}
	}
	return nil
}

// ReadAt calls fn for the records at these positions, in the order given; what is not there is left out. All must lie before the ends of their partitions.
func ReadAt(ctx context.Context, connection Connection, positions []Position, fn func(Record) error) error {
	client, err := newFetchClient(connection)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, p := range positions {
		fetcher := fetcher{client: client, place: p.Place, next: p.Offset, end: p.Offset + 1}
		if err := fetcher.run(ctx, fn); err != nil {
			return fmt.Errorf("reading %s at %d: %w", p.Place, p.Offset, err)
		}
	}
	return nil
}

// newFetchClient connects a client that is told what to fetch, request by request.
func newFetchClient(connection Connection) (*kgo.Client, error) {
	opts, err := connection.Opts()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the reader: %w", err)
	}
	return client, nil
}

// fetcher reads one partition up to an offset.
type fetcher struct {
	client    *kgo.Client
	place     Place
	next, end int64
	// leader and topicID say whom to ask, once known is set.
	leader  int
	topicID [16]byte
	known   bool
}

func (f *fetcher) run(ctx context.Context, fn func(Record) error) error {
	for idle := 0; f.next < f.end; {
		records, err := f.fetch(ctx)
		if err == nil && f.advance(records) {
			idle = 0
			if err := deliver(records.Records, f.end, fn); err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !isAway(err) {
			return readingError(err)
		}
		if idle++; idle >= fetchAttemptsMax {
			return fmt.Errorf("nothing came in %d attempts, the end is %d: %w", idle, f.end, errors.Join(err, kerr.RequestTimedOut))
		}
		f.known = false
		pause(ctx, fetchRetryDelay)
	}
	return nil
}

// fetched is what one answer brought.
type fetched struct {
	kgo.FetchPartition
	next int64
}

func (f *fetcher) advance(answer fetched) bool {
	moved := answer.next > f.next
	f.next = max(f.next, answer.next)
	return moved
}

func deliver(records []*kgo.Record, end int64, fn func(Record) error) error {
	for _, record := range records {
		if record.Offset >= end {
			return nil
		}
		if err := fn(recordOf(record)); err != nil {
			return err
		}
	}
	return nil
}

// locate asks who leads the partition.
func (f *fetcher) locate(ctx context.Context) error {
	if f.known {
		return nil
	}
	topics, err := describe(ctx, f.client, f.place.Topic)
	if err != nil {
		return err
	}
	topic, ok := topics[f.place.Topic]
	if !ok {
		return missingTopic(f.place.Topic)
	}
	for _, partition := range topic.Partitions {
		if partition.Partition == f.place.Partition && partition.Leader >= 0 {
			f.leader, f.topicID, f.known = int(partition.Leader), topic.TopicID, true
			return nil
		}
	}
	return kerr.LeaderNotAvailable
}

func (f *fetcher) fetch(ctx context.Context) (fetched, error) {
	if err := f.locate(ctx); err != nil {
		return fetched{}, err
	}
	answer, err := f.request().RequestWith(ctx, f.client.Broker(f.leader))
	if err != nil {
		return fetched{}, err
	}
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return fetched{}, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return fetched{}, kerr.UnknownTopicOrPartition
	}
	records, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Offset: f.next, IsolationLevel: kgo.ReadCommitted(), Topic: f.place.Topic, Partition: f.place.Partition,
	}, &answer.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fetched{records, next}, records.Err
}

func (f *fetcher) request() *kmsg.FetchRequest {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset = f.place.Partition, f.next
	partition.PartitionMaxBytes = fetchPartitionBytesMax
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = f.place.Topic, f.topicID
	topic.Partitions = []kmsg.FetchRequestTopicPartition{partition}
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis = int32(fetchWaitMax.Milliseconds())
	request.MinBytes = 1
	request.MaxBytes = fetchBytesMax
	request.IsolationLevel = readCommitted
	request.Topics = []kmsg.FetchRequestTopic{topic}
	return request
}
