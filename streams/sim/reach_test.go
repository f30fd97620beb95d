package sim_test

import (
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	reachedHistories  = 100
	reachedDaysMax    = 5
	reachedActionsMax = 24
)

// TestHistoriesLeadEverywhere asks of a fixed set of histories that they come to all that they are there for, and judges each.
func TestHistoriesLeadEverywhere(t *testing.T) {
	reached := make(map[string]int)
	for seed := range uint64(reachedHistories) {
		h := history.Draw(seed, 1+int(seed%reachedDaysMax), reachedActionsMax) //nolint:gosec // few
		w, err := operate(&h, 2, sim.Schedule{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if n := w.underWay(); n > 0 {
			t.Errorf("seed %d: %d orders never came to their end", seed, n)
		}
		in := w.Input()
		for _, j := range in.Journals {
			for i := range j.Postings {
				reached["stage "+j.Postings[i].Stage]++
			}
		}
		for _, e := range in.Trades {
			reached[fmt.Sprint(e.Event, " ", e.Side, " of ", e.Basis)]++
		}
		for _, s := range in.Statuses {
			reached[fmt.Sprint(s.State, " ", kindOf(&in, s))]++
		}
		for _, result := range invariants.Check(in) {
			if !result.OK {
				t.Errorf("seed %d: invariant %d, %s: %s", seed, result.Number, result.Name, result.Detail)
			}
		}
	}
	for _, event := range []string{"rejected", "deferred", "carried", "rest-carried", "settlement-failed", "settled"} {
		for _, kind := range []string{"BUY of CASH", "SELL of UNITS"} {
			mustReach(t, reached, event+" "+kind)
		}
	}
	for _, what := range []string{
		"settled SELL of CASH", "corrected BUY of CASH", "corrected SELL of UNITS", "corrected SELL of CASH", "stage switched", "stage returned", "stage rejected", "stage cancelled", "stage withdrawn", "stage sent", "stage paid",
		"stage bounced", "stage received", "stage attributed", "stage rounded", "stage charged",
		"stage distributed", "stage reversed", "stage compensated", "stage lent", "stage repaid", "accepted transfer out", "paid transfer out", "accepted close",
	} {
		mustReach(t, reached, what)
	}
}

// kindOf names the instructions by which members leave.
func kindOf(in *invariants.Input, s *status.InstructionStatus) string {
	for _, r := range in.Instructions {
		if i := r.Instruction; i.Source == s.Source && i.Pot == s.Pot && i.ID == s.ID {
			switch i.Body.(type) {
			case *ingest.TransferOut:
				return "transfer out"
			case *ingest.Close:
				return "close"
			}
		}
	}
	return "instruction"
}

func mustReach(t *testing.T, reached map[string]int, what string) {
	t.Helper()
	if reached[what] == 0 {
		t.Errorf("no history came to %q", what)
	}
}
