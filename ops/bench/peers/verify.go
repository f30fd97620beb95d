package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/streams/feed"
)

// verifyTimeMax bounds reading a run's topics.
const verifyTimeMax = 5 * time.Minute

// found is what a read-committed reader finds after a run.
type found struct {
	// offsets are those of the output records, by partition, rising.
	offsets [partitions][]int64
	// outputs counts the output records, doubled those whose input had one already, missing the inputs that have none.
	outputs, doubled, missing int
	// changes counts the changelog's records of keys, and counted sums up the last state of each key.
	changes int
	counted int64
}

// verify reads what a run has written, and refuses what its candidate had promised would not happen.
func verify(ctx context.Context, j job, records int) (*found, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeMax)
	defer cancel()
	f := &found{}
	if err := f.readOutputs(ctx, j, records); err != nil {
		return nil, err
	}
	if err := f.readTable(ctx, j); err != nil {
		return nil, err
	}
	return f, f.check(j, records)
}

// lacks returns how many inputs have no output yet.
func lacks(ctx context.Context, j job, records int) (int, error) {
	f := &found{}
	err := f.readOutputs(ctx, j, records)
	return f.missing, err
}

func (f *found) readOutputs(ctx context.Context, j job, records int) error {
	seen := make([]bool, records)
	err := feed.ReadToEnd(ctx, feed.Connection{Brokers: []string{j.Broker}}, j.Output, func(r feed.Record) error {
		if len(r.Value) != recordBytes {
			return fmt.Errorf("an output of %d bytes at %s", len(r.Value), r.Position)
		}
		number := binary.BigEndian.Uint64(r.Value)
		if number >= uint64(records) || string(r.Key) != key(int(number)) { //nolint:gosec // bounded just before
			return fmt.Errorf("an output of no input at %s", r.Position)
		}
		f.outputs++
		if seen[number] {
			f.doubled++
		}
		seen[number] = true
		f.offsets[r.Partition] = append(f.offsets[r.Partition], r.Offset)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the outputs: %w", err)
	}
	f.missing = records - (f.outputs - f.doubled)
	return nil
}

func (f *found) readTable(ctx context.Context, j job) error {
	last := make(map[string]uint64, keys)
	err := feed.ReadToEnd(ctx, feed.Connection{Brokers: []string{j.Broker}}, j.Table, func(r feed.Record) error {
		if len(r.Key) == 0 || r.Key[0] == '!' {
			return nil // the candidate's own
		}
		if len(r.Value) != stateBytes {
			return fmt.Errorf("a state of %d bytes at %s", len(r.Value), r.Position)
		}
		f.changes++
		last[string(r.Key)] = count(r.Value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the changelog: %w", err)
	}
	for _, n := range last {
		f.counted += int64(n) //nolint:gosec // bounded by the number of records
	}
	return nil
}

// check holds a candidate to its promise. All must have done all the work; at least once may have done some of it twice.
func (f *found) check(j job, records int) error {
	var wrong []error
	if f.missing > 0 {
		wrong = append(wrong, fmt.Errorf("%d of %d inputs have no output", f.missing, records))
	}
	switch {
	case j.stateless():
		if f.changes != records {
			wrong = append(wrong, fmt.Errorf("%d changelog records for %d inputs", f.changes, records))
		}
	case f.counted < int64(records):
		wrong = append(wrong, fmt.Errorf("the states count %d of %d inputs", f.counted, records))
	case j.exactlyOnce() && f.counted > int64(records):
		wrong = append(wrong, fmt.Errorf("the states count %d inputs, there are %d", f.counted, records))
	}
	if j.exactlyOnce() && f.doubled > 0 {
		wrong = append(wrong, fmt.Errorf("%d outputs are doubled", f.doubled))
	}
	return errors.Join(wrong...)
}
