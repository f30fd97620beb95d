package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// transferHoldingsMax bounds the holdings that a transfer out sells.
const transferHoldingsMax = 50

// transferOut sells all that the pot has; when the last of that has settled everything is paid out, and when it is paid the pot is closed. Until its end
// the pot takes no other instruction.
func (q *question) transferOut(before *state.PotState, t *ingest.TransferOut, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if what := underWay(before); what != "" {
		return q.refused(before, refusal{codeInstructionsOpen, "the pot still has " + what}, digest)
	}
	if before.Available == 0 && len(before.Holdings) == 0 {
		return q.refused(before, refusal{codeNothingToTransfer, "the pot is empty; close it"}, digest)
	}
	if len(before.Holdings) > transferHoldingsMax || cashOf(before) > batch.CashMax-schemas.Money(len(before.Holdings))*batch.ProceedsMax {
		return q.refused(before, refusal{codeTooManyOrders, fmt.Sprintf("at most %d holdings are sold at a time; sell some of them first", transferHoldingsMax)}, digest)
	}
	orders := make([]state.Order, 0, len(before.Holdings))
	for leg := range before.Holdings {
		order, why := q.sellOrder(before, leg, before.Holdings[leg].Asset, quantitySold{all: true})
		if why.code != "" {
			return q.refused(before, why, digest)
		}
		orders = append(orders, order)
	}
	kept, why := keptPayments(before.Payments, q.reference.OldestDate(q.today))
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	i := q.instruction
	d := newDraft(before, len(orders)+1)
	d.state.Payments = kept
	d.state.TransferOut = &state.TransferOut{
		Source: i.Source, Instruction: i.ID, Receiver: t.Receiver, On: q.from(before), Payment: q.derive("payment"),
	}
	if len(orders) > 0 {
		return q.reserve(d, orders, digest)
	}
	paid := d.payOut()
	q.payment = &paid.ID
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, paymentOut(q.place, i.Pot, paid, payment.PaymentActionPay))
}

// payOut sets all that is available aside for the transfer's payment, from the day on which all of it is there.
func (d *draft) payOut() *state.Payment {
	t := d.state.TransferOut
	return d.pay(state.Payment{
		ID: t.Payment, Source: t.Source, Instruction: t.Instruction, Payee: t.Receiver, Cash: d.state.Available, On: max(t.On, d.lastArrival()),
	})
}

// transferred pays everything out once the last sell of a transfer out has settled. It returns none where there is no such transfer, or nothing came of it.
func (v *visit) transferred() *state.Payment {
	t := v.state.TransferOut
	if t == nil || len(v.state.Orders) > 0 || findPayment(v.state.Payments, t.Source, t.Instruction) >= 0 {
		return nil
	}
	if v.state.Available == 0 {
		v.endTransfer(t.On)
		return nil
	}
	v.state.Payments = slices.Clip(v.state.Payments) // they are those of the state before, too
	return v.payOut()
}

// transferSettled notes when a sell of a transfer out has settled: it is not paid before.
func (v *visit) transferSettled(on schemas.Date) {
	if v.state.TransferOut == nil {
		return
	}
	next := *v.state.TransferOut
	next.On = max(next.On, on)
	v.state.TransferOut = &next
}

// endTransfer ends a transfer out of which everything is paid, and closes the pot. What came to it meanwhile, such as a distribution, or units that
// were not sold, keeps it open.
func (d *draft) endTransfer(on schemas.Date) {
	d.state.TransferOut = nil
	if remains(&d.state) == "" {
		d.state.Holdings = nil
		d.state.ClosedOn, d.state.Choice = &on, nil
	}
}

// dropTransfer ends the instruction's transfer out, if it is one that is under way: the pot stays open.
func (d *draft) dropTransfer(source schemas.SourceID, instruction schemas.InstructionID) {
	if t := d.state.TransferOut; t != nil && t.Source == source && t.Instruction == instruction {
		d.state.TransferOut = nil
	}
}

// underWay names the first thing of the pot that has not come to its end, empty where there is none.
func underWay(pot *state.PotState) string {
	switch {
	case len(pot.Orders) > 0:
		return fmt.Sprintf("%d open orders", len(pot.Orders))
	case len(pot.Claims) > 0:
		return "a claim of a transfer in that waits"
	case len(pot.Review) > 0:
		return "an instruction that is held for review"
	case pot.TransferOut != nil:
		return "a transfer out under way"
	}
	for i := range pot.Deliveries {
		if d := &pot.Deliveries[i]; d.Stage == state.DeliveryStageOpen {
			return fmt.Sprintf("a delivery of units of %s under way", d.Asset)
		}
	}
	for i := range pot.Payments {
		if isUnderWay(&pot.Payments[i]) {
			return fmt.Sprintf("a payment of %s under way", pot.Payments[i].Cash)
		}
	}
	return ""
}
