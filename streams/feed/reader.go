package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// pollRecordsMax bounds the records of one Poll.
	pollRecordsMax = 10_000
	// fetchBytesMax bounds one broker's answer to a fetch, and fetchPartitionBytesMax one partition's part of it.
	fetchBytesMax          = 32 << 20
	fetchPartitionBytesMax = 4 << 20
	// fetchWaitMax is how long a broker holds back an answer while there is nothing to tell.
	fetchWaitMax = 500 * time.Millisecond
)

// ErrRecordsGone says that records which should be there are not: they were removed, or a broker lost them. A ledger never
// skips over that by itself.
var ErrRecordsGone = errors.New("records are gone; find out why before going on: compare the topic's oldest offset with this position, " +
	"then restore the topic or start from a chosen offset")

// Reader reads partitions from offsets that its caller knows, in read-committed isolation, without a group and without ever
// moving to another offset by itself.
type Reader struct {
	client *kgo.Client
	log    *slog.Logger
}

// Batch is a run of a partition's records.
type Batch struct {
	Place
	// Records are in order; there may be none where only aborted or control records were passed over.
	Records []Record
	// Next is the offset to go on from. It may lie beyond the last record by more than one.
	Next int64
	// Stable is the partition's last stable offset as of this batch. Where Next has reached it, the reader is up to date.
	Stable int64
}

// NewReader makes a reader of no partition yet; Close ends it.
func NewReader(connection Connection, log *slog.Logger) (*Reader, error) {
	opts, err := connection.Opts()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// An offset that is out of range is an error to be told, never a reason to start elsewhere.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// The markers carry the position past what was aborted; else a reader at the end would look behind for ever.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetchBytesMax),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytesMax),
		kgo.FetchMaxWait(fetchWaitMax),
	)...)
	if err != nil {
		return nil, fmt.Errorf("making the reader: %w", err)
	}
	return &Reader{client: client, log: log}, nil
}

// Add reads these partitions too, each from the offset given: that of the next record wanted, OffsetOldest or OffsetNewest.
func (r *Reader) Add(from ...Position) {
	partitions := make(map[string]map[int32]kgo.Offset)
	for _, position := range from {
		if partitions[position.Topic] == nil {
			partitions[position.Topic] = make(map[int32]kgo.Offset)
		}
		partitions[position.Topic][position.Partition] = kgo.NoResetOffset().At(position.Offset)
	}
	r.client.AddConsumePartitions(partitions)
}

// Remove stops reading these partitions. A Poll under way may still return records of them.
func (r *Reader) Remove(places ...Place) {
	partitions := make(map[string][]int32)
	for _, place := range places {
		partitions[place.Topic] = append(partitions[place.Topic], place.Partition)
	}
	r.client.RemoveConsumePartitions(partitions)
}

// Poll waits for records and returns them per partition. Brokers that are away are waited for. After an error, other than
// that ctx ended, go on with a new reader from the last known positions: what this Poll fetched beside it was dropped.
func (r *Reader) Poll(ctx context.Context) ([]Batch, error) {
	for {
		fetches := r.client.PollRecords(ctx, pollRecordsMax)
		for _, failed := range fetches.Errors() {
			if ctx.Err() != nil && errors.Is(failed.Err, ctx.Err()) {
				continue
			}
			place := Place{failed.Topic, failed.Partition}
			// A topic that was made again has another id. It would be waited for in vain; who begins anew learns of it.
			if !isAway(failed.Err) || errors.Is(failed.Err, kerr.UnknownTopicID) {
				return nil, fmt.Errorf("reading %s: %w", place, readingError(failed.Err))
			}
			r.log.WarnContext(ctx, "waiting for broker", "place", place.String(), "error", failed.Err)
		}
		// The client has handed these out and will not do it again: they count, also where ctx has ended meanwhile.
		if batches := batchesOf(fetches); len(batches) > 0 {
			return batches, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

func batchesOf(fetches kgo.Fetches) []Batch {
	var batches []Batch
	fetches.EachPartition(func(fetched kgo.FetchTopicPartition) {
		if len(fetched.Records) == 0 {
			return
		}
		batch := Batch{
			Place:   Place{fetched.Topic, fetched.Partition},
			Records: make([]Record, 0, len(fetched.Records)),
			Next:    fetched.Records[len(fetched.Records)-1].Offset + 1,
			Stable:  fetched.LastStableOffset,
		}
		for _, record := range fetched.Records {
			if !record.Attrs.IsControl() {
				batch.Records = append(batch.Records, recordOf(record))
			}
		}
		batches = append(batches, batch)
	})
	return batches
}

// Buffered returns how many records the client has fetched that no Poll has returned yet, and the bytes of their keys and values. It fetches no more from a
// broker before all is polled that this broker sent, so both are bounded by one answer of each broker.
func (r *Reader) Buffered() (records, bytes int64) {
	return r.client.BufferedFetchRecords(), r.client.BufferedFetchBytes()
}

// EndOffsets returns the last stable offset of every partition of the topics, and so where a reader that has them all stands.
func (r *Reader) EndOffsets(ctx context.Context, topics ...string) (map[Place]int64, error) {
	return stableOffsets(ctx, r.client, topics...)
}

// Close ends the client.
func (r *Reader) Close() { r.client.Close() }

func readingError(err error) error {
	var lost *kgo.ErrDataLoss
	if errors.As(err, &lost) || errors.Is(err, kerr.OffsetOutOfRange) {
		return fmt.Errorf("%w (%w)", ErrRecordsGone, err)
	}
	return err
}

// isAway says whether an error will mend when a broker comes back or has settled; the client then goes on by itself.
func isAway(err error) bool {
	var network net.Error
	return kerr.IsRetriable(err) || errors.As(err, &network) || errors.Is(err, io.EOF)
}
