package pot

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// giveBackCash returns what is left of a buy's reservation. What the buy of a switch has of its sell is pending again from the day on which it comes back, and
// available from that on which the sell settled, or from the same day where that is later. Custodians tell of the two in either order: the postings are the same.
func (d *draft) giveBackCash(p purpose, buy *state.Order) {
	left := schemas.Money(buy.Amount - buy.Given)
	back := p
	back.counter = buy.Counter
	if sell := d.counter(buy); sell != nil {
		if cash := min(left, sell.Spent); cash > 0 {
			d.moveCash(back, d.reserved(), d.pending(), cash)
			sell.Returned = append(slices.Clone(sell.Returned), state.ReturnedCash{Cash: cash, On: p.effectiveOn})
			sell.Spent, left = sell.Spent-cash, left-cash
		}
	} else if sell := d.settledCounter(buy); sell != nil {
		left -= d.settleReturned(back, sell, min(left, sell.Spent))
	}
	d.moveCash(p, d.reserved(), d.available(), left)
}

// settledCounter returns the sell of a switch that has settled since its buy was let go on, or nil. It may be changed.
func (d *draft) settledCounter(buy *state.Order) *state.DealtOrder {
	if buy.Counter == nil {
		return nil
	}
	i := slices.IndexFunc(d.state.Dealt, func(o state.DealtOrder) bool { return o.ID == *buy.Counter && o.Switched != nil })
	if i < 0 {
		return nil
	}
	d.state.Dealt = slices.Clone(d.state.Dealt)
	return &d.state.Dealt[i]
}

// settleReturned gives cash back to a sell that has settled, where it settles, too. It returns the cash.
func (d *draft) settleReturned(back purpose, sell *state.DealtOrder, cash schemas.Money) schemas.Money {
	if cash <= 0 {
		return 0
	}
	if sell.Spent == schemas.Money(sell.Got) {
		sell.Left = sell.Basis == inbox.BasisCash // the pot has nothing available of it until now: none of that can have left since
	}
	id, switched := sell.ID, *sell.Switched
	p := purpose{stage: stageSettled, effectiveOn: max(sell.SettledOn, back.effectiveOn), order: &id, trade: &switched.Trade}
	d.moveCash(back, d.reserved(), d.pending(), cash)
	d.moveCash(p, d.pending(), d.available(), cash)
	switched.Returned = append(slices.Clone(switched.Returned), state.ReturnedCash{Cash: cash, On: back.effectiveOn})
	sell.Switched, sell.Spent = &switched, sell.Spent-cash
	d.returned = append(d.returned, returnedPart{id, len(switched.Returned) - 1})
	return cash
}

// returnedPart is what a draft gives back to a sell that has settled, and where among all that came back to it.
type returnedPart struct {
	sell schemas.ID
	at   int
}

// noteReturned notes which journal books that it has settled: a correction negates it there. A sell that cannot be corrected any more may be forgotten by now.
func (d *draft) noteReturned(journal schemas.ID) {
	for _, part := range d.returned {
		if i := slices.IndexFunc(d.state.Dealt, func(o state.DealtOrder) bool { return o.ID == part.sell }); i >= 0 {
			booked := journal
			d.state.Dealt[i].Switched.Returned[part.at].Journal = &booked
		}
	}
}

// switchOf is what is kept of a sell that settles, if it is one whose buy was let go on before: what that buy has of it may come back later.
func switchOf(sell *state.Order, trade schemas.ID) *state.DealtSwitch {
	if sell.Spent == 0 && len(sell.Returned) == 0 {
		return nil
	}
	return &state.DealtSwitch{Trade: trade, Returned: sell.Returned}
}

// feeds says whether an open buy has cash of a sell that has settled.
func (d *draft) feeds(sell *state.DealtOrder) bool {
	return sell.Switched != nil && sell.Spent > 0 && slices.ContainsFunc(d.state.Orders, func(o state.Order) bool { return isBuyOf(&o, sell.ID) })
}

// isBuyOf says whether the order is the buy of a switch that spends what the sell brings.
func isBuyOf(o *state.Order, sell schemas.ID) bool {
	return o.Side == inbox.SideBuy && o.Counter != nil && *o.Counter == sell
}

// settleCash books that what a sell has brought, less what the buy of its switch has, settles: what that has given back not before it came back.
func (d *draft) settleCash(p purpose, to end[schemas.Money], cash schemas.Money, returned []state.ReturnedCash) {
	own, parts := tellApart(cash, returned)
	shift(d, p, schemas.Cash, schemas.MoneyScale, d.pending(), to, own)
	for i, part := range parts {
		late := p
		late.effectiveOn = max(p.effectiveOn, returned[i].On)
		d.moveCash(late, d.pending(), to, part)
	}
}

// tellApart divides what a sell has settled into what never left it and what came back to it. At a lower price it may be less than what came back: then the last
// that came back is in it, as it was booked, and what is missing is missing of what came before.
func tellApart(cash schemas.Money, returned []state.ReturnedCash) (own schemas.Money, parts []schemas.Money) {
	if len(returned) == 0 {
		return cash, nil
	}
	parts = make([]schemas.Money, len(returned))
	for i := len(returned) - 1; i >= 0; i-- {
		parts[i] = min(cash, returned[i].Cash)
		cash -= parts[i]
	}
	return cash, parts
}

// cameBackAfter says whether the buy of a switch has given something back to its sell with effect after the day. Since is where earlier versions noted it.
func cameBackAfter(day, since schemas.Date, returned []state.ReturnedCash) bool {
	return since > day || slices.ContainsFunc(returned, func(r state.ReturnedCash) bool { return r.On > day })
}

// unsettle negates that what a sell brought has settled, each part where it was booked.
func (c *correction) unsettle(s *stake, cash schemas.Money) {
	returned, p := s.returned(), c.negated(s, s.settledOn, c.batch.SettledTold)
	own, parts := tellApart(cash, returned)
	for i, part := range slices.Backward(parts) {
		late := p
		late.effectiveOn = max(s.settledOn, returned[i].On)
		if journal := returned[i].Journal; journal != nil {
			late.reverses = journal
		}
		c.moveCash(late, c.proceeds(s), c.pending(), part)
	}
	shift(c.draft, p, schemas.Cash, schemas.MoneyScale, c.proceeds(s), c.pending(), own)
}

// returned is what the buy of a switch has given back to the sell.
func (s *stake) returned() []state.ReturnedCash {
	switch {
	case s.open != nil:
		return s.open.Returned
	case s.dealt.Switched != nil:
		return s.dealt.Switched.Returned
	}
	return nil
}

// rebooked notes that a correction's own journal books from now on that everything has settled.
func (s *stake) rebooked() {
	if s.dealt == nil || s.dealt.Switched == nil {
		return
	}
	switched := *s.dealt.Switched
	switched.Returned = slices.Clone(switched.Returned)
	for i := range switched.Returned {
		switched.Returned[i].Journal = nil
	}
	s.dealt.Switched = &switched
}
