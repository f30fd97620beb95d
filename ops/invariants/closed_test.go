package invariants

import (
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// closedPot is a pot that was paid so much, paid so much out, and was closed; what it was sent after that got the given answer.
func closedPot(in, out schemas.Quantity, after schemas.Code, code schemas.Code) *Input {
	pot := schemas.PotID("p1")
	moves := func(from, to schemas.Account, amount schemas.Quantity) *ledger.Journal {
		return &ledger.Journal{Pot: &pot, Postings: []ledger.Posting{{Leg: 1, Asset: schemas.Cash, Quantity: amount, From: from, To: to}}}
	}
	return &Input{
		Shards:       1,
		Journals:     []*ledger.Journal{moves(ledger.BankClientMoney, ledger.PotAvailable, in), moves(ledger.PotAvailable, ledger.BankInTransit, out)},
		Instructions: []Received{{ReceivedAt: 7, Instruction: &ingest.Instruction{Source: "portal", ID: "x", Pot: pot, Body: &ingest.Close{}}}},
		Statuses: []*status.InstructionStatus{
			{Source: "portal", ID: "x", Pot: pot, State: stateAccepted, ReceivedAt: 7},
			{Source: "portal", ID: "x", Pot: pot, State: stateAccepted, Duplicate: true, ReceivedAt: 8},
			{Source: "portal", ID: "c", Pot: pot, State: after, Code: code, ReceivedAt: 9},
		},
	}
}

func TestClosedPotsAreJudgedByWhatTheyHaveAndAnswer(t *testing.T) {
	transferred := closedPot(5, 4, stateRejected, codeClosed)
	transferred.Instructions = nil // only the refusal says that it is closed
	open := closedPot(5, 4, stateAccepted, "")
	open.Statuses[0].State = stateRejected
	for name, test := range map[string]struct {
		in   *Input
		want bool
	}{
		"it is empty and refuses":           {closedPot(5, 5, stateRejected, codeClosed), true},
		"it has something":                  {closedPot(5, 4, stateRejected, codeClosed), false},
		"it owes something":                 {closedPot(4, 5, stateRejected, codeClosed), false},
		"it accepts something":              {closedPot(5, 5, stateAccepted, ""), false},
		"closed by a transfer, not empty":   {transferred, false},
		"it was not closed: it may do both": {open, true},
	} {
		c := gather(test.in).checkClosed()[0]
		if c.result().OK != test.want {
			t.Errorf("%s: invariant %d holds is %t, want %t: %s", name, c.number, c.result().OK, test.want, c.result().Detail)
		}
	}
}
