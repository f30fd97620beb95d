package pot

import (
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// sell does for a sell what buy does for a buy. A sell of units brings other cash at the right price, a sell for cash takes other units: those come from, or
// go back to, what the pot has settled, on the dealing day, as what the last piece leaves does. What was reserved for the rest of an order that goes on stays
// reserved for it.
func (c *correction) sell(s *stake, was, now []allocation.Amounts) {
	b, held, last := c.batch, c.holding(c.batch.Asset), len(was)-1
	cashOwed, unitsOwed := outside[schemas.Money](ledger.CashOwed(b.Custodian)), outside[schemas.Units](ledger.UnitsOwed(b.Custodian))
	if s.settled() {
		c.unsettle(s, schemas.Money(was[last].Got)-*s.spent)
	}
	c.negate(s, was)
	if cameBackAfter(b.Day, s.since, s.returned()) {
		c.lessPending += schemas.Money(max(0, was[last].Got-now[last].Got))
	}
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
	if s.settled() {
		c.settleAnew(s, schemas.Money(was[last].Got), schemas.Money(now[last].Got))
		return
	}
	c.respend(s, schemas.Money(now[last].Got))
}

// proceeds is where what a sell got goes when it settles.
func (c *correction) proceeds(s *stake) end[schemas.Money] {
	if s.charge {
		return outside[schemas.Money](ledger.SchemeCharges)
	}
	return c.available()
}

// settleAnew books what a sell that has settled brings at the right price, less what the buy of its switch has spent, and notes what the pot has less of.
func (c *correction) settleAnew(s *stake, brought, brings schemas.Money) {
	settled, spent := brought-*s.spent, *s.spent
	if short := *s.spent - brings; short > 0 {
		c.takeSpent(s, short)
		*s.spent = brings
	}
	c.settleCash(c.booked(s, stageSettled, s.settledOn), c.proceeds(s), brings-*s.spent, s.returned())
	switch {
	case s.charge:
		c.state.Accrued -= brings - brought
	case s.left:
		c.lessCash += max(0, settled-(brings-*s.spent))
	}
	if spent == brought && brings > 0 {
		c.changeBuy(s, spent, brings)
	}
}

// changeBuy lets the buy of a switch be for what its sell brings now, though that has settled: the difference is the pot's available cash until the buy reserves
// it, or gives it back. Not where that would have been after its dealing day, or before the sell had settled.
func (c *correction) changeBuy(s *stake, spent, brings schemas.Money) {
	i := slices.IndexFunc(c.state.Orders, func(o state.Order) bool { return o.Side == inbox.SideBuy && o.Counter != nil && *o.Counter == *s.id })
	if i < 0 {
		return
	}
	buy := &c.state.Orders[i]
	on := min(c.today, buy.Day)
	if spent == 0 || schemas.Money(buy.Amount) != spent || !c.canChange(buy) || on < *c.batch.SettledOn {
		return
	}
	id := buy.ID
	stage := stageReserved
	if brings < spent {
		stage = stageReturned
	}
	shift(c.draft, purpose{stage: stage, effectiveOn: on, order: &id}, schemas.Cash, schemas.MoneyScale, c.available(), c.reserved(), brings-spent)
	*s.spent, buy.Amount = brings, int64(brings)
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

// respend sees to what the buy of a switch has taken of its sell before that settled. While that buy can still change, is for just what it took, and
// none of it has come back, it is for what the sell brings now. Else it stays what it is: what it took beyond that is the pot's other cash, and what the sell brings beyond it will be available.
func (c *correction) respend(s *stake, brings schemas.Money) {
	sell := s.open
	if sell.Spent == 0 {
		return
	}
	buy := c.counter(sell)
	if buy != nil && brings > 0 && c.canChange(buy) && schemas.Money(buy.Amount) == sell.Spent && len(sell.Returned) == 0 {
		p, id := c.booked(s, stageSwitched, c.batch.Day), buy.ID
		p.counter = &id
		shift(c.draft, p, schemas.Cash, schemas.MoneyScale, c.pending(), c.reserved(), brings-sell.Spent)
		sell.Spent, buy.Amount = brings, int64(brings)
		return
	}
	if short := sell.Spent - brings; short > 0 {
		c.takeSpent(s, short)
		sell.Spent = brings
	}
}

// canChange says whether the order is not in a batch that is frozen.
func (c *correction) canChange(o *state.Order) bool {
	return o.Pieces == 0 && !c.reference.isClosed(o.Asset, o.Day)
}
