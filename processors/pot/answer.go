package pot

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// The states of an instruction.
const (
	stateAccepted  schemas.Code = "accepted"
	stateRejected  schemas.Code = "rejected"
	stateCancelled schemas.Code = "cancelled"
	statePriced    schemas.Code = "priced"
	stateSettled   schemas.Code = "settled"
	// A payment is sent, paid or bounced; a claim of a transfer in is attributed.
	stateSent       schemas.Code = "sent"
	statePaid       schemas.Code = "paid"
	stateBounced    schemas.Code = "bounced"
	stateAttributed schemas.Code = "attributed"
	// stateDelivered is a transfer in specie of which the units have gone.
	stateDelivered schemas.Code = "delivered"
	// stateHeld is an instruction that waits for a person to release it, stateExpired one that waited in vain.
	stateHeld    schemas.Code = "held"
	stateExpired schemas.Code = "expired"
	// stateSettledInPart is only told to who asks again: some of its orders have settled, others are still under way.
	stateSettledInPart schemas.Code = "settled-in-part"
	// stateCarried is that of an accepted instruction of which orders were not dealt, or not to their end, and go on to another dealing day.
	stateCarried schemas.Code = "carried"
	// stateUntraded is no state of an instruction: a pot tells of a re-balancing by it, where it trades nothing.
	stateUntraded schemas.Code = "untraded"
	// stateOfDealt stands for priced or settled, as far as what was dealt has come once the rest of it has ended. It is told as one of them.
	stateOfDealt schemas.Code = ""
)

// refusal is why an instruction is not done. The zero refusal means that it is.
type refusal struct {
	code   schemas.Code
	reason string
}

// What several checks refuse is said in the same words.

func notReady() refusal { return refusal{codeNotReady, "the trust's settings are not known yet"} }

func notOpen(pot schemas.PotID) refusal {
	return refusal{codeNotOpen, fmt.Sprintf("pot %s is not open", pot)}
}

func unknownAsset(asset schemas.AssetCode) refusal {
	return refusal{codeUnknownAsset, fmt.Sprintf("there is no asset %s", asset)}
}

func noRoom(asset schemas.AssetCode) refusal {
	return refusal{codeHoldingTooLarge, fmt.Sprintf("asset %s: the pot could hold more units than a pot may", asset)}
}

// question is one instruction, with all that answering it needs.
type question struct {
	place       streams.Place
	reference   *Reference
	cause       *inbox.Cause
	instruction *ingest.Instruction
	today       schemas.Date
	// payment is the one that the instruction makes, if any.
	payment *schemas.ID
	// delivery is the one of units that it makes, if any.
	delivery *schemas.ID
	// reviewed says that the instruction was held for review and is released: the cause is the operator's word, not the instruction.
	reviewed bool
}

// statusOut says what became of the instruction.
func (q *question) statusOut(s schemas.Code, why refusal, duplicate bool, day *schemas.Date, orders []schemas.ID) streams.Out {
	i := q.instruction
	told := progressOf(q.place, i.Pot, i.Source, i.ID, s, why, q.cause)
	told.Duplicate, told.DealingDay, told.Orders, told.Payment, told.Delivery = duplicate, day, orders, q.payment, q.delivery
	return toldOut(told)
}

// refuse returns the answer to an instruction that is not done: its status and one rejection.
func (q *question) refuse(why refusal, duplicate bool) []streams.Out {
	i := q.instruction
	of := *q.cause // the sender's words, and not an operator's where it was held for review
	of.Source, of.ID = i.Source, string(i.ID)
	return []streams.Out{q.statusOut(stateRejected, why, duplicate, nil, nil), rejectionOut(q.place, &of, i.Pot, why)}
}

// dropped answers an instruction that an operator dropped undecided. Nothing is remembered of it: the pot's state may be what was wrong. A copy of
// an instruction that was answered before gets that answer again, or its sender would take the instruction itself for rejected.
func dropped(place streams.Place, _ *Reference, _ string, pot *state.PotState, m *inbox.PotMessage) []streams.Out {
	body, ok := m.Body.(*inbox.Instructed)
	if !ok {
		return droppedUnasked(place, m)
	}
	q := &question{place: place, cause: &m.Cause, instruction: &body.Instruction}
	if pot != nil {
		digest := digestOf(q.instruction)
		if at := findSeen(pot.Seen, seenKey(q.instruction.Source, q.instruction.ID)); at >= 0 && pot.Seen[at].Digest == digest {
			return q.again(&pot.Seen[at], digest)
		}
	}
	return q.refuse(refusal{codeDroppedByOperator, "it could not be decided, and an operator dropped it"}, false)
}

// derive names what the instruction makes. The date belongs to the identity: the sender may use an id again once the pot has forgotten it.
func (q *question) derive(what string) schemas.ID {
	i := q.instruction
	return schemas.DeriveID(what, string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String())
}

