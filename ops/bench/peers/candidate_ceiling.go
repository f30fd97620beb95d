package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// The ceiling's limits are the engine's defaults.
const (
	transactionRecordsMax = 20_000
	transactionTimeoutMax = 15 * time.Second
	linger                = 100 * time.Millisecond
	bufferedRecordsMax    = 1 << 17
	fetchBytesMax         = 2 << 20
	// A broker refuses the first batch of a transaction while it still writes the markers of the one before. The client asks for
	// metadata before it tries again, and by its default waits up to five seconds for that.
	metadataPause = 250 * time.Millisecond
)

// metaKey is the record that ends each transaction and says where to go on.
const metaKey = "!meta"

// runCeiling moves as many bytes as the others, in transactions, and does nothing else: no state is read or kept, no key is looked at. One
// client per partition reads, writes an output and a changelog record for each input, and commits.
func runCeiling(ctx context.Context, j job) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range int32(partitions) {
		group.Go(func() error { return forward(ctx, j, partition) })
	}
	return group.Wait()
}

// forward is the ceiling for one partition.
func forward(ctx context.Context, j job, partition int32) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(j.Broker),
		kgo.TransactionalID(fmt.Sprintf("%s.%d", j.Name, partition)),
		kgo.TransactionTimeout(transactionTimeoutMax),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.MetadataMinAge(metadataPause),
		kgo.FetchMaxBytes(fetchBytesMax),
		kgo.FetchMaxPartitionBytes(fetchBytesMax),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{j.Input: {partition: kgo.NewOffset().At(0)}}),
	)
	if err != nil {
		return fmt.Errorf("making the client of partition %d: %w", partition, err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for ctx.Err() == nil {
		records, err := gather(ctx, client)
		if err == nil && len(records) > 0 {
			err = commit(ctx, client, j, records, cancel)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// gather waits for records and takes what is at hand.
func gather(ctx context.Context, client *kgo.Client) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(records) == 0 || len(records) < transactionRecordsMax && client.BufferedFetchRecords() > 0 {
		fetches := client.PollRecords(ctx, transactionRecordsMax-len(records))
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading the input: %w", err)
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func commit(ctx context.Context, client *kgo.Client, j job, records []*kgo.Record, fail context.CancelCauseFunc) error {
	if err := client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			fail(err)
		}
	}
	partition := records[0].Partition
	for _, r := range records {
		client.Produce(ctx, &kgo.Record{Topic: j.Output, Partition: partition, Key: r.Key, Value: r.Value}, promise)
		client.Produce(ctx, &kgo.Record{Topic: j.Table, Partition: partition, Key: r.Key, Value: increment(nil)}, promise)
	}
	next := binary.BigEndian.AppendUint64(nil, uint64(records[len(records)-1].Offset+1)) //nolint:gosec // offsets count from 0
	client.Produce(ctx, &kgo.Record{Topic: j.Table, Partition: partition, Key: []byte(metaKey), Value: next}, promise)
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("flushing a transaction: %w", errors.Join(err, context.Cause(ctx)))
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing a transaction: %w", err)
	}
	return nil
}
