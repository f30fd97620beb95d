package dealing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

func newPlayer() *player {
	return &player{scenario.NewShard[
		inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
		*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
	](dealing.Machine(1), 0, 1)}
}

// dealtText is a day before its orders, in the words of scenarios.
const dealtText = `at 2008-03-17 12:00
given Calendar name=platform from=2008-01-01 through=2008-12-31 closed=2008-03-21,2008-03-24
given Settings from=2008-01-01
given Custodian custodian=CREST
given Asset asset=GB00X from=2008-01-01 lag=2
given Reached
`

// TestCorrectionsThatAreNotDoneAreBounded corrects one close over and over, faster than the trades are worked out again.
func TestCorrectionsThatAreNotDoneAreBounded(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString(dealtText + "at 2008-03-17 21:00\ngiven Price day=2008-03-17 close=2.50\n")
	correction := func(verb, id string, n int) {
		fmt.Fprintf(text, "%s PriceCorrection id=%s day=2008-03-17 old=2.%d new=2.%d\n", verb, id, 50+n%2, 50+(n+1)%2)
	}
	for n := range 100 {
		correction("given", fmt.Sprint("o", n), n)
	}
	correction("when", "o100", 100)
	text.WriteString("reject dealing/too-many-declarations unanswered\ngiven Flush id=o7\n")
	correction("given", "o100", 100)
	scenario.Run(t, text.String(), newPlayer())
}
