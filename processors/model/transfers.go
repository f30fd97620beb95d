package model

import "math/big"

// transfer is all of a pot on its way to another scheme.
type transfer struct {
	source, id string
	dated      day
}

// transferOut sells all that the pot has. What that comes to is paid out once the last sell has settled.
func (a *asked) transferOut() {
	switch {
	case a.underWay():
		a.refuse("pot/instructions-open")
		return
	case a.empty():
		a.refuse("pot/nothing-to-transfer")
		return
	}
	var orders []*order
	for code := range a.assets {
		if free := a.Books.balance(key{a.name, "pot:settled", code}); free.Sign() > 0 {
			orders = append(orders, a.order(code, "units", new(big.Rat).Set(free), nil))
		}
	}
	if why := a.place(orders); why != "" {
		a.refuse(why)
		return
	}
	a.pot.leaving = &transfer{a.source, a.id, a.dated}
	a.reserve(orders)
	if len(orders) == 0 {
		a.payOut(a.pot)
	}
}

// underWay says whether an order, a payment, a claim or a delivery of the pot has not come to its end.
func (a *asked) underWay() bool {
	for _, p := range a.payments {
		if p.pot == a.pot && p.stage < paid {
			return true
		}
	}
	return len(a.pot.orders) > 0 || a.pot.delivers() || len(a.pot.held) > 0 || a.claimOf(a.pot, "") != nil
}

// emptied says whether a pot has neither cash nor units.
func (w *World) emptied(name string) bool {
	for k, amount := range w.Books {
		if k.owner == name && amount.Sign() != 0 {
			return false
		}
	}
	return true
}

func (a *asked) empty() bool { return a.emptied(a.name) }

// closing closes a pot that has nothing and of which nothing is under way.
func (a *asked) closing() {
	if a.underWay() || !a.empty() {
		a.refuse("pot/not-empty")
		return
	}
	a.pot.closed, a.pot.choice = true, nil
	a.accept()
}

// payOut sets all cash of a pot that leaves aside for its payment.
func (w *World) payOut(p *pot) {
	all := new(big.Rat).Set(w.Books.balance(key{p.name, "pot:available", cash}))
	w.move(p.name, cash, "pot:available", "pot:payable", all)
	w.payments = append(w.payments, &payment{pot: p, id: p.leaving.id, dated: p.leaving.dated, cash: all, leaves: true})
}

// leave pays out what is left of pots that have sold all they had. Where nothing came of it they are closed.
func (w *World) leave() {
	for _, p := range w.pots {
		switch {
		case p.leaving == nil || len(p.orders) > 0 || w.paymentOf(p, p.leaving.id) != nil:
		case w.Books.balance(key{p.name, "pot:available", cash}).Sign() == 0:
			w.left(p)
		default:
			w.payOut(p)
		}
	}
}

// left ends a transfer. What came to the pot meanwhile keeps it open.
func (w *World) left(p *pot) {
	p.leaving = nil
	p.closed = w.emptied(p.name)
}

// stay ends an instruction's transfer before all is paid.
func (p *pot) stay(source, id string) {
	if p.leaving != nil && p.leaving.source == source && p.leaving.id == id {
		p.leaving = nil
	}
}
