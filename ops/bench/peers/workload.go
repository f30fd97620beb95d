package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// The workload, the same for every candidate.
const (
	partitions  = 8
	keys        = 100_000
	recordBytes = 100
	stateBytes  = 120
)

// key returns the key of an input record; a key comes again only after all others.
func key(number int) string { return fmt.Sprintf("pot-%08d", number%keys) }

// increment returns the state that follows: a count and padding. A nil state counts nothing.
func increment(state []byte) []byte {
	next := make([]byte, stateBytes)
	copy(next, state)
	binary.BigEndian.PutUint64(next, count(next)+1)
	return next
}

func count(state []byte) uint64 { return binary.BigEndian.Uint64(state) }

// inputSeed makes the padding of every run the same.
const inputSeed = 1

// produceInput fills a topic. A value begins with the record's number, by which outputs are told apart; half of it is random, so it
// compresses about as well as real records do.
func produceInput(ctx context.Context, address, topic string, records int) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.ProducerLinger(linger), kgo.MaxBufferedRecords(bufferedRecordsMax),
	)
	if err != nil {
		return fmt.Errorf("making the producer of the input: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	random := rand.New(rand.NewPCG(inputSeed, inputSeed))
	for number := range records {
		value := make([]byte, recordBytes)
		for at := 8; at < recordBytes/2+8; at++ {
			value[at] = byte(random.Uint32())
		}
		binary.BigEndian.PutUint64(value, uint64(number)) //nolint:gosec // numbers count from 0
		key := key(number)
		record := &kgo.Record{Topic: topic, Partition: streams.PartitionOf(key, partitions), Key: []byte(key), Value: value}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				cancel(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("producing the input: %w", context.Cause(ctx))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("producing the input: %w", context.Cause(ctx))
	}
	return nil
}
