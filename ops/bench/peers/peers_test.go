package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/realkafka"
)

// TestMain lets the test's binary be a candidate, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == candidateArgument {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestEveryCandidateIsFirstAsOften(t *testing.T) {
	first := map[string]int{}
	for round := range 2 * len(allCandidates()) {
		order := turn(allCandidates(), round)
		first[order[0]]++
		if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, slices.Sorted(slices.Values(allCandidates()))) {
			t.Errorf("round %d runs %v", round, order)
		}
	}
	for _, candidate := range allCandidates() {
		if first[candidate] != 2 {
			t.Errorf("%s is first in %d rounds of ten", candidate, first[candidate])
		}
	}
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	r := &report{Runs: []run{
		{Candidate: engineName, RecordsPerSecond: 100},
		{Candidate: gokaName, RecordsPerSecond: 50},
		{Candidate: gokaName, RecordsPerSecond: 10},
		{Candidate: engineName, RecordsPerSecond: 30},
	}}
	r.summarize([]string{engineName, gokaName})
	if got, want := r.Ratios[gokaName], (spread{Median: 2.5, Min: 2, Max: 3}); got != want {
		t.Errorf("the ratio is %v, want %v", got, want)
	}
	if got, want := r.Medians[engineName], (spread{Median: 65, Min: 30, Max: 100}); got != want {
		t.Errorf("the median is %v, want %v", got, want)
	}
}

func TestMarkersAreNoRecords(t *testing.T) {
	began := time.Unix(0, 0)
	// Partition 0 holds four records, with markers at 2, 5 and 6.
	f := &found{outputs: 4}
	f.offsets[0] = []int64{0, 1, 3, 4}
	w := &watched{began: began}
	for i, stable := range []int64{3, 6, 7} {
		w.looks = append(w.looks, look{at: began.Add(time.Duration(i+1) * time.Second), stable: [partitions]int64{stable}})
	}
	got, err := measured(w, f, 4)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seconds != 2 || got.RecordsPerSecond != 2 || got.SecondHalfPerSecond != 2 {
		t.Errorf("measured %+v, want 2 seconds at 2 records/s", got)
	}
	if _, err := measured(w, f, 5); err == nil {
		t.Error("a record that nobody saw was measured")
	}
}

func TestLossesAndDoublesAreFound(t *testing.T) {
	tests := []struct {
		candidate string
		found     found
		complaint string
	}{
		{engineName, found{counted: 10, changes: 9}, ""},
		{engineName, found{counted: 10, missing: 1}, "1 of 10 inputs have no output"},
		{engineName, found{counted: 10, doubled: 1}, "1 outputs are doubled"},
		{engineName, found{counted: 11}, "count 11 inputs"},
		{streamsName, found{counted: 9}, "count 9 of 10"},
		{gokaName, found{counted: 12, doubled: 2}, ""},
		{gokaName, found{counted: 9}, "count 9 of 10"},
		{gokaName, found{counted: 10, missing: 1}, "no output"},
		{ceilingName, found{changes: 10}, ""},
		{ceilingName, found{changes: 9}, "9 changelog records"},
		{sessionName, found{changes: 10}, ""},
		{sessionName, found{changes: 9}, "9 changelog records"},
	}
	for _, test := range tests {
		err := test.found.check(job{Candidate: test.candidate}, 10)
		if test.complaint == "" && err != nil || test.complaint != "" && (err == nil || !strings.Contains(err.Error(), test.complaint)) {
			t.Errorf("%s with %+v: %v, want %q", test.candidate, test.found, err, test.complaint)
		}
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-candidates", "engine,flink"},
		{"-records", "1"},
		{"-rounds", "0"},
		{"-records", "1000000000"},
		{"-records", "many"},
		{"-streams", "commit.interval.ms"},
	} {
		if err := execute(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v was run", args)
		}
	}
	if err := execute(t.Context(), []string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h ended with %v", err)
	}
}

func TestAStormOfErrorsIsBounded(t *testing.T) {
	var o opening
	for range 3 {
		if n, err := o.Write(bytes.Repeat([]byte("x"), stderrMax-1)); n != stderrMax-1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if o.kept.Len() != stderrMax {
		t.Errorf("%d bytes were kept", o.kept.Len())
	}
}

func TestRealCandidatesDoAllTheWork(t *testing.T) {
	realkafka.Require(t)
	const records = 20_000
	var out bytes.Buffer
	c := config{Candidates: allCandidates(), Records: records, Rounds: 1, progress: t.Output()}
	report, err := compare(t.Context(), c)
	if errors.Is(err, realkafka.ErrUnavailable) && os.Getenv("PENSTOCK_REAL") != "must" {
		t.Skipf("SKIPPED real-kafka: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range report.Runs {
		if run.Outputs < records || run.ChangelogRecords == 0 || run.RecordsPerSecond <= 0 {
			t.Errorf("%+v", run)
		}
	}
	if err := report.print(&out); err != nil || len(report.Runs) != len(allCandidates()) || !strings.Contains(out.String(), "engine / streams") {
		t.Errorf("printed %s, %v", out.String(), err)
	}
}
