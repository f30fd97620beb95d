package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// undeal negates what the pieces of a batch moved whose settlement is given up. Its orders are then as they were before they were dealt, but for what the last
// piece gave back, or let go on to another day, of what they had reserved. Where they go on to another day, those stay of which no cash is left to sell for, or not
// the units that it may take.
func (v *visit) undeal(b *inbox.RejectedBatch, day schemas.Date, goesOn bool) {
	told := undealtBatch(b)
	c := &correction{draft: v.draft, batch: told, reference: v.reference, pot: v.pot, cause: v.cause, tally: v.tally}
	part := rejectedPart(b)
	for i := range v.state.Orders {
		order := &v.state.Orders[i]
		if batchOf(order) != part.batchKey || order.Pieces == 0 {
			continue
		}
		s := &stake{id: v.idOf(order), amount: order.Amount, given: &order.Given, got: &order.Got, pieces: order.Pieces, corrected: &order.Corrected, open: order}
		was, _ := c.shares(s)
		addShare(v.tally, b.Trade, HeldGivenUp, order.Amount, allocation.Amounts{Got: order.Got, Given: order.Given})
		v.takeBackSpent(c, s)
		if held := v.holding(b.Asset); unitsOf(held.Holding) == 0 {
			held.Event = v.reference.kept[b.Asset].Event // what it has again takes no part in what came while it had none
		}
		v.lendReturned(c, order)
		c.negate(s, was)
		needed := v.neededUnits(order)
		order.Amount = order.Given
		if order.Side == inbox.SideSell && order.Basis == inbox.BasisCash {
			order.Amount, order.Reserved = order.Got, schemas.Units(order.Given)
		}
		order.Given, order.Got, order.Pieces, order.Priced, order.Corrected, order.Returned = 0, 0, 0, false, 0, nil
		if goesOn && (order.Amount == 0 || !v.reserveUnits(c, s, needed, day)) {
			v.staying = append(v.staying, order.ID)
		}
	}
}

// neededUnits is how many units a sell for cash had reserved for what it got: at the day's price that may have taken fewer.
func (v *visit) neededUnits(order *state.Order) schemas.Units {
	if order.Side == inbox.SideBuy || order.Basis == inbox.BasisUnits {
		return 0
	}
	needed, err := schemas.MulDivCeil(order.Got, int64(order.Reserved), order.Amount)
	if err != nil {
		panic(fmt.Sprintf("pot: order %s got %d of %d, %d units reserved: %v", order.ID, order.Got, order.Amount, order.Reserved, err))
	}
	return schemas.Units(needed)
}

// reserveUnits reserves what a sell for cash needs beyond what it had given, from today on, or from its new day where that began before, and returns false where the
// pot has not got that. Without it the batch of its new day could deal for no more than this order's units are worth, whatever the others have reserved.
func (v *visit) reserveUnits(c *correction, s *stake, needed schemas.Units, day schemas.Date) bool {
	order, held := s.open, v.holding(c.batch.Asset)
	more := needed - reservedUnits(order)
	if order.Side == inbox.SideBuy || more <= 0 {
		return true
	}
	on := min(day, v.reference.today(v.place))
	if on < v.state.Since || held.Settled-schemas.Units(arrivedAfter(held.Arrived, on)) < more {
		return false
	}
	c.moveUnits(purpose{stage: stageReserved, effectiveOn: on, order: s.id}, held.settled(), held.reserved(), int64(more))
	order.Reserved, order.Since = order.Reserved+more, on
	return true
}

// undealtBatch is the batch as a correction to nothing has it.
func undealtBatch(b *inbox.RejectedBatch) *inbox.BatchCorrected {
	told := &inbox.BatchCorrected{
		Trade: b.Trade, Day: b.Day, Custodian: b.Custodian, Asset: b.Asset, UnitsScale: b.UnitsScale, Side: b.Side, Basis: b.Basis, Policy: b.Policy,
		Weight: b.Weight, WeightBefore: b.WeightBefore, WeightThrough: b.WeightThrough,
	}
	for i := range b.Pieces {
		told.Pieces = append(told.Pieces, inbox.CorrectedPiece{Told: b.Pieces[i].Told, WasGot: b.Pieces[i].Got, WasGiven: b.Pieces[i].Given})
	}
	return told
}

// takeBackSpent sees to the buy of a switch that spends what its sell, of which nothing comes now, has brought. While it is not frozen it waits for the sell again.
// Else it stays, and what it took is the pot's other cash; what is missing of that the scheme makes good.
func (v *visit) takeBackSpent(c *correction, s *stake) {
	sell := s.open
	if sell.Spent == 0 {
		return
	}
	spent, p := sell.Spent, c.booked(s, stageSwitched, c.batch.Day)
	p.counter, sell.Spent = sell.Counter, 0
	if buy := v.counter(sell); buy != nil && c.canChange(buy) && schemas.Money(buy.Amount) == spent {
		v.moveCash(p, v.reserved(), v.pending(), spent)
		buy.Awaits, buy.Day, buy.Amount = state.AwaitsPrice, 0, 0
		if v.reference.Settings(v.reference.today(v.place)).SwitchAwaitsSettlement {
			buy.Awaits = state.AwaitsSettlement
		}
		return
	}
	v.lendSpent(c, p, spent)
}

// lendSpent takes what the buy has spent out of the pot's other cash, from the dealing day on. As that cash may not have been there in between, the scheme lends
// it until today, and makes good what is missing still.
func (v *visit) lendSpent(c *correction, p purpose, spent schemas.Money) {
	today := v.reference.today(v.place)
	missing := max(0, spent-v.state.Available)
	g := &goodwill[schemas.Money]{asset: schemas.Cash, scale: schemas.MoneyScale, pot: v.available(), on: c.batch.Day}
	lent := spent - missing
	if g.on >= today {
		lent = 0
	}
	g.give(c, stageCompensated, g.on, missing)
	g.give(c, stageLent, g.on, lent)
	v.moveCash(p, v.available(), v.pending(), spent)
	g.give(c, stageRepaid, today, -lent)
}

// lendReturned lends what a sell got, where the buy of its switch gave some of that back later than the sell was priced: as of the days between there is nothing to
// take it from.
func (v *visit) lendReturned(c *correction, sell *state.Order) {
	today := v.reference.today(v.place)
	if !cameBackAfter(c.batch.Day, sell.Since, sell.Returned) || today <= c.batch.Day {
		return
	}
	g := &goodwill[schemas.Money]{asset: schemas.Cash, scale: schemas.MoneyScale, pot: v.pending()}
	g.give(c, stageLent, c.batch.Day, schemas.Money(sell.Got))
	g.give(c, stageRepaid, today, -schemas.Money(sell.Got))
}

// unround posts back the residue that the pieces of a batch left.
func (d *draft) unround(b *inbox.RejectedBatch, shares *state.BatchTally) {
	part, last := rejectedPart(b), b.Pieces[len(b.Pieces)-1]
	part.mustHave(shares)
	had := part.of(last.Got, last.Given)
	d.residue(part, shares.Got-had.Got, had.Given-shares.Given)
}
