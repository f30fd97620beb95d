package main

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
)

// TestATraceOfMoreRecordsThanAreLookedUpSaysSo has as many causes as are looked up, two journals with the same, and then one more.
func TestATraceOfMoreRecordsThanAreLookedUpSaysSo(t *testing.T) {
	trace := &postgres.Trace{Kind: "trade", Journals: []ledger.Journal{{Topic: streams.IngestInstruction}}}
	for offset := range recordsMax {
		trace.Journals = append(trace.Journals, ledger.Journal{Topic: streams.IngestInstruction, Offset: int64(offset)})
	}
	for more := range 2 {
		if looked := cutCauses(trace); len(looked) != recordsMax || trace.Truncated != (more > 0) {
			t.Errorf("with %d more: %d records are looked up, truncated: %t", more, len(looked), trace.Truncated)
		}
		var records, text, program strings.Builder
		printRecords(&records, nil, len(causesOf(trace)))
		printTrace(&text, trace)
		if err := printTraceJSON(&program, trace, nil); err != nil {
			t.Fatal(err)
		}
		for _, told := range []struct{ by, what string }{
			{records.String(), "first 200 of the 201 records"}, {text.String(), "there is more than is shown"}, {program.String(), `"truncated": true`},
		} {
			if strings.Contains(told.by, told.what) != (more > 0) {
				t.Errorf("with %d more, %q: %t", more, told.what, more == 0)
			}
		}
		trace.Journals = append(trace.Journals, ledger.Journal{Topic: streams.IngestInstruction, Offset: recordsMax})
	}
}
