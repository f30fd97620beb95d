package history

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// early lets some custodians confirm before the price is known: their confirmations wait.
func (w *World) early(schemas.Date) error {
	for _, o := range w.Orders()[w.answered:] {
		if w.dice(2, aboutEarly, uint64(o.Trade[3])) == 0 {
			w.Confirm(w.AnswersTo(o))
		}
	}
	return nil
}

// Prices sends the day's closes, and some again.
func (w *World) Prices(today schemas.Date) error {
	for n, asset := range Assets() {
		price := &ingest.Price{Source: "vendor", Asset: asset.Code, Date: today, Close: w.closeOf(n, today), Quotation: asset.Quotation}
		w.Send(streams.IngestPrice, string(asset.Code), price)
		if w.dice(4, aboutNoise, uint64(n), uint64(today)) == 0 { //nolint:gosec // after 1970
			other := *price
			other.Close += schemas.Price(schemas.Power10(schemas.PriceScale))
			w.Send(streams.IngestPrice, string(asset.Code), price)
			w.Send(streams.IngestPrice, string(asset.Code), &other)
		}
	}
	return nil
}

// Releases releases every price of the day, whether it is parked or not; the pipeline knows. Some are refused first, and come again.
func (w *World) Releases(today schemas.Date) error {
	for n, asset := range Assets() {
		if w.dice(3, aboutRelease, uint64(n), uint64(today)) == 0 { //nolint:gosec // after 1970
			w.operate("refuse", "asking the vendor", &ingest.PriceRefusal{Asset: asset.Code, Date: today, Price: w.pounds(n, today)})
			if err := w.Run(); err != nil {
				return err
			}
			w.Send(streams.IngestPrice, string(asset.Code), &ingest.Price{
				Source: "vendor", Asset: asset.Code, Date: today, Close: w.closeOf(n, today), Quotation: asset.Quotation,
			})
			if err := w.Run(); err != nil {
				return err
			}
		}
		w.operate("release", "the vendor says so", &ingest.PriceRelease{Asset: asset.Code, Date: today, Price: w.pounds(n, today)})
	}
	return nil
}

func (w *World) operate(what, reason string, body ingest.OperationBody) {
	w.Send(streams.IngestOperator, "ann", &ingest.Operation{Operator: "ann", ID: fmt.Sprint(what, w.Now), Reason: reason, Body: body})
}

// fills answers the orders that came since.
func (w *World) fills(schemas.Date) error {
	orders := w.Orders()
	for _, o := range orders[w.answered:] {
		w.Confirm(w.AnswersTo(o))
		w.due = append(w.due, &delivery{CustodianOrder: o})
	}
	w.answered = len(orders)
	return nil
}

// Answer lets custodians price and settle what is theirs to, at once, until they have nothing more to say today.
func (w *World) Answer(today schemas.Date) error {
	for _, step := range []func(schemas.Date) error{w.fills, w.settlements} {
		if err := step(today); err != nil {
			return err
		}
		if err := w.Run(); err != nil {
			return err
		}
	}
	return nil
}

// delivery is a trade that is to settle.
type delivery struct {
	*custodian.CustodianOrder
	// failed says that the custodian has told that it did not settle when it was due.
	failed bool
}

// settlements settles what is due, on the day on which it was due, and tries once a day before it is. Some fail on their day, and settle a day later. The
// day does not depend on when the order came.
func (w *World) settlements(today schemas.Date) error {
	var rest []*delivery
	for _, d := range w.due {
		if w.settle(d, today) {
			rest = append(rest, d)
		}
	}
	w.due = rest
	return nil
}

// settle says what there is to say of a trade that is to settle, and whether there is more to say.
func (w *World) settle(d *delivery, today schemas.Date) (more bool) {
	say := func(id string, body ingest.ConfirmationBody) {
		w.Confirm([]*ingest.Confirmation{{Custodian: d.Custodian, ID: id, Trade: d.Trade, Body: body}})
	}
	if today < d.SettlesOn {
		say(fmt.Sprintf("early-%s", today), &ingest.TradeSettled{SettledOn: today})
		return true
	}
	on := d.SettlesOn
	if w.dice(5, aboutFailure, numberOf(d.Trade)) == 0 {
		on++
		if !d.failed {
			say("failed", &ingest.SettlementFailed{Reason: "short of stock"})
			d.failed = true
		}
	}
	if today < on {
		return true
	}
	if d.failed && w.isGivenUp(d) {
		w.givingUp = append(w.givingUp, d)
		return false
	}
	say("settled", &ingest.TradeSettled{SettledOn: on})
	return false
}

// Confirm sends what custodians say.
func (w *World) Confirm(confirmations []*ingest.Confirmation) {
	for _, c := range confirmations {
		w.Send(streams.IngestConfirmation, c.Trade.String(), c)
	}
}

// Orders returns the custodians' orders in an order that no schedule changes.
func (w *World) Orders() []*custodian.CustodianOrder {
	orders := Decoded(w.Topic(streams.CustodianOrder), streams.CustodianOrder, func() *custodian.CustodianOrder { return new(custodian.CustodianOrder) })
	slices.SortStableFunc(orders[w.answered:], func(a, b *custodian.CustodianOrder) int { return slices.Compare(a.Trade[:], b.Trade[:]) })
	return orders
}
