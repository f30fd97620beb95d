package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// receiptsMax bounds the receipts under one payment reference.
const receiptsMax = 100

// desk is that of one payment reference: its next state, and what is told of it.
type desk struct {
	place streams.Place
	cause *inbox.Cause
	key   schemas.PotID
	*draft
	outs []streams.Out
}

func newDesk(place streams.Place, cause *inbox.Cause, key string, before *state.PotState) *desk {
	if before == nil {
		before = &state.PotState{}
	}
	d := &desk{place: place, cause: cause, key: schemas.PotID(key), draft: newDraft(before, 1)}
	held := state.Suspense{}
	if before.Suspense != nil {
		held = *before.Suspense
	}
	d.state.Suspense = &held
	return d
}

// book writes the journal of what was posted since the last one, on the shard's own accounts: no pot has this cash.
func (d *desk) book(cause *inbox.Cause, kind string) {
	if len(d.postings) > 0 {
		d.outs = append(d.outs, journalOut(d.place, nil, streams.ControlKey(d.place.Shard), cause, kind, d.postings))
		d.postings = nil
	}
}

func (d *desk) move(stage string, on schemas.Date, payment *schemas.ID, from, to schemas.Account, cash schemas.Money) {
	d.moveCash(purpose{stage: stage, effectiveOn: on, order: payment}, outside[schemas.Money](from), outside[schemas.Money](to), cash)
}

// received holds cash that came under a reference, or gives it to the pot that waits for it.
func received(place streams.Place, r *Reference, key string, before *state.PotState, cause *inbox.Cause, c *ingest.Confirmation, body *ingest.CashReceived) (*state.PotState, []streams.Out) {
	d := newDesk(place, cause, key, before)
	s := d.state.Suspense
	today, ready := r.LocalDate(cause.ReceivedAt)
	if !ready {
		return before, d.refuse(notReady())
	}
	receipt := state.Receipt{Key: schemas.DeriveID("receipt", string(c.Custodian), c.ID), Cash: body.Cash}
	if at := slices.IndexFunc(s.Receipts, func(known state.Receipt) bool { return known.Key == receipt.Key }); at >= 0 {
		if s.Receipts[at].Cash == receipt.Cash {
			return before, nil
		}
		return before, d.refuse(refusal{codeConflictingDuplicate, fmt.Sprintf("receipt %s came before with another amount", c.ID)})
	}
	if len(s.Receipts) >= receiptsMax {
		return before, d.refuse(refusal{codeTooManyReceipts, fmt.Sprintf("more than %d receipts under one reference", receiptsMax)})
	}
	s.Receipts = append(slices.Clone(s.Receipts), receipt)
	on := max(min(body.On, today), r.OldestDate(today))
	d.move(stageReceived, on, nil, ledger.BankClientMoney, ledger.SchemeSuspense, body.Cash)
	d.book(cause, "received/"+key)
	d.hold(body.Cash, on)
	return &d.state, d.outs
}

// returned holds cash of a payment that came back for a pot that was closed since, or of a transfer in that was reversed. Then the reference is nobody's again: the
// pot has no claim that waits, for it gave it up after all others.
func returned(place streams.Place, key string, before *state.PotState, cause *inbox.Cause, m *inbox.CashReturned) (*state.PotState, []streams.Out) {
	d := newDesk(place, cause, key, before)
	payment := m.Payment
	if m.Unclaimed {
		d.move(stageReversed, m.On, nil, ledger.BankInTransit, ledger.SchemeSuspense, m.Cash)
		d.book(cause, kindReversed+payment.String())
		if d.state.Suspense.Waiting == nil {
			d.state.Suspense.Owner = ""
		}
		d.hold(m.Cash, m.On)
		return &d.state, d.outs
	}
	d.move(stageBounced, m.On, &payment, ledger.BankClientMoney, ledger.SchemeSuspense, m.Cash)
	d.book(cause, "returned/"+payment.String())
	d.hold(m.Cash, m.On)
	return &d.state, d.outs
}

// returned passes cash on that came back for a pot that is closed: it must stay empty.
func (n *notice) returned(p *state.Payment) streams.Out {
	reference := suspense.Returned(p.ID)
	return suspenseOut(n.cause, reference, &inbox.CashReturned{Reference: reference, Payment: p.ID, Cash: p.Cash, On: n.on})
}

// hold adds to what nobody has, and gives it to the owner if a claim of it waits.
func (d *desk) hold(cash schemas.Money, on schemas.Date) {
	s := d.state.Suspense
	s.Held += cash
	s.HeldOn = max(s.HeldOn, on)
	if s.Waiting != nil {
		waiting := *s.Waiting
		s.Waiting = nil
		d.attribute(&waiting)
	}
}

// attribute gives all that is held to the pot that claims it. The cause is the claim's, whichever came first: so nothing in the ledger
// depends on how the two interleaved.
func (d *desk) attribute(c *state.Claimant) {
	s := d.state.Suspense
	on, cash := max(s.HeldOn, c.On), s.Held
	s.Held = 0
	d.move(stageAttributed, on, nil, ledger.SchemeSuspense, ledger.BankInTransit, cash)
	d.book(&c.Cause, "attributed/"+string(d.key))
	d.answer(c, &inbox.CashAttributed{Pot: s.Owner, Claim: c.Claim, Cash: cash, On: on}, s.Owner)
}

