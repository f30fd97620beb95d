package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

const (
	// dealtMax bounds the orders of a pot that are open or may still be corrected: beyond it no more are taken, for none of them may be forgotten.
	dealtMax = 2000
	// runOrdersMax bounds the same orders where a run of re-balancing makes more: runs come without the member's doing, and leave the member room.
	runOrdersMax = dealtMax / 2
	// dealtMarginDays is how much longer an order is kept than dealing lets its price be corrected, for a correction may be on its way.
	dealtMarginDays = 14
)

// keepDealt keeps an order that has settled while its price may be corrected, and forgets those for which that time is over.
func (d *draft) keepDealt(r *Reference, at schemas.Instant, order *state.Order, settledOn schemas.Date, switched *state.DealtSwitch) {
	d.state.Dealt = append(d.forgetDealt(r, at), state.DealtOrder{
		ID: order.ID, Asset: order.Asset, Side: order.Side, Day: order.Day, Amount: order.Amount, Given: order.Given, Got: order.Got,
		Pieces: order.Pieces, SettledOn: settledOn, Corrected: order.Corrected, Basis: order.Basis, Reserved: order.Reserved,
		Spent: order.Spent, Since: order.Since, Charge: order.Source == sourceCharge, Switched: switched,
		// What a sell for cash gave back when it was priced may have left before it settled; nothing has noted that.
		Left: order.Side == inbox.SideSell && order.Basis == inbox.BasisCash,
	})
}

// forgetDealt returns a copy of the settled orders without those that cannot be corrected any more, and to which nothing can come back.
func (d *draft) forgetDealt(r *Reference, at schemas.Instant) []state.DealtOrder {
	if len(d.state.Dealt) == 0 {
		return nil
	}
	kept := slices.Clone(d.state.Dealt)
	if today, ok := r.LocalDate(at); ok {
		oldest := r.OldestDate(today) - dealtMarginDays
		kept = slices.DeleteFunc(kept, func(o state.DealtOrder) bool { return o.Day < oldest && !d.feeds(&o) })
	}
	return kept
}

// refuseMore refuses so many more orders where the pot would come to more than the bound of those that are open or may still be corrected. What may be forgotten by now does not
// count: nothing may have happened in the pot since that had it forgotten.
func (q *question) refuseMore(pot *state.PotState, more, bound int) refusal {
	if len(pot.Orders)+len(pot.Dealt)+more <= bound {
		return refusal{}
	}
	d := draft{state: *pot}
	if len(pot.Orders)+len(d.forgetDealt(q.reference, q.cause.ReceivedAt))+more <= bound {
		return refusal{}
	}
	return refusal{codeTooManyOrders, fmt.Sprintf("the pot would have more than %d orders that are open or may still be corrected", bound)}
}

// noteTaken notes of settled orders that a correction of another one has taken something from an account that they settled into.
func (c *correction) noteTaken() {
	for i := range c.state.Dealt {
		o := &c.state.Dealt[i]
		units := o.Side == inbox.SideBuy || o.Basis == inbox.BasisCash
		if units && o.Asset == c.batch.Asset && c.lessUnits > 0 || hasCash(o) && c.lessCash > 0 {
			o.Left = true
		}
	}
}

// noteLeft notes of settled orders that what they brought may have left the pot: from then on a correction has to look at the days in between.
func (d *draft) noteLeft() {
	cloned := false
	for i := range d.state.Dealt {
		if d.state.Dealt[i].Left || !d.leaves(&d.state.Dealt[i]) {
			continue
		}
		if !cloned {
			d.state.Dealt, cloned = slices.Clone(d.state.Dealt), true
		}
		d.state.Dealt[i].Left = true
	}
}

// leaves says whether the draft takes something from an account that the order settled into. A sell for cash may have given units back, too.
func (d *draft) leaves(order *state.DealtOrder) bool {
	units := order.Side == inbox.SideBuy || order.Basis == inbox.BasisCash
	return slices.ContainsFunc(d.postings, func(p ledger.Posting) bool {
		return units && p.Asset == order.Asset && p.From == ledger.PotSettled ||
			hasCash(order) && p.Asset == schemas.Cash && p.From == ledger.PotAvailable
	})
}

// hasCash says whether some of what a sell brought has become available, as far as anybody knows: the buy of its switch has not all of it.
func hasCash(order *state.DealtOrder) bool {
	return order.Side == inbox.SideSell && order.Spent < schemas.Money(order.Got)
}
