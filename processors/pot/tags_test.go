package pot_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

func TestTagsShowOrdersHoldingsAndThatThePotIsOpen(t *testing.T) {
	day := schemas.DateOf(2008, 3, 17)
	for name, test := range map[string]struct {
		pot  state.PotState
		want []string
	}{
		"empty":     {state.PotState{}, []string{"open"}},
		"cash only": {state.PotState{Available: 1}, []string{"open"}},
		"an order shows its asset before there are units": {
			state.PotState{Orders: []state.Order{{Asset: "GB00X", Side: inbox.SideBuy, Day: day}}},
			[]string{"2008-03-17/GB00X/BUY", "held/GB00X", "open"},
		},
		"an order that may be corrected shows its asset when the units are gone": {
			state.PotState{Dealt: []state.DealtOrder{{Asset: "GB00X", Side: inbox.SideBuy, Day: day}}},
			[]string{"2008-03-17/GB00X/BUY", "held/GB00X", "open"},
		},
		"each asset once": {
			state.PotState{
				Holdings: []state.Holding{{Asset: "GB00X", Settled: 1}, {Asset: "GB00Y", Pending: 1}},
				Orders:   []state.Order{{Asset: "GB00X", Side: inbox.SideBuy, Day: day}, {Asset: "GB00X", Side: inbox.SideBuy, Day: day}},
			},
			[]string{"2008-03-17/GB00X/BUY", "held/GB00X", "held/GB00Y", "open"},
		},
	} {
		if got := pot.Machine().Tags(&test.pot); !slices.Equal(got, test.want) {
			t.Errorf("%s: tags are %q, want %q", name, got, test.want)
		}
	}
}
