package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// runSession does what the ceiling does in the way that franz-go itself offers for it: one member of a group, whose session ties the offsets of a poll
// to the transaction of its outputs. What it is not told keeps its default.
func runSession(ctx context.Context, j job) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(j.Broker),
		kgo.TransactionalID(j.Name),
		kgo.ConsumerGroup(j.Name),
		kgo.ConsumeTopics(j.Input),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.MetadataMinAge(metadataPause),
	)
	if err != nil {
		return fmt.Errorf("making the session: %w", err)
	}
	defer session.Close()
	for ctx.Err() == nil {
		fetches := session.PollRecords(ctx, transactionRecordsMax)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading the input: %w", errors.Join(err, context.Cause(ctx)))
		}
		if err := pass(ctx, session, j, fetches); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// pass writes an output and a changelog record for every record of a poll, and commits them with its offsets.
func pass(ctx context.Context, session *kgo.GroupTransactSession, j job, fetches kgo.Fetches) error {
	if err := session.Begin(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	first := kgo.AbortingFirstErrPromise(session.Client())
	fetches.EachRecord(func(r *kgo.Record) {
		session.Produce(ctx, &kgo.Record{Topic: j.Output, Partition: r.Partition, Key: r.Key, Value: r.Value}, first.Promise())
		session.Produce(ctx, &kgo.Record{Topic: j.Table, Partition: r.Partition, Key: r.Key, Value: increment(nil)}, first.Promise())
	})
	if err := session.Client().Flush(ctx); err != nil {
		return fmt.Errorf("flushing a transaction: %w", errors.Join(err, context.Cause(ctx)))
	}
	if err := first.Err(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	committed, err := session.End(ctx, kgo.TryCommit)
	if err != nil {
		return fmt.Errorf("committing a transaction: %w", err)
	}
	if !committed && ctx.Err() == nil {
		return errors.New("a transaction was aborted, as its member lost a partition")
	}
	return nil
}
