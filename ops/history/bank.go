package history

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/streams"
)

// bankName is who pays and receives.
const bankName schemas.CustodianID = "BANK"

// paying is a payment of which the bank has something left to say.
type paying struct {
	*payment.PaymentOrder
	recalled bool
	// said are the steps that it was told of so far.
	said int
}

// orphan is cash that came under a reference that nobody claims.
type orphan struct {
	reference string
	cash      schemas.Money
}

func referenceOf(number int) string { return fmt.Sprintf("ref-%d", number) }

// transfersIn lets the day's claims come in the evening: were they to race with the buys of the day, how the two interleave would decide what
// a pot can pay for.
func (w *World) transfersIn(today schemas.Date) error {
	for _, a := range w.transfers {
		w.transferIn(a, today)
	}
	w.transfers = nil
	return nil
}

// transferIn claims cash. The bank receives it before, after, twice, or never; and sometimes other cash that nobody claims.
func (w *World) transferIn(a Action, today schemas.Date) {
	number := len(w.sent)
	receipt := &ingest.CashReceived{Reference: referenceOf(number), Cash: a.Cash, On: today}
	choice := w.dice(6, aboutReceipt, uint64(number)) //nolint:gosec // few
	if choice <= 1 {
		w.receive(number, receipt)
	}
	w.Instruct(a.instruction(number, today, w.sent))
	switch choice {
	case 1, 2, 3:
		w.receive(number, receipt)
	case 4:
		receipt.Reference = "orphan-" + receipt.Reference
		w.receive(number, receipt)
		w.orphans = append(w.orphans, orphan{receipt.Reference, receipt.Cash})
	}
}

func (w *World) receive(number int, receipt *ingest.CashReceived) {
	w.Confirm([]*ingest.Confirmation{{Custodian: bankName, ID: fmt.Sprintf("receipt-%d", number), Body: receipt}})
}

// payments says the next thing of each payment: that it was sent, and on another evening that it was paid, or came back; a few come
// back after that. Now and then the bank repeats itself, gets ahead of itself, or names another amount, which must change nothing.
func (w *World) payments(today schemas.Date) error {
	w.readPayments()
	var rest []*paying
	for _, p := range w.paying {
		if w.pay(p, today) {
			rest = append(rest, p)
		}
	}
	w.paying = rest
	return nil
}

// readPayments takes in what was ordered since, in an order that no schedule changes.
func (w *World) readPayments() {
	orders := Decoded(w.Topic(streams.PaymentOrder), streams.PaymentOrder, func() *payment.PaymentOrder { return new(payment.PaymentOrder) })
	known := make(map[schemas.ID]*paying)
	for _, p := range w.paying {
		known[p.Payment] = p
	}
	var fresh []*paying
	for _, o := range orders {
		switch {
		case o.Action == payment.PaymentActionRecall && known[o.Payment] != nil:
			known[o.Payment].recalled = true
		case o.Action == payment.PaymentActionPay && !w.seen[o.Payment]:
			p := &paying{PaymentOrder: o}
			known[o.Payment], w.seen[o.Payment] = p, true
			fresh = append(fresh, p)
		}
	}
	slices.SortFunc(fresh, func(a, b *paying) int { return slices.Compare(a.Payment[:], b.Payment[:]) })
	w.paying = append(w.paying, fresh...)
}

// pay says the next thing of a payment, and whether there is more to say.
func (w *World) pay(p *paying, today schemas.Date) (more bool) {
	number := numberOf(p.Payment)
	sent := &ingest.PaymentSent{Pot: p.Pot, Cash: p.Cash, On: today}
	paid := &ingest.PaymentPaid{Pot: p.Pot, Cash: p.Cash, On: today}
	bounced := &ingest.PaymentBounced{Pot: p.Pot, Cash: p.Cash, On: today, Reason: "unknown account"}
	choice := w.dice(6, aboutPayment, number)
	p.said++
	switch {
	case p.said == 1 && (choice == 0 || p.recalled && choice < 4):
		w.tell(p, "back", bounced)
		return false
	case p.said == 1:
		w.tell(p, "paid-early", paid)
		w.tell(p, "sent", sent)
		w.tell(p, "sent-too-much", &ingest.PaymentSent{Pot: p.Pot, Cash: p.Cash + 1, On: today})
		return true
	case p.said == 2 && choice == 1:
		w.tell(p, "back", bounced)
		w.tell(p, "sent", sent)
		return false
	case p.said == 2:
		w.tell(p, "paid", paid)
		w.tell(p, "sent", sent)
		w.tell(p, "paid", paid)
		return choice == 2
	}
	w.tell(p, "back", bounced)
	w.tell(p, "back", bounced)
	return false
}

func (w *World) tell(p *paying, id string, body ingest.ConfirmationBody) {
	w.Confirm([]*ingest.Confirmation{{Custodian: bankName, ID: p.Payment.String() + "/" + id, Trade: p.Payment, Body: body}})
}

// refunds sends back what nobody claims.
func (w *World) refunds(schemas.Date) error {
	for _, o := range w.orphans {
		w.Send(streams.IngestOperator, "ann", &ingest.Operation{
			Operator: "ann", ID: "refund-" + o.reference, Reason: "nobody claims it",
			Body: &ingest.ReceiptRefund{Reference: o.reference, Cash: o.cash, Payee: "sender"},
		})
	}
	w.orphans = nil
	return nil
}
