package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// closePot closes the pot for ever, if it has nothing and nothing of it is under way.
func (q *question) closePot(before *state.PotState, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if what := remains(before); what != "" {
		return q.refused(before, refusal{codeNotEmpty, "the pot still has " + what}, digest)
	}
	d := newDraft(before, 0)
	d.state.Holdings = nil
	d.state.ClosedOn, d.state.Choice = &q.today, nil // a closed pot needs no target date to be kept
	return q.accepted(d, digest, nil, nil)
}

// remains names the first thing that keeps a pot from being closed, empty where there is none.
func remains(pot *state.PotState) string {
	if what := underWay(pot); what != "" {
		return what
	}
	if cash := cashOf(pot); cash != 0 {
		return cash.String() + " in cash"
	}
	for i := range pot.Holdings {
		if h := &pot.Holdings[i]; h.Settled+h.Pending+h.Reserved != 0 {
			return fmt.Sprintf("units of %s", h.Asset)
		}
	}
	return ""
}
