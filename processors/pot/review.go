package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// reviewMax bounds the instructions of one pot that are held for review.
const reviewMax = 20

// reviewTag is borne by a pot with an instruction that is held for review until the day before.
func reviewTag(expiresOn schemas.Date) string { return "review/" + expiresOn.String() }

// underReview returns where in the list the instruction is, or -1.
func underReview(pot *state.PotState, source schemas.SourceID, id schemas.InstructionID) int {
	return slices.IndexFunc(pot.Review, func(u state.UnderReview) bool { return u.Instruction.Source == source && u.Instruction.ID == id })
}

// withoutReview returns the pot without one of the instructions that are held.
func withoutReview(pot *state.PotState, at int) *state.PotState {
	next := *pot
	next.Review = slices.Delete(slices.Clone(pot.Review), at, at+1)
	return &next
}

// reviewedCash is the cash that an instruction invests or moves by its own words, which the policy's limit is for. What is only paid in is booked
// whatever its amount: the bank has it already. What names units, or all that there is, names no cash.
func reviewedCash(body ingest.InstructionBody) schemas.Money {
	switch b := body.(type) {
	case *ingest.Contribution:
		if len(b.Split) > 0 || b.ByChoice {
			return b.Cash
		}
	case *ingest.Buy:
		return b.Cash
	case *ingest.Withdraw:
		return b.Cash
	case *ingest.Sell:
		if b.Cash != nil {
			return *b.Cash
		}
	case *ingest.Switch:
		if b.Cash != nil {
			return *b.Cash
		}
	}
	return 0
}

// cashInReview is the available cash that what is held for review would take, if it were released: as much of it as a pot may have. No machine spends it before a person has looked.
func cashInReview(pot *state.PotState) schemas.Money {
	sum := schemas.Money(0)
	for i := range pot.Review {
		switch body := pot.Review[i].Instruction.Body.(type) {
		case *ingest.Contribution, *ingest.Buy, *ingest.Withdraw:
			sum += min(reviewedCash(body), balanceMax)
		}
	}
	return sum
}

// mustReview says whether the policy of the day has the instruction held.
func (q *question) mustReview() bool {
	policy := q.reference.Settings(q.today)
	return !q.reviewed && policy != nil && policy.ReviewAbove != nil && reviewedCash(q.instruction.Body) > *policy.ReviewAbove
}

// hold keeps the instruction for a person to look at. Nothing of it is checked or reserved yet, but what a contribution pays in is booked.
func (q *question) hold(before *state.PotState, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if len(before.Review) >= reviewMax {
		return q.refused(before, refusal{codeTooManyHeld, fmt.Sprintf("%d instructions of the pot are held for review", reviewMax)}, digest)
	}
	d := newDraft(before, 1)
	if c, ok := q.instruction.Body.(*ingest.Contribution); ok {
		if why := checkRoom(before, c.Cash); why.code != "" {
			return q.refused(before, why, digest)
		}
		d.moveCash(purpose{stage: stageContributed, effectiveOn: q.today}, outside[schemas.Money](ledger.BankClientMoney), d.available(), c.Cash)
	}
	from, days := q.today, q.reference.Settings(q.today).ReviewDays
	if q.place.Released {
		from = max(from, q.reference.today(q.place)) // the day that would have ended it may have begun while the pot was set aside: no other one is told again
	}
	d.state.Review = append(slices.Clone(before.Review), state.UnderReview{
		Instruction: *q.instruction, Salt: state.ReviewSalt(q.cause.Salt), ReceivedAt: q.cause.ReceivedAt, ExpiresOn: from + schemas.Date(days) + 1,
	})
	return q.answered(d, stateHeld, digest, nil, nil)
}

// cancelHeld takes back an instruction that is held: nothing was done of it but that a contribution's cash was booked, which stays.
func (q *question) cancelHeld(before *state.PotState, held, seen int, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	i := &before.Review[held].Instruction
	d := newDraft(withoutReview(before, held), 0)
	advance(&d.state.Seen[seen], stateCancelled, "")
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, progressOut(q.place, q.instruction.Pot, i.Source, i.ID, stateCancelled, refusal{}, q.cause))
}

// word is what an operator says of an instruction that is held.
type word struct {
	pot         schemas.PotID
	source      schemas.SourceID
	instruction schemas.InstructionID
	released    bool
	operation   *ingest.Operation
}

// reviewed answers an operator's word on an instruction that is held. A released one is decided as if it had come now: at a price that nobody
// can know yet, and against what the pot has now.
func reviewed(place streams.Place, r *Reference, before *state.PotState, cause *inbox.Cause, w *word) (*state.PotState, []streams.Out) {
	at := -1
	if before != nil {
		at = underReview(before, w.source, w.instruction)
	}
	today, ready := r.LocalDate(cause.ReceivedAt)
	if at < 0 || !ready {
		return before, []streams.Out{rejectionOut(place, cause, w.pot, refusal{codeNotHeld, fmt.Sprintf("instruction %s of %s is not held for review", w.instruction, w.source)})}
	}
	held := &before.Review[at]
	told := *cause
	told.Salt = inbox.Salt(held.Salt)
	q := &question{place: place, reference: r, cause: &told, instruction: &held.Instruction, today: today, reviewed: true}
	rest, digest := withoutReview(before, at), digestOf(&held.Instruction)
	switch {
	case today >= held.ExpiresOn:
		// The day that ends the hold has begun, and this word came before the pot was told so.
		return expire(place, rest, w.pot, cause, held)
	case !w.released:
		return q.refused(rest, refusal{codeRefusedInReview, fmt.Sprintf("refused by %s: %s", w.operation.Operator, w.operation.Reason)}, digest)
	}
	return q.decide(rest, digest)
}

// expireHeld ends what was held for review until the day before one that has begun.
func expireHeld(place streams.Place, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.TimeReached) (*state.PotState, []streams.Out) {
	next, outs := before, []streams.Out(nil)
	for i := range before.Review {
		held := &before.Review[i]
		if !slices.ContainsFunc(m.Began, func(day schemas.Date) bool { return day >= held.ExpiresOn }) {
			continue
		}
		at := underReview(next, held.Instruction.Source, held.Instruction.ID)
		var more []streams.Out
		next, more = expire(place, withoutReview(next, at), pot, cause, held)
		outs = append(outs, more...)
	}
	return next, outs
}

// expire notes that the instruction, which is no longer held, came to its end because nobody released it.
func expire(place streams.Place, rest *state.PotState, pot schemas.PotID, cause *inbox.Cause, held *state.UnderReview) (*state.PotState, []streams.Out) {
	i := &held.Instruction
	rest.Seen = slices.Clone(rest.Seen)
	moveOn(rest.Seen, i.Source, i.ID, stateExpired, "")
	return rest, []streams.Out{progressOut(place, pot, i.Source, i.ID, stateExpired, refusal{}, cause)}
}

// timeTags are the tags of all pots with an instruction that is held no longer once the days have begun.
func timeTags(m *inbox.TimeReached) []string {
	tags := make([]string, len(m.Began))
	for i, day := range m.Began {
		tags[i] = reviewTag(day)
	}
	return tags
}
