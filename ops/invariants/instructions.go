package invariants

import (
	"cmp"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// The states and codes of instructions that the checks look for.
const (
	stateAccepted  schemas.Code = "accepted"
	stateRejected  schemas.Code = "rejected"
	stateCancelled schemas.Code = "cancelled"
	statePriced    schemas.Code = "priced"
	stateCarried   schemas.Code = "carried"
	stateSettled   schemas.Code = "settled"
	stateHeld      schemas.Code = "held"

	stateSent       schemas.Code = "sent"
	statePaid       schemas.Code = "paid"
	stateBounced    schemas.Code = "bounced"
	stateAttributed schemas.Code = "attributed"

	codeTradeRejected schemas.Code = "pot/trade-rejected"
	codeClaimed       schemas.Code = "pot/reference-claimed"
	codeConflicting   schemas.Code = "pot/conflicting-duplicate"
	codeAfterClose    schemas.Code = "pot/after-close"
)

// instructionKey is what makes an instruction that instruction.
type instructionKey struct {
	source schemas.SourceID
	pot    schemas.PotID
	id     schemas.InstructionID
}

// fate is all that was received and told under one key.
type fate struct {
	received []*Received
	told     []*status.InstructionStatus
	journals []*ledger.Journal
}

// fates gathers receipts, answers and journals by instruction.
func (f *facts) fates() map[instructionKey]*fate {
	all := make(map[instructionKey]*fate)
	at := func(source schemas.SourceID, pot schemas.PotID, id schemas.InstructionID) *fate {
		key := instructionKey{source, pot, id}
		if all[key] == nil {
			all[key] = &fate{}
		}
		return all[key]
	}
	for n := range f.Instructions {
		i := f.Instructions[n].Instruction
		one := at(i.Source, i.Pot, i.ID)
		one.received = append(one.received, &f.Instructions[n])
	}
	for _, s := range f.Statuses {
		if s.Source == sourceRebalancing {
			continue // no instruction
		}
		one := at(s.Source, s.Pot, s.ID)
		one.told = append(one.told, s)
	}
	for _, j := range f.Journals {
		if j.Pot == nil {
			continue
		}
		if one := all[instructionKey{j.Source, *j.Pot, schemas.InstructionID(j.Cause)}]; one != nil {
			one.journals = append(one.journals, j)
		}
	}
	return all
}

// answers says whether a status answers a receipt; the others tell of later progress. The buy of a switch may be refused, for the reasons for which any order is,
// when its sell has brought something: that was received at another time than the instruction.
func (f *fate) answers(s *status.InstructionStatus) bool {
	if s.State == stateRejected && !s.Duplicate && f.switches() && !slices.ContainsFunc(f.received, func(r *Received) bool { return r.ReceivedAt == s.ReceivedAt }) {
		return false
	}
	return s.Duplicate || s.State == stateAccepted || s.State == stateRejected && !isLater(s.Code)
}

func (f *fate) switches() bool {
	return slices.ContainsFunc(f.received, func(r *Received) bool { _, is := r.Instruction.Body.(*ingest.Switch); return is })
}

// isLater says whether an instruction is refused so only after it was accepted.
func isLater(code schemas.Code) bool {
	return code == codeTradeRejected || code == codeClaimed || code == codeDeliveryRefused
}

func compareKeys(a, b instructionKey) int {
	return cmp.Or(cmp.Compare(a.pot, b.pot), cmp.Compare(a.source, b.source), cmp.Compare(a.id, b.id))
}

// checkInstructions follows each instruction from its receipts to its end.
func (f *facts) checkInstructions() []*finding {
	once := &finding{number: 7, name: "an instruction that comes again gets the same answer and does nothing; another content is refused"}
	ends := &finding{number: 8, name: "an accepted instruction ends in exactly one state, along declared edges"}
	fates := f.fates()
	accepted, open := 0, 0
	for _, key := range slices.SortedFunc(maps.Keys(fates), compareKeys) {
		one := fates[key]
		checkAnswers(once, key, one)
		if state := checkEdges(ends, key, one); state != "" {
			accepted++
			if f.isOpen(one, state) {
				open++
			}
		}
	}
	return []*finding{
		once.on(len(f.Instructions), "receipts").on(len(fates), "instructions").on(len(f.Statuses), "statuses"),
		ends.on(accepted, "accepted instructions").on(open, "of them under way"),
	}
}

// checkAnswers checks that each receipt has one answer, that at most one of them did something, and that the others say so.
func checkAnswers(c *finding, key instructionKey, one *fate) {
	told, firsts := 0, 0
	for _, s := range one.told {
		if !one.answers(s) {
			continue
		}
		told++
		if s.State == stateAccepted && !s.Duplicate {
			firsts++
		}
	}
	if told != len(one.received) {
		c.fail("%s/%s/%s came %d times and was answered %d times", key.source, key.pot, key.id, len(one.received), told)
	}
	if firsts > 1 || len(one.journals) > firsts {
		c.fail("%s/%s/%s was accepted %d times and has %d journals", key.source, key.pot, key.id, firsts, len(one.journals))
	}
	checkConflicts(c, key, one)
}

// checkConflicts checks that, once an instruction is accepted, exactly the receipts of another content are refused as such. A
// content before that was never accepted leaves nothing to compare with.
func checkConflicts(c *finding, key instructionKey, one *fate) {
	first := slices.IndexFunc(one.told, func(s *status.InstructionStatus) bool { return s.State == stateAccepted && !s.Duplicate })
	if first < 0 {
		return
	}
	at := slices.IndexFunc(one.received, func(r *Received) bool { return r.ReceivedAt == one.told[first].ReceivedAt })
	if at < 0 {
		c.fail("%s/%s/%s was accepted without a receipt", key.source, key.pot, key.id)
		return
	}
	want, got := 0, 0
	content := one.received[at].Instruction.AppendAvro(nil)
	for _, r := range one.received[at:] {
		if !slices.Equal(content, r.Instruction.AppendAvro(nil)) {
			want++
		}
	}
	for _, s := range one.told[first:] {
		if s.Code == codeConflicting {
			got++
		}
	}
	// A conflicting duplicate may be refused at the door already, where its content is no instruction at all; and then before the pot has answered the first.
	if got > want {
		c.fail("%s/%s/%s was refused as conflicting %d times, and came with another content %d times", key.source, key.pot, key.id, got, want)
	}
	if len(one.received) > 1 && got < want && !refusedOtherwise(one.told) {
		c.fail("%s/%s/%s came with another content %d times, %d were refused", key.source, key.pot, key.id, want, got)
	}
}

func refusedOtherwise(told []*status.InstructionStatus) bool {
	return slices.ContainsFunc(told, func(s *status.InstructionStatus) bool {
		return !s.Duplicate && s.State == stateRejected && !isLater(s.Code)
	})
}

// edges are the declared steps of an accepted instruction; where there is none the state is an end.
func edges(from schemas.Code) []schemas.Code {
	switch from {
	case stateAccepted:
		return []schemas.Code{statePriced, stateCancelled, stateRejected, stateCarried, stateSent, stateBounced, stateAttributed, stateDelivered}
	case stateSettled:
		return []schemas.Code{stateSent, stateBounced}
	case stateSent:
		return []schemas.Code{statePaid, stateBounced}
	case statePaid:
		return []schemas.Code{stateBounced}
	case stateCarried:
		return []schemas.Code{stateCarried, statePriced, stateCancelled, stateRejected, stateSettled}
	case statePriced:
		// It is priced again where the settlement of a rest is given up: what was dealt before stands.
		return []schemas.Code{stateSettled, stateRejected, statePriced}
	}
	return nil
}

// checkEdges walks the progress of an instruction and returns its last state, empty where it was never accepted.
func checkEdges(c *finding, key instructionKey, one *fate) schemas.Code {
	state := schemas.Code("")
	for _, s := range one.told {
		switch {
		case s.Duplicate || state == "" && s.State == stateRejected:
		case state == "" && s.State == stateAccepted:
			state = stateAccepted
		case one.answers(s) && s.State == stateRejected:
			// Another content under the same id, refused at the door or by its date.
		case !slices.Contains(edges(state), s.State):
			c.fail("%s/%s/%s went from %q to %q", key.source, key.pot, key.id, state, s.State)
		default:
			state = s.State
		}
	}
	return state
}

// isOpen says whether an accepted instruction with orders has not come to its end.
func (f *facts) isOpen(one *fate, state schemas.Code) bool {
	if len(edges(state)) == 0 {
		return false
	}
	for _, s := range one.told {
		if s.State == stateAccepted && !s.Duplicate {
			// A cancellation names orders too: those that it has ended.
			return slices.ContainsFunc(s.Orders, func(id schemas.ID) bool { o := f.orders[id]; return o != nil && !o.ended(f) })
		}
	}
	return false
}
