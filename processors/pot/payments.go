package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// paymentsMax bounds the payments that a key remembers: those under way, and those of the back-dating period, which may yet bounce.
const paymentsMax = 100

// withdraw sets cash aside and orders its payment. The bank says when it has gone: until then it is the pot's.
func (q *question) withdraw(before *state.PotState, w *ingest.Withdraw, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if why := q.refuseCash(before, w.Cash); why.code != "" {
		return q.refused(before, why, digest)
	}
	kept, why := keptPayments(before.Payments, q.reference.OldestDate(q.today))
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	i, d := q.instruction, newDraft(before, 1)
	d.state.Payments = kept
	paid := d.pay(state.Payment{ID: q.derive("payment"), Source: i.Source, Instruction: i.ID, Payee: w.Payee, Cash: w.Cash, On: q.from(before)})
	q.payment = &paid.ID
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, paymentOut(q.place, q.instruction.Pot, paid, payment.PaymentActionPay))
}

// pay sets the cash of a payment aside, and adds the payment to the others, which must be the draft's own.
func (d *draft) pay(p state.Payment) *state.Payment {
	d.state.Payments = append(d.state.Payments, p)
	paid := &d.state.Payments[len(d.state.Payments)-1]
	d.moveCash(purpose{stage: stageWithdrawn, effectiveOn: paid.On, order: &paid.ID}, d.available(), d.payable(), paid.Cash)
	return paid
}

// keptPayments copies the payments that must still be remembered, or says that there is no room for another one.
func keptPayments(payments []state.Payment, oldest schemas.Date) ([]state.Payment, refusal) {
	kept := remembered(payments, func(p *state.Payment) bool { return isRemembered(p, oldest) })
	if len(kept) >= paymentsMax {
		return nil, refusal{codeTooManyPayments, fmt.Sprintf("more than %d payments under way or within the back-dating period", paymentsMax)}
	}
	return kept, refusal{}
}

// isUnderWay says whether the bank has still to say the end of the payment.
func isUnderWay(p *state.Payment) bool {
	return p.Stage == state.PaymentStagePayable || p.Stage == state.PaymentStageSent
}

// isRemembered says whether the payment may still move: its end is not known, or it could come back within the back-dating period.
func isRemembered(p *state.Payment, oldest schemas.Date) bool { return isUnderWay(p) || p.On >= oldest }

// findPayment returns where the payment of an instruction is, or -1.
func findPayment(payments []state.Payment, source schemas.SourceID, instruction schemas.InstructionID) int {
	return slices.IndexFunc(payments, func(p state.Payment) bool { return p.Source == source && p.Instruction == instruction })
}

// recall asks the bank not to send a payment. Whether that is in time the bank alone knows: the cash comes back with its answer, or
// is sent after all. To give it back at once could mean to pay it twice.
func (q *question) recall(before *state.PotState, at int, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	p := &before.Payments[at]
	switch {
	case p.Stage == state.PaymentStageBounced || p.Recalled:
		return q.refused(before, refusal{codeNothingToCancel, fmt.Sprintf("the payment of instruction %s came back, or is recalled already", p.Instruction)}, digest)
	case p.Stage != state.PaymentStagePayable:
		return q.refused(before, refusal{codeTooLateToCancel, fmt.Sprintf("the payment of instruction %s has been sent", p.Instruction)}, digest)
	}
	d := newDraft(before, 0)
	d.state.Payments = slices.Clone(before.Payments)
	recalled := &d.state.Payments[at]
	recalled.Recalled = true
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, paymentOut(q.place, q.instruction.Pot, recalled, payment.PaymentActionRecall))
}

func paymentOut(place streams.Place, key schemas.PotID, p *state.Payment, action payment.PaymentAction) streams.Out {
	return streams.Out{Topic: streams.PaymentOrder, Key: string(key), Value: &payment.PaymentOrder{
		Payment: p.ID, Pot: key, Action: action, Source: p.Source, Instruction: p.Instruction, Payee: p.Payee, Cash: p.Cash,
		OrderedOn: p.On, OrderedAt: place.RecordedAt,
	}}
}

// notice is what the bank says of a payment.
type notice struct {
	place  streams.Place
	cause  *inbox.Cause
	key    schemas.PotID
	stage  state.PaymentStage
	cash   schemas.Money
	on     schemas.Date
	reason string
}

