package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// claimsMax bounds the claims of a pot that wait.
const claimsMax = 10

// transferIn claims what is received under a reference. The answer comes back to the pot when there is cash.
func (q *question) transferIn(before *state.PotState, t *ingest.TransferIn, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	switch {
	case len(before.Claims) >= claimsMax:
		return q.refused(before, refusal{codeTooManyClaims, fmt.Sprintf("a pot may have %d claims that wait", claimsMax)}, digest)
	case slices.ContainsFunc(before.Claims, func(c state.Claim) bool { return c.Reference == t.Reference }):
		return q.refused(before, refusal{codeAlreadyClaiming, fmt.Sprintf("an earlier claim of %s waits", t.Reference)}, digest)
	}
	if why := checkRoom(before, 0); why.code != "" {
		return q.refused(before, why, digest)
	}
	i, id := q.instruction, q.derive("claim")
	d := newDraft(before, 0)
	d.state.Claims = append(slices.Clone(before.Claims), state.Claim{ID: id, Reference: t.Reference, Source: i.Source, Instruction: i.ID})
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, suspenseOut(q.cause, t.Reference, &inbox.CashClaimed{Reference: t.Reference, Pot: i.Pot, Claim: id, On: q.today}))
}

// suspenseOut tells the key of a payment reference something.
func suspenseOut(cause *inbox.Cause, reference string, body inbox.PotBody) streams.Out {
	told := *cause
	told.Salt = inbox.Salt{} // no order can come of it
	return streams.Out{Topic: streams.PotInbox, Key: string(suspense.Key(reference)), Value: &inbox.PotMessage{Cause: told, Body: body}}
}

// withdrawClaim takes a claim back. The answer says whether that was in time: until then it stays as it is.
func (q *question) withdrawClaim(before *state.PotState, at int, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if before.Claims[at].Withdrawn {
		return q.refused(before, refusal{codeNothingToCancel, fmt.Sprintf("instruction %s is being taken back already", before.Claims[at].Instruction)}, digest)
	}
	d := newDraft(before, 0)
	d.state.Claims = slices.Clone(before.Claims)
	d.state.Claims[at].Withdrawn = true
	c := &d.state.Claims[at]
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, suspenseOut(q.cause, c.Reference, &inbox.ClaimWithdrawn{Reference: c.Reference, Pot: q.instruction.Pot, Claim: c.ID}))
}

// findClaim returns where the claim of an instruction is, or -1.
func findClaim(claims []state.Claim, source schemas.SourceID, instruction schemas.InstructionID) int {
	return slices.IndexFunc(claims, func(c state.Claim) bool { return c.Source == source && c.Instruction == instruction })
}

// attributed adds what the pot has claimed.
func attributed(place streams.Place, before *state.PotState, cause *inbox.Cause, m *inbox.CashAttributed) (*state.PotState, []streams.Out) {
	d, c := answered(before, m.Claim)
	if c == nil {
		return before, nil
	}
	d.reference = c.Reference
	d.moveCash(purpose{stage: stageAttributed, effectiveOn: m.On}, outside[schemas.Money](ledger.BankInTransit), d.available(), m.Cash)
	outs := d.journal(make([]streams.Out, 0, 2), place, m.Pot, cause, "attributed/"+m.Claim.String())
	return &d.state, append(outs, d.claimOut(place, m.Pot, cause, c, stateAttributed, refusal{}))
}

// claimRefused ends a claim without cash: it is another's, or was taken back.
func claimRefused(place streams.Place, before *state.PotState, cause *inbox.Cause, m *inbox.ClaimRefused) (*state.PotState, []streams.Out) {
	d, c := answered(before, m.Claim)
	if c == nil {
		return before, nil
	}
	if m.Code == "" {
		return &d.state, []streams.Out{d.claimOut(place, m.Pot, cause, c, stateCancelled, refusal{})}
	}
	return &d.state, []streams.Out{d.claimOut(place, m.Pot, cause, c, stateRejected, refusal{m.Code, m.Reason})}
}

// answered takes a claim out of the pot, or returns none where it was answered before.
func answered(before *state.PotState, id schemas.ID) (*draft, *state.Claim) {
	if before == nil {
		return nil, nil
	}
	at := slices.IndexFunc(before.Claims, func(c state.Claim) bool { return c.ID == id })
	if at < 0 {
		return nil, nil
	}
	d := newDraft(before, 1)
	d.state.Claims = slices.Delete(slices.Clone(before.Claims), at, at+1)
	return d, &before.Claims[at]
}

// claimOut tells what became of the claim's instruction.
func (d *draft) claimOut(place streams.Place, pot schemas.PotID, cause *inbox.Cause, c *state.Claim, s schemas.Code, why refusal) streams.Out {
	moveOn(d.state.Seen, c.Source, c.Instruction, s, why.code)
	return progressOut(place, pot, c.Source, c.Instruction, s, why, cause)
}