func (d *desk) answer(c *state.Claimant, body inbox.PotBody, pot schemas.PotID) {
	d.outs = append(d.outs, streams.Out{Topic: streams.PotInbox, Key: string(pot), Value: &inbox.PotMessage{Cause: c.Cause, Body: body}})
}

// claimed answers a pot's claim, or lets it wait until cash comes. A reference belongs to the pot that claimed it first.
func claimed(place streams.Place, key string, before *state.PotState, cause *inbox.Cause, m *inbox.CashClaimed) (*state.PotState, []streams.Out) {
	d := newDesk(place, cause, key, before)
	s := d.state.Suspense
	c := &state.Claimant{Claim: m.Claim, On: m.On, Cause: *cause, OwnedBefore: s.Owner == m.Pot, OwnerNoted: true}
	if s.Owner != "" && s.Owner != m.Pot {
		d.answer(c, &inbox.ClaimRefused{Pot: m.Pot, Claim: m.Claim, Code: codeReferenceClaimed, Reason: "another pot has claimed the reference " + m.Reference}, m.Pot)
		return before, d.outs
	}
	s.Owner = m.Pot
	if s.Held > 0 {
		d.attribute(c)
	} else {
		s.Waiting = c
	}
	return &d.state, d.outs
}

// claimWithdrawn forgets a claim that waits. One that was answered needs nothing: the answer is on its way. The reference is free again if that claim made the pot
// its owner: what came before it was sent back, and was nobody's.
func claimWithdrawn(place streams.Place, key string, before *state.PotState, cause *inbox.Cause, m *inbox.ClaimWithdrawn) (*state.PotState, []streams.Out) {
	if before == nil || before.Suspense == nil || before.Suspense.Waiting == nil || before.Suspense.Waiting.Claim != m.Claim {
		return before, nil
	}
	d := newDesk(place, cause, key, before)
	s := d.state.Suspense
	waiting := *s.Waiting
	s.Waiting = nil
	if !ownedBefore(s, &waiting) {
		s.Owner = ""
	}
	d.answer(&waiting, &inbox.ClaimRefused{Pot: m.Pot, Claim: m.Claim}, m.Pot)
	return &d.state, d.outs
}

// ownedBefore says whether the reference was its pot's before the claim. Of a claim that an older program noted it is known only whether any cash had come: then the pot may have had it.
func ownedBefore(s *state.Suspense, c *state.Claimant) bool {
	if !c.OwnerNoted {
		return len(s.Receipts) > 0
	}
	return c.OwnedBefore
}

// refund orders the payment of all that nobody has claimed. It is done once per act of an operator.
func refund(place streams.Place, r *Reference, key string, before *state.PotState, cause *inbox.Cause, o *ingest.Operation, body *ingest.ReceiptRefund) (*state.PotState, []streams.Out) {
	d := newDesk(place, cause, key, before)
	s := d.state.Suspense
	id := schemas.DeriveID("refund", string(o.Operator), o.ID, key)
	if slices.ContainsFunc(d.state.Payments, func(p state.Payment) bool { return p.ID == id }) {
		return before, nil
	}
	today, ready := r.LocalDate(cause.ReceivedAt)
	kept, full := keptPayments(d.state.Payments, r.OldestDate(today))
	switch {
	case !ready:
		return before, d.refuse(notReady())
	case s.Held == 0:
		return before, d.refuse(refusal{codeNothingToRefund, fmt.Sprintf("nothing is held under %s", body.Reference)})
	case s.Held != body.Cash:
		return before, d.refuse(refusal{codeRefundDiffers, fmt.Sprintf("%s is held under %s, not %s", s.Held, body.Reference, body.Cash)})
	case full.code != "":
		return before, d.refuse(full)
	}
	p := state.Payment{
		ID: id, Source: o.Operator, Instruction: schemas.InstructionID(o.ID), Payee: body.Payee, Cash: s.Held, On: max(today, s.HeldOn),
	}
	s.Held = 0
	kept = append(kept, p)
	d.state.Payments = kept
	return &d.state, []streams.Out{paymentOut(place, d.key, &p, payment.PaymentActionPay)}
}

// refundStep moves a refund one step on. What is to be refunded stays in suspense until the bank has sent it; what bounces is held again.
func (n *notice) refundStep(d *draft, p *state.Payment, was state.PaymentStage) (*state.PotState, []streams.Out) {
	held := *d.state.Suspense
	d.state.Suspense = &held
	k := &desk{place: n.place, cause: n.cause, key: n.key, draft: d}
	switch n.stage {
	case state.PaymentStagePayable:
		panic("pot: a bank's notice makes no payment")
	case state.PaymentStageSent:
		k.move(stageSent, n.on, &p.ID, ledger.SchemeSuspense, ledger.BankInTransit, p.Cash)
	case state.PaymentStagePaid:
		k.move(stagePaid, n.on, &p.ID, ledger.BankInTransit, ledger.BankClientMoney, p.Cash)
	case state.PaymentStageBounced:
		if was != state.PaymentStagePayable {
			k.move(stageBounced, n.on, &p.ID, bankAccount(was), ledger.SchemeSuspense, p.Cash)
		}
	}
	k.book(n.cause, n.stage.String()+"/"+p.ID.String())
	if n.stage == state.PaymentStageBounced {
		k.hold(p.Cash, n.on)
	}
	return &d.state, k.outs
}

func (d *desk) refuse(why refusal) []streams.Out {
	return []streams.Out{rejectionOut(d.place, d.cause, d.key, why)}
}