// noticed moves a payment one step on. What was told before is without effect; what cannot be true of the payment is refused.
func (n *notice) noticed(r *Reference, before *state.PotState, id schemas.ID) (*state.PotState, []streams.Out) {
	today, ready := r.LocalDate(n.cause.ReceivedAt)
	if !ready {
		return before, n.refuse(notReady())
	}
	at := -1
	if before != nil {
		at = slices.IndexFunc(before.Payments, func(p state.Payment) bool { return p.ID == id })
	}
	if at < 0 || !isRemembered(&before.Payments[at], r.OldestDate(today)) {
		return before, n.refuse(refusal{codeUnknownPayment, fmt.Sprintf("%s has no payment %s", n.key, id)})
	}
	p := &before.Payments[at]
	if p.Cash != n.cash {
		return before, n.refuse(refusal{codePaymentDiffers, fmt.Sprintf("payment %s is of %s, not of %s", id, p.Cash, n.cash)})
	}
	if p.Stage >= n.stage && p.Stage != state.PaymentStageBounced || p.Stage == n.stage {
		return before, nil
	}
	if p.Stage == state.PaymentStageBounced || n.stage == state.PaymentStagePaid && p.Stage != state.PaymentStageSent {
		return before, n.refuse(refusal{codePaymentOrder, fmt.Sprintf("payment %s is %s: it cannot be %s", id, p.Stage, n.stage)})
	}
	// The bank's own day counts, but no later than today, and never before the payment's last step.
	n.on = max(min(n.on, today), p.On)
	return n.step(before, at)
}

func (n *notice) step(before *state.PotState, at int) (*state.PotState, []streams.Out) {
	d := newDraft(before, 2)
	d.state.Payments = slices.Clone(before.Payments)
	p := &d.state.Payments[at]
	was := p.Stage
	p.Stage, p.On = n.stage, n.on
	if before.Suspense != nil {
		return n.refundStep(d, p, was)
	}
	if before.ClosedOn != nil && n.stage == state.PaymentStageBounced {
		return &d.state, []streams.Out{n.told(d, p, stateBounced), n.returned(p)}
	}
	why := purpose{stage: stageSent, effectiveOn: n.on, order: &p.ID}
	told := stateSent
	switch n.stage {
	case state.PaymentStagePayable:
		panic("pot: a bank's notice makes no payment")
	case state.PaymentStageSent:
		d.moveCash(why, d.payable(), outside[schemas.Money](ledger.BankInTransit), p.Cash)
	case state.PaymentStagePaid:
		why.stage, told = stagePaid, statePaid
		d.moveCash(why, outside[schemas.Money](ledger.BankInTransit), outside[schemas.Money](ledger.BankClientMoney), p.Cash)
	case state.PaymentStageBounced:
		why.stage, told = stageBounced, stateBounced
		if p.Recalled && was == state.PaymentStagePayable && d.state.TransferOut == nil {
			told = stateCancelled
		}
		if was != state.PaymentStagePayable {
			d.moveCash(why, outside[schemas.Money](bankAccount(was)), d.payable(), p.Cash)
		}
		d.moveCash(why, d.payable(), d.available(), p.Cash)
	}
	if t := d.state.TransferOut; t != nil && t.Payment == p.ID && n.stage == state.PaymentStagePaid {
		d.endTransfer(n.on)
	} else if n.stage == state.PaymentStageBounced {
		d.dropTransfer(p.Source, p.Instruction)
	}
	outs := d.journal(make([]streams.Out, 0, 2), n.place, n.key, n.cause, n.stage.String()+"/"+p.ID.String())
	return &d.state, append(outs, n.told(d, p, told))
}

// bankAccount is where a payment's cash is while it is at that stage.
func bankAccount(stage state.PaymentStage) schemas.Account {
	if stage == state.PaymentStagePaid {
		return ledger.BankClientMoney
	}
	return ledger.BankInTransit
}

// told tells who asked for the payment how far it is.
func (n *notice) told(d *draft, p *state.Payment, s schemas.Code) streams.Out {
	moveOn(d.state.Seen, p.Source, p.Instruction, s, "")
	told := progressOf(n.place, n.key, p.Source, p.Instruction, s, refusal{}, n.cause)
	told.Payment = &p.ID
	if s == stateBounced {
		told.Reason = n.reason
	}
	return toldOut(told)
}

func (n *notice) refuse(why refusal) []streams.Out {
	return []streams.Out{rejectionOut(n.place, n.cause, n.key, why)}
}
