package sim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	restingHistories = 6
	restingShards    = 3
	// numberControls is the invariant of the control totals.
	numberControls = 30
)

// TestInvariantsHoldWheneverThePipelineIsAtRest judges fixed histories after each step of each evening, while orders, trades and settlements are under way:
// what is true in the end, the control totals before all, is true of each shard on the way.
func TestInvariantsHoldWheneverThePipelineIsAtRest(t *testing.T) {
	judged, unsettled := 0, 0
	for seed := range uint64(restingHistories) {
		h := history.Draw(seed, 1+int(seed%reachedDaysMax), reachedActionsMax) //nolint:gosec // few
		w, err := newWorld(&h, restingShards, sim.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		w.Operators = true
		w.Done = func() bool { return w.AtRest() && w.underWay() == 0 }
		w.Interlude = func(moment history.Moment, today schemas.Date) error {
			if moment != history.AfterStep && moment != history.AfterDay {
				return nil // something may have been sent that is not read yet
			}
			judged++
			for _, result := range invariants.Check(w.Input()) {
				if !result.OK {
					return fmt.Errorf("%s: invariant %d, %s: %s", today, result.Number, result.Name, result.Detail)
				}
				if result.Number == numberControls && !strings.HasSuffix(result.CheckedOn, ", 0 unsettled trades") {
					unsettled++
				}
			}
			return nil
		}
		if err := w.Play(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if unsettled == 0 {
		t.Errorf("of %d judgements none was made while a trade was unsettled", judged)
	}
}
