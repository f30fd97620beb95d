package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
)

const codeClosed schemas.Code = "pot/closed"

// checkClosed looks at the pots that were closed: by an instruction to close them, or, where a transfer out closed them, as far as an instruction was refused
// because of that. Since then they accept nothing, and in the end nothing is in any of their accounts.
func (f *facts) checkClosed() []*finding {
	c := &finding{number: 29, name: "a closed pot has nothing in any account and refuses instructions"}
	closed, closings := make(map[schemas.PotID]bool), f.closings()
	refused := 0
	for _, s := range f.Statuses {
		accepted := s.State == stateAccepted && !s.Duplicate
		switch {
		case accepted && closed[s.Pot]:
			c.fail("pot %s is closed, and %s/%s is accepted", s.Pot, s.Source, s.ID)
		case s.Code == codeClosed, accepted && answersOneOf(s, closings):
			closed[s.Pot] = true
		}
		if s.Code == codeClosed {
			refused++
		}
	}
	for at, amount := range f.leftIn(closed) {
		if amount != 0 {
			c.fail("pot %s is closed, and has %s of %s in %s", at.pot, amount, at.asset, at.account)
		}
	}
	return []*finding{c.on(len(closed), "closed pots").on(refused, "refusals")}
}

// closings are the instructions to close a pot, as they were received.
func (f *facts) closings() []*Received {
	var closings []*Received
	for n := range f.Instructions {
		if _, closes := f.Instructions[n].Instruction.Body.(*ingest.Close); closes {
			closings = append(closings, &f.Instructions[n])
		}
	}
	return closings
}

// answersOneOf says whether the status answers one of what was received.
func answersOneOf(s *status.InstructionStatus, received []*Received) bool {
	return slices.ContainsFunc(received, func(r *Received) bool {
		return r.ReceivedAt == s.ReceivedAt && r.Instruction.Source == s.Source && r.Instruction.Pot == s.Pot && r.Instruction.ID == s.ID
	})
}

// leftIn sums what journals have left in each account of the pots.
func (f *facts) leftIn(pots map[schemas.PotID]bool) map[place]schemas.Quantity {
	left := make(map[place]schemas.Quantity)
	for _, j := range f.Journals {
		if j.Pot == nil || !pots[*j.Pot] {
			continue
		}
		for i := range j.Postings {
			p := &j.Postings[i]
			if ledger.IsPotAccount(p.From) {
				left[placeOf(j, p.From, p.Asset)] -= p.Quantity
			}
			if ledger.IsPotAccount(p.To) {
				left[placeOf(j, p.To, p.Asset)] += p.Quantity
			}
		}
	}
	return left
}