// seenKey identifies an instruction within its pot.
func seenKey(source schemas.SourceID, id schemas.InstructionID) schemas.ID {
	return schemas.DeriveID("instruction", string(source), string(id))
}

// digestOf covers all that an instruction says. Of a contribution that is not invested by choice it leaves out the last byte, which says so: earlier versions
// knew no such field, and what they have answered must be known when it comes again.
func digestOf(i *ingest.Instruction) state.SeenDigest {
	var scratch [512]byte
	said := i.AppendAvro(scratch[:0])
	if c, ok := i.Body.(*ingest.Contribution); ok && !c.ByChoice {
		said = said[:len(said)-1]
	}
	sum := sha256.Sum256(said)
	return state.SeenDigest(sum[:16])
}

// findSeen returns where in the list the instruction is, or -1.
func findSeen(seen []state.Seen, key schemas.ID) int {
	return slices.IndexFunc(seen, func(s state.Seen) bool { return s.Key == key })
}

// moveOn moves an earlier instruction on, as far as it is remembered.
func moveOn(seen []state.Seen, source schemas.SourceID, id schemas.InstructionID, to, code schemas.Code) {
	if at := findSeen(seen, seenKey(source, id)); at >= 0 {
		advance(&seen[at], to, code)
	}
}

// remembered copies what must still be remembered, with room for one more.
func remembered[T any](all []T, is func(*T) bool) []T {
	kept := make([]T, 0, len(all)+1)
	for i := range all {
		if is(&all[i]) {
			kept = append(kept, all[i])
		}
	}
	return kept
}

// remember notes the answer, and forgets what may be forgotten. What is dated in the future, and refused for it, is kept no longer
// than what was dated on the day on which it came: a date of the sender's choice must not stay for ever.
func (q *question) remember(pot *state.PotState, s schemas.Code, code schemas.Code, digest state.SeenDigest) []state.Seen {
	oldest := q.reference.OldestDate(q.today)
	next := make([]state.Seen, 0, len(pot.Seen)+1)
	key := seenKey(q.instruction.Source, q.instruction.ID)
	for i := range pot.Seen {
		if pot.Seen[i].Key != key && isKept(pot, i, oldest) {
			next = append(next, pot.Seen[i])
		}
	}
	i := q.instruction
	from := schemas.Code("")
	if q.reviewed {
		from = stateHeld
	}
	mustMove(from, s)
	return append(next, state.Seen{Key: seenKey(i.Source, i.ID), Digest: digest, InstructedOn: min(i.InstructedOn, q.today), State: s, Code: code})
}

// isKept says whether an instruction must still be remembered: it is not dated so far back that its date alone would have it refused,
// or something of it is open or held for review, which may yet be cancelled.
func isKept(pot *state.PotState, i int, oldest schemas.Date) bool {
	if pot.Seen[i].InstructedOn >= oldest {
		return true
	}
	key := pot.Seen[i].Key
	return slices.ContainsFunc(pot.Orders, func(o state.Order) bool { return seenKey(o.Source, o.Instruction) == key }) ||
		slices.ContainsFunc(pot.Payments, func(p state.Payment) bool { return isRemembered(&p, oldest) && seenKey(p.Source, p.Instruction) == key }) ||
		slices.ContainsFunc(pot.Deliveries, func(d state.Delivery) bool { return isRecent(&d, oldest) && seenKey(d.Source, d.Instruction) == key }) ||
		slices.ContainsFunc(pot.Claims, func(c state.Claim) bool { return seenKey(c.Source, c.Instruction) == key }) ||
		slices.ContainsFunc(pot.Review, func(u state.UnderReview) bool { return seenKey(u.Instruction.Source, u.Instruction.ID) == key })
}

// answers says whether what was seen under the instruction's id answers it. What may be forgotten answers only the very same
// instruction: whether it was forgotten already must not decide whether another one may have its id.
func (q *question) answers(pot *state.PotState, at int, digest state.SeenDigest) bool {
	return pot.Seen[at].Digest == digest || isKept(pot, at, q.reference.OldestDate(q.today))
}

// countKept counts the instructions that must still be remembered.
func (q *question) countKept(pot *state.PotState) int {
	oldest := q.reference.OldestDate(q.today)
	n := 0
	for i := range pot.Seen {
		if isKept(pot, i, oldest) {
			n++
		}
	}
	return n
}

// again answers an instruction that was seen before.
func (q *question) again(seen *state.Seen, digest state.SeenDigest) []streams.Out {
	if seen.Digest != digest {
		return q.refuse(refusal{codeConflictingDuplicate, "an instruction with this id and another content was answered before"}, true)
	}
	why := refusal{}
	if seen.State == stateRejected {
		why = refusal{seen.Code, "as answered before"}
	}
	return []streams.Out{q.statusOut(seen.State, why, true, nil, nil)}
}
