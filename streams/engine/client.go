package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What a shard's client holds. The linger only matters until the flush that ends each transaction: it lets full batches leave early
// and keeps half-empty ones back.
const (
	linger             = 100 * time.Millisecond
	bufferedRecordsMax = 1 << 17
	fetchBytesMax      = 2 << 20
	fencePause         = 50 * time.Millisecond
	// After a lost connection or a moved leader the client asks for metadata before it tries again, and the open transaction waits with it.
	metadataPause = 250 * time.Millisecond
)

// newClient makes the one client that does all of a shard's input and output.
func (s *shard) newClient() (*kgo.Client, error) {
	limits := s.engine.config.Limits
	options := append([]kgo.Opt{}, s.engine.config.Kafka...)
	options = append(options,
		kgo.TransactionalID(s.transactionalID()),
		kgo.TransactionTimeout(limits.TransactionTimeoutMax),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchMaxBytes(limits.RecordBytesMax),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.MetadataMinAge(metadataPause),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(fetchBytesMax),
		kgo.FetchMaxPartitionBytes(fetchBytesMax),
		// A session saves little where one partition is read, and costs an exchange when the client is closed, which is how every doubt ends.
		kgo.DisableFetchSessions(),
	)
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("making the client of %s: %w", s.transactionalID(), err)
	}
	return client, nil
}

// fence takes the transactional id: what a former owner left open is aborted, and the former owner is shut out.
func fence(ctx context.Context, client *kgo.Client, transactionalID string) error {
	for {
		_, _, err := client.ProducerID(ctx)
		if err == nil {
			return nil
		}
		if !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.ConcurrentTransactions) &&
			!errors.Is(err, kerr.CoordinatorNotAvailable) {
			return denied(fmt.Errorf("fencing: %w", err), "--operation Write --operation Describe --transactional-id "+transactionalID)
		}
		if err := pause(ctx, fencePause); err != nil {
			return err
		}
	}
}

// pause waits, or returns why the context ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// denied makes an error that says that a right is missing one that stops, and says how to grant the right. Other errors it leaves alone.
func denied(err error, right string) error {
	for _, missing := range []error{kerr.TopicAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed} {
		if errors.Is(err, missing) {
			return stopf("%w; the right is missing, grant it: kafka-acls.sh --bootstrap-server BROKER --add --allow-principal User:OURS %s", err, right)
		}
	}
	return err
}

// produceError says whether the broker will ever take the record that it refused with err; if not, trying again is no use.
func produceError(topic string, err error) error {
	err = denied(fmt.Errorf("writing to %s: %w", topic, err), "--operation Write --operation Describe --topic "+topic)
	for _, never := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTransactionTimeout, kerr.PolicyViolation,
	} {
		if errors.Is(err, never) {
			return stop(err)
		}
	}
	return err
}

// produceNow writes one record and waits for it, but no longer than ctx lasts. The client's own waiting would: it gives no record up that may
// have been written, however long its broker is away, and whoever ends the shard would wait with it.
func produceNow(ctx context.Context, client *kgo.Client, record *kgo.Record) error {
	result := make(chan error, 1)
	client.Produce(ctx, record, func(_ *kgo.Record, err error) { result <- err })
	if err := client.Flush(ctx); err != nil {
		return errors.Join(context.Cause(ctx), fmt.Errorf("writing to %s: %w", record.Topic, err))
	}
	if err := <-result; err != nil {
		return produceError(record.Topic, err)
	}
	return nil
}

// fetchError returns the first error of a poll that matters, nil if there is none.
func fetchError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var loss *kgo.ErrDataLoss
		switch {
		case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, context.DeadlineExceeded):
			continue
		case errors.Is(e.Err, kerr.OffsetOutOfRange), errors.As(e.Err, &loss):
			return stopf("%w: %s/%d (%w); bring the records back, for to go on elsewhere would skip some of them", errOutOfRange, e.Topic, e.Partition, e.Err)
		default:
			return denied(fmt.Errorf("reading %s/%d: %w", e.Topic, e.Partition, e.Err), "--operation Read --operation Describe --topic "+e.Topic)
		}
	}
	return nil
}
