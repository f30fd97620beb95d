package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// checkUntraded looks for terms, closes and a moment at which nothing was to trade for the reason that the pot tells.
func (r *rebalancing) checkUntraded(run *outcome) bool {
	terms := r.termsOf(run)
	if len(terms) == 0 {
		r.fail("pot %s tells of run %s, which nobody declared at %s", run.Pot, run.ID, run.ReceivedAt)
		return false
	}
	var want verdict
	switch run.Code {
	case codeWithinBands:
		want = withinBands
	case codeBelowMinimum:
		want = belowMinimum
	case codeNothingToTrade:
		want = worthNothing
	case codeUnsettled:
		r.checkUnsettled(run, terms)
		return false
	case "":
		r.fail("pot %s does not say why it trades nothing in run %s", run.Pot, run.ID)
		return false
	default:
		return false // something stood in the way
	}
	for _, before := range r.moments(run) {
		if before.unsettled {
			return false
		}
		before.keepBack(run.inReview)
		for _, closes := range r.closes(run, before) {
			for _, one := range terms {
				if trades, why := r.plan(run, before, closes, one); len(trades) == 0 && why == want {
					return true
				}
			}
		}
	}
	r.fail("pot %s tells %s of run %s, which no closes come to", run.Pot, run.Code, run.ID)
	return false
}

// termsOf are those of the run: of what was declared when the run was received. A second one may have come at the same moment.
func (r *rebalancing) termsOf(run *outcome) []*ingest.Rebalancing {
	var all []*ingest.Rebalancing
	for i := range r.Operations {
		if body, ok := r.Operations[i].Body.(*ingest.Rebalancing); ok && r.Operations[i].ReceivedAt == run.ReceivedAt {
			all = append(all, body)
		}
	}
	return all
}

// moments are what the pot may have had when it told of the run: more than one where journals were recorded at that very time.
func (r *rebalancing) moments(run *outcome) []*possession {
	var all []*possession
	journals := r.pots[run.Pot]
	for n := 0; n <= len(journals); n++ {
		if n > 0 && journals[n-1].RecordedAt > run.RecordedAt || n < len(journals) && journals[n].RecordedAt < run.RecordedAt {
			continue
		}
		all = append(all, r.before(run.Pot, n))
	}
	return all
}

// checkUnsettled judges a pot that trades nothing because something of it is unsettled. The run must not allow for that, and something must be: an amount that is
// reserved or pending, or an order of a trade that has not settled, for rounding may have left it nothing. A transfer out leaves no amount to look for.
func (r *rebalancing) checkUnsettled(run *outcome, terms []*ingest.Rebalancing) {
	switch {
	case r.leaves(run.Pot):
	case !slices.ContainsFunc(terms, func(t *ingest.Rebalancing) bool { return !t.WhileUnsettled }):
		r.fail("pot %s tells that it is unsettled in run %s, which allows for that", run.Pot, run.ID)
	case slices.ContainsFunc(r.moments(run), func(p *possession) bool { return p.unsettled }) || r.waits(run):
	default:
		r.fail("pot %s tells that it is unsettled in run %s, and nothing of it is", run.Pot, run.ID)
	}
}

// leaves says whether the pot was ever asked to be transferred out, or to be closed.
func (r *rebalancing) leaves(pot schemas.PotID) bool {
	return slices.ContainsFunc(r.Instructions, func(received Received) bool {
		switch received.Instruction.Body.(type) {
		case *ingest.TransferOut, *ingest.TransferOutInSpecie, *ingest.Close:
			return received.Instruction.Pot == pot
		}
		return false
	})
}

// waits says whether the pot has an order of a trade that had not ended when the run was declared: pots are told of both in that order.
func (r *rebalancing) waits(run *outcome) bool {
	for _, o := range r.orders {
		if o.pot != run.Pot {
			continue
		}
		for id := range o.trades {
			t := r.trades[id]
			ended := t.settled
			if ended == nil {
				ended = t.rejected
			}
			if t.batched != nil && t.batched.RecordedAt <= run.RecordedAt && (ended == nil || ended.RecordedAt >= run.ReceivedAt) {
				return true
			}
		}
	}
	return false
}

// checkComplete checks that of each run of which some pot tells all pots tell that had a choice long before and ever since. A pot of which an operator has dropped records
// may have lost one of them, and one that was to leave may have left.
func (r *rebalancing) checkComplete() {
	told, runs := make(map[schemas.InstructionID]map[schemas.PotID]bool), make(map[schemas.InstructionID]*outcome)
	for _, run := range r.runs {
		if told[run.ID] == nil {
			told[run.ID], runs[run.ID] = make(map[schemas.PotID]bool), run
		}
		told[run.ID][run.Pot] = true
	}
	for pot, choice := range r.choices.stand {
		if choice == nil || r.leaves(pot) || r.dropped(pot) {
			continue
		}
		for id, run := range runs {
			if r.choices.since[pot] < run.ReceivedAt && !told[id][pot] {
				r.fail("pot %s has a choice, and does not tell what came of run %s", pot, id)
			}
		}
	}
}

// dropped says whether an operator has dropped records of the pot's.
func (r *rebalancing) dropped(pot schemas.PotID) bool {
	return slices.ContainsFunc(r.Operations, func(o Operation) bool {
		drop, ok := o.Body.(*ingest.ParkedDrop)
		return ok && drop.Key == string(pot)
	})
}

// noteHeld notes what a status says of an instruction that is held: it is, or no longer.
func (f *facts) noteHeld(s *status.InstructionStatus, receipts []*Received) {
	key := instructionKey{s.Source, s.Pot, s.ID}
	if s.Duplicate {
		return
	}
	delete(f.held, key)
	for _, received := range receipts {
		if s.State == stateHeld && received.ReceivedAt == s.ReceivedAt {
			f.held[key] = cashAsked(received.Instruction.Body)
			return
		}
	}
}

// cashAsked is the available cash that the instruction would invest or pay out.
func cashAsked(body ingest.InstructionBody) schemas.Money {
	switch b := body.(type) {
	case *ingest.Contribution:
		return b.Cash
	case *ingest.Buy:
		return b.Cash
	case *ingest.Withdraw:
		return b.Cash
	}
	return 0
}

// inReview is the cash that the pot keeps for what is held.
func (f *facts) inReview(pot schemas.PotID) schemas.Money {
	sum := schemas.Money(0)
	for key, cash := range f.held {
		if key.pot == pot {
			sum += cash
		}
	}
	return sum
}

// keepBack takes cash that is not to be invested out of what the pot has.
func (p *possession) keepBack(cash schemas.Money) { p.cash = max(0, p.cash-int64(cash)) }
