package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// recordsMax bounds the ingest records that a trace looks up.
const recordsMax = 200

// causesOf are the positions of the ingest records that caused the journals of a trace, each once.
func causesOf(trace *postgres.Trace) []feed.Position {
	var causes []feed.Position
	for i := range trace.Journals {
		j := &trace.Journals[i]
		causes = append(causes, feed.Position{Place: feed.Place{Topic: j.Topic, Partition: j.Partition}, Offset: j.Offset})
	}
	slices.SortFunc(causes, func(a, b feed.Position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return slices.Compact(causes)
}

// cutCauses returns the causes that are looked up. Where those are not all, the trace says that there is more.
func cutCauses(trace *postgres.Trace) []feed.Position {
	causes := causesOf(trace)
	if len(causes) > recordsMax {
		trace.Truncated = true
		return causes[:recordsMax]
	}
	return causes
}

// records looks the ingest records of a trace up, as many as recordsMax: their senders' schemas are known to the topic and the registry only.
func (t *target) records(ctx context.Context, trace *postgres.Trace) ([]tailed, error) {
	connection, err := t.connection(ctx)
	if err != nil {
		return nil, err
	}
	registry, err := openRegistry(connection)
	if err != nil {
		return nil, err
	}
	records, err := readRecords(ctx, connection, registry, cutCauses(trace))
	if err != nil {
		return nil, fmt.Errorf("reading the records that caused it: %w", err)
	}
	return records, nil
}

// printRecords writes the records that were looked up, and where these are not those of all causes, how many there are.
func printRecords(out io.Writer, records []tailed, causes int) {
	for i := range records {
		r := &records[i]
		value := string(r.Value)
		if r.Error != "" {
			value = "cannot be decoded: " + r.Error
		}
		fmt.Fprintf(out, "%s  record %s/%d@%d, key %s, by schema %d of the registry\n    %s\n", r.Timestamp, r.Topic, r.Partition, r.Offset, r.Key, r.Schema, value)
	}
	if causes > recordsMax {
		fmt.Fprintf(out, "these are the first %d of the %d records that caused it\n", recordsMax, causes)
	}
}
