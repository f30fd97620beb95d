package bench

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/embedded"
)

func TestTheCycleIsMeasuredToItsEnd(t *testing.T) {
	const pots, shards = 60, 2
	dir := filepath.Join(t.TempDir(), "stack")
	t.Cleanup(func() {
		if err := embedded.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	var cpu, heap bytes.Buffer
	report, err := Cycle(t.Context(), Config{Dir: dir, Pots: pots, Shards: shards, CPUProfile: &cpu, HeapProfile: &heap})
	if err != nil {
		t.Fatal(err)
	}
	// In: one contribution and three reservations. Priced: cash out and units in, three times, and 60 pots leave something over.
	if got := report.Stages[0].Postings; got != pots*4 {
		t.Errorf("the contributions made %d postings, want %d", got, pots*4)
	}
	if got, least := report.Stages[2].Postings, int64(pots*6); got < least {
		t.Errorf("pricing made %d postings, want at least %d", got, least)
	}
	if got, want := report.Stages[3].Postings, int64(pots*3+shards*6); got != want {
		t.Errorf("settling made %d postings, want %d", got, want)
	}
	if report.Cycle.PostingsBooked != report.Cycle.Postings || report.Cycle.Postings == 0 {
		t.Errorf("%d postings in Postgres, %d counted by the sink", report.Cycle.Postings, report.Cycle.PostingsBooked)
	}
	if want := int64(3 * pots); report.Visits < want {
		t.Errorf("%d visits, want %d", report.Visits, want)
	}
	for _, sizes := range [][]Size{report.Topics, report.Stores, report.Tables} {
		if len(sizes) == 0 || sizes[0].Bytes == 0 {
			t.Errorf("sizes are missing: %v", sizes)
		}
	}
	if cpu.Len() == 0 || heap.Len() == 0 {
		t.Error("a profile is empty")
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "0 failed") {
		t.Errorf("printed %q, %v", text.String(), err)
	}
}

func TestOnlyAnEmptyFolderIsUsed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "somebody's"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := Cycle(t.Context(), Config{Dir: dir, Pots: 1, Shards: 1})
	if report != nil || err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v, %v", report, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "kafka")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was started in the folder: %v", err)
	}
}
