package rebalance_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/rebalance"
)

// TestWhatCoarseUnitsLoseIsSharedAgain plans for a pot in which a quantum of D is worth ten times the minimum. Three sales into it lose almost half by rounding, so all others have
// more than their part of what is left: B is sold, too, that was exactly what it should be. A second run trades nothing even so.
func TestWhatCoarseUnitsLoseIsSharedAgain(t *testing.T) {
	positions := []rebalance.Position{
		pounds("A1", 150_000, 169_99), pounds("A2", 150_000, 169_99), pounds("A3", 150_000, 169_99), pounds("B", 350_000, 350_00),
		{Asset: "D", Weight: 200_000, Units: 14, Free: 14, Coming: 3, Price: 10_000_00000000, Scale: 3},
	}
	terms := rebalance.Terms{Absolute: part(0), Minimum: 1_00}
	trades, _, err := rebalance.Plan(positions, terms)
	if err != nil {
		t.Fatal(err)
	}
	sold := false
	for _, trade := range trades {
		sold = sold || positions[trade.From].Asset == "B"
	}
	if !sold {
		t.Errorf("the plan %v does not sell B: what is told of coarse units holds no longer", trades)
	}
	if again, _, err := rebalance.Plan(rebalance.After(positions, trades), terms); err != nil || len(again) > 0 {
		t.Errorf("a second run trades %v: %v", again, err)
	}
}
