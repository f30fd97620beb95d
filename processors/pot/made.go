package pot

import (
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// The sources of orders that events make. No sender can have such a name: it begins with a mark that belongs to the pipeline.
const (
	madeMark                      = "!"
	sourceIncome schemas.SourceID = madeMark + "income" // invests a distribution
	sourceCharge schemas.SourceID = madeMark + "charge" // its proceeds go to the scheme
	// sourceRebalancing trades a pot back to its choice.
	sourceRebalancing schemas.SourceID = madeMark + "rebalance"
)

// isMade says whether an event made the order: nobody waits for its status, and no instruction cancels it.
func isMade(source schemas.SourceID) bool { return strings.HasPrefix(string(source), madeMark) }

// making is the question by which an event makes an order: as if it had been asked for at the recorded time.
func making(place streams.Place, r *Reference, cause *inbox.Cause, source schemas.SourceID, pot schemas.PotID, event int32) *question {
	asked := *cause
	asked.ReceivedAt = place.RecordedAt
	today := r.today(place)
	return &question{place: place, reference: r, cause: &asked, today: today, instruction: &ingest.Instruction{
		Source: source, ID: schemas.InstructionID(strconv.Itoa(int(event))), Pot: pot, InstructedOn: today,
	}}
}

// reinvest buys the asset with its income on the next dealing day. Where that cannot be, the income stays in cash.
func (d *draft) reinvest(q *question, asset schemas.AssetCode, income schemas.Money) {
	if orders, why := q.orders(&d.state, []want{{asset, income}}); why.code == "" {
		q.add(d, orders)
	}
}

// sellForCharge sells as many units as are worth the charge at the last price, of the holding that is worth most. The proceeds are what they are: what they
// leave stays owed, and what is more is taken off what accrues next. Where nothing can be sold the charge stays owed.
func (d *draft) sellForCharge(q *question, charge schemas.Money) {
	var most *state.Holding
	for i := range d.state.Holdings {
		h := &d.state.Holdings[i]
		if h.Settled > 0 && q.reference.LastPrice(h.Asset) != nil && (most == nil || q.reference.valueOfHolding(h) > q.reference.valueOfHolding(most)) {
			most = h
		}
	}
	if most == nil {
		return
	}
	scale := q.reference.Latest(most.Asset).UnitsScale
	units, err := unitsFor(charge, q.reference.LastPrice(most.Asset).Price, basisPoints, scale)
	if err != nil || units > most.Settled {
		units = most.Settled
	}
	asked, err := schemas.QuantityOf(int64(units), int(scale))
	if err != nil {
		return
	}
	if order, why := q.sellOrder(&d.state, 0, most.Asset, quantitySold{units: &asked}); why.code == "" {
		q.add(d, []state.Order{order})
	}
}

// sellsForCharge says whether an earlier charge waits for the proceeds of a sale.
func sellsForCharge(pot *state.PotState) bool {
	return slices.ContainsFunc(pot.Orders, func(o state.Order) bool { return o.Source == sourceCharge })
}
