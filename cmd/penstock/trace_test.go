package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
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
		if err := printTraceJSON(&program, trace, nil, nil); err != nil {
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

// TestAListOfFrozenOrdersThatBeginsAnewCountsAlone: a shard tells of a batch again where an order was missing.
func TestAListOfFrozenOrdersThatBeginsAnewCountsAlone(t *testing.T) {
	trade, other := schemas.DeriveID("test", "trade"), schemas.DeriveID("test", "other")
	ids := make([]audit.FrozenOrder, 4)
	for i := range ids {
		ids[i].ID = schemas.DeriveID("test", "order", string(rune('a'+i)))
	}
	tell := func(f *frozenOrders, of schemas.ID, before int64, orders ...audit.FrozenOrder) {
		f.add(&audit.FrozenOrders{Batches: []audit.FrozenBatch{{Trade: of, Before: before, Orders: orders}}})
	}
	for name, looked := range map[string]struct {
		frozenOrders
		first, last int
	}{
		"of a trade":  {frozenOrders{trade: &trade}, 3, 2},
		"by an order": {frozenOrders{orders: map[schemas.ID]bool{ids[0].ID: true}}, 1, 1},
	} {
		f := &looked.frozenOrders
		f.found = make(map[schemas.ID][]schemas.ID)
		tell(f, trade, 0, ids[:2]...)
		tell(f, other, 0, ids[3])
		tell(f, trade, 2, ids[2])
		if got := len(f.found[trade]); got != looked.first || len(f.found[other]) != 0 {
			t.Errorf("%s: found are %v", name, f.found)
		}
		tell(f, trade, 0, ids[0], ids[3])
		if got := len(f.found[trade]); got != looked.last || f.found[trade][0] != ids[0].ID {
			t.Errorf("%s: after it began anew found are %v", name, f.found)
		}
	}
}

// What is followed from frozen orders keeps to the limits of one trace, and names the archives that have more.
func TestTracesThatAreJoinedHaveAllArchivesAndNoMoreJournalsThanOne(t *testing.T) {
	trace := &postgres.Trace{Dropped: []postgres.Dropped{{Act: 2}}}
	for n := range 2 * postgres.TraceJournalsMax {
		if trace.Truncated != (n > postgres.TraceJournalsMax) {
			t.Fatalf("with %d journals, truncated: %t", n, trace.Truncated)
		}
		number := int64(2*postgres.TraceJournalsMax - n)
		more := &postgres.Trace{Dropped: []postgres.Dropped{{Act: 1}, {Act: 2}}}
		more.Journals = []ledger.Journal{{ID: schemas.DeriveID("test", fmt.Sprint(number)), Sequence: number}}
		joinTraces(trace, more)
	}
	if got := trace.Journals; len(got) != postgres.TraceJournalsMax || got[0].Sequence != 1 || got[len(got)-1].Sequence != postgres.TraceJournalsMax {
		t.Errorf("there are %d journals, from %d on", len(got), got[0].Sequence)
	}
	if got := trace.Dropped; len(got) != 2 || got[0].Act != 1 || got[1].Act != 2 {
		t.Errorf("named are %v", got)
	}
}
