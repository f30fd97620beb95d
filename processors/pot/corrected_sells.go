package pot

import (
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// sell does for a sell what buy does for a buy. A sell of units brings other cash at the right price, a sell for cash takes other units: those come from, or
// go back to, what the pot has settled, on the dealing day, as what the last piece leaves does. What was reserved for the rest of an order that goes on stays
// reserved for it.
func (c *correction) sell(s *stake, was, now []allocation.Amounts) {
	b, held, last := c.batch, c.holding(c.batch.Asset), len(was)-1
	cashOwed, unitsOwed := owed(b.Custodian)
	if s.settled() {
		c.unsettle(s, schemas.Money(was[last].Got)-*s.spent)
	}
	c.negate(s, was)
	for i := range now {
		moved, p := since(now, i), c.booked(s, stagePriced, b.Day)
		c.moveUnits(p, held.reserved(), unitsOwed, moved.Given)
		c.moveCash(p, cashOwed, c.pending(), schemas.Money(moved.Got))
	}
	if b.Pieces[last].Final {
		back := schemas.Units(was[last].Given - now[last].Given)
		shift(c.draft, c.booked(s, stageReturned, b.Day), b.Asset, b.UnitsScale, held.reserved(), held.settled(), back)
		if s.left {
			c.lessUnits += max(0, -back)
		}
	}
	c.bringAnew(s, schemas.Money(was[last].Got), schemas.Money(now[last].Got))
}

// proceeds is where what a sell got goes when it settles.
func (c *correction) proceeds(s *stake) end[schemas.Money] {
	if s.charge {
		return outside[schemas.Money](ledger.SchemeCharges)
	}
	return c.available()
}

// bringAnew sees to what a sell brings at the right price: first to the buy of its switch, then to what is left of it, which has settled or will.
func (c *correction) bringAnew(s *stake, brought, brings schemas.Money) {
	had := brought - *s.spent
	c.respend(s, brought, brings)
	has := brings - *s.spent
	if cameBackAfter(c.batch.Day, s.since, s.returned()) {
		c.lessPending += max(0, had-has)
	}
	if !s.settled() {
		return
	}
	c.settleCash(c.booked(s, stageSettled, s.settledOn), c.proceeds(s), has, s.returned())
	switch {
	case s.charge:
		c.state.Accrued -= brings - brought
	case s.left:
		c.lessCash += max(0, had-has)
	}
}

// takeSpent takes what the buy of a switch has spent beyond what its sell brings out of the pot's other cash, from the dealing day on.
func (c *correction) takeSpent(s *stake, short schemas.Money) {
	p := c.booked(s, stageSwitched, c.batch.Day)
	if s.open != nil {
		p.counter = s.open.Counter
	}
	c.moveCash(p, c.available(), c.pending(), short)
	c.lessCash += short
	c.spentMore = true
}

// respend sees to what the buy of a switch has taken of its sell. While that buy can still change, and is for all that the sell brought and for nothing else, it
// is for what the sell brings now, whether that has settled or not. Else it stays what it is: what it took beyond that is the pot's other cash, and what the sell
// brings beyond it is available, or will be.
func (c *correction) respend(s *stake, brought, brings schemas.Money) {
	if buy := c.fedBy(s); buy != nil && brings > 0 && *s.spent == brought && schemas.Money(buy.Amount) == brought && c.canChange(buy) {
		p, id := c.booked(s, stageSwitched, max(c.batch.Day, buy.Since)), buy.ID
		p.counter = &id
		shift(c.draft, p, schemas.Cash, schemas.MoneyScale, c.pending(), c.reserved(), brings-brought)
		*s.spent, buy.Amount = brings, int64(brings)
		return
	}
	if short := *s.spent - brings; short > 0 {
		c.takeSpent(s, short)
		*s.spent = brings
	}
}

// fedBy returns the open buy of a switch that spends what the sell brings, or nil.
func (c *correction) fedBy(s *stake) *state.Order {
	i := slices.IndexFunc(c.state.Orders, func(o state.Order) bool { return isBuyOf(&o, *s.id) })
	if i < 0 || c.state.Orders[i].Awaits != state.AwaitsNothing {
		return nil
	}
	return &c.state.Orders[i]
}

// canChange says whether the order is not in a batch that is frozen.
func (c *correction) canChange(o *state.Order) bool {
	return o.Pieces == 0 && !c.reference.isClosed(o.Asset, o.Day)
}
