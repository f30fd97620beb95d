package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	// pennyParts is into how many parts a penny is divided while a charge accrues: the days of a year times the parts of a rate.
	pennyParts = 365 * int64(schemas.WeightOne)
	// valueMax is the most that a pot is taken to be worth.
	valueMax schemas.Money = 1_000_000_000_000_00
)

// feeCharged takes a flat fee from the pot's cash: none from a pot worth no more than the floor, and never more than what it is worth above it.
func feeCharged(place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.FeeCharged) (*state.PotState, []streams.Out) {
	if before.Charged >= m.Event {
		return before, nil // swept again for another pot's sake, or opened later
	}
	d := newDraft(before, 1)
	d.state.Charged = m.Event
	d.charge(r, place, max(0, min(m.Cash, r.valueOf(before)-m.Floor, before.Available)))
	return &d.state, d.journal(nil, place, pot, cause, "charged")
}

// chargeAccrued adds a period's charge to what the pot owes, exactly: whole pennies, and the parts of one that are left.
func chargeAccrued(r *Reference, before *state.PotState, m *inbox.ChargeAccrued) *state.PotState {
	if before.Charged >= m.Event {
		return before
	}
	next := *before
	next.Charged = m.Event
	pennies, parts, err := schemas.MulDivRest(int64(r.valueOf(before)), int64(m.Rate)*int64(m.Days), pennyParts)
	if err != nil {
		panic(fmt.Sprintf("pot: charging %s for %d days at %s: %v", r.valueOf(before), m.Days, m.Rate, err))
	}
	next.Accrued += schemas.Money(pennies)
	next.AccruedRest += parts
	if next.AccruedRest >= pennyParts {
		next.Accrued, next.AccruedRest = next.Accrued+1, next.AccruedRest-pennyParts
	}
	return &next
}

// chargeCollected takes what has accrued from the pot's cash, as far as there is any. For the rest units are sold, where that is asked; else it stays owed.
// While a sale for an earlier charge is under way nothing is taken.
func chargeCollected(place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.ChargeCollected) (*state.PotState, []streams.Out) {
	if before.Charged >= m.Event {
		return before, nil
	}
	d := newDraft(before, 2)
	d.state.Charged = m.Event
	if sellsForCharge(before) {
		return &d.state, nil
	}
	taken := max(0, min(before.Accrued, before.Available))
	d.state.Accrued -= taken
	d.charge(r, place, taken)
	if m.ByUnits && d.state.Accrued > 0 {
		d.sellForCharge(making(place, r, cause, sourceCharge, pot, m.Event), d.state.Accrued)
	}
	return &d.state, d.journal(nil, place, pot, cause, "charged")
}

// charge posts a charge in cash. It is effective on the day on which it is taken: an earlier one may have had less cash.
func (d *draft) charge(r *Reference, place streams.Place, amount schemas.Money) {
	d.moveCash(purpose{stage: stageCharged, effectiveOn: r.today(place)}, d.available(), outside[schemas.Money](ledger.SchemeCharges), amount)
}

// today is the date at the recorded time; nothing was booked with a later one.
func (r *Reference) today(place streams.Place) schemas.Date {
	today, ready := r.LocalDate(place.RecordedAt)
	if !ready {
		panic("pot: an event came before the trust's settings")
	}
	return today
}

// valueOf is what the pot is worth: its cash, without what is about to be paid out, and its units at the last released prices. Units without a price count for
// nothing. Each holding is rounded down.
func (r *Reference) valueOf(pot *state.PotState) schemas.Money {
	value := pot.Available + pot.Reserved + pot.Pending
	for i := range pot.Holdings {
		value = min(value+r.valueOfHolding(&pot.Holdings[i]), valueMax)
	}
	return value
}

func (r *Reference) valueOfHolding(h *state.Holding) schemas.Money {
	asset, last := r.Latest(h.Asset), r.LastPrice(h.Asset)
	if asset == nil || last == nil {
		return 0
	}
	worth, err := schemas.Worth(unitsOf(h), last.Price, asset.UnitsScale)
	if err != nil {
		return valueMax
	}
	return min(worth, valueMax)
}

// unitsOf is all that the pot holds of the asset, in whatever account.
func unitsOf(h *state.Holding) schemas.Units { return h.Settled + h.Pending + h.Reserved }
