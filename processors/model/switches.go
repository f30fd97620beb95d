package model

import "math/big"

// switchInto sells one asset and lets the buy of another wait for what that brings: both, or neither.
func (a *asked) switchInto() {
	code := a.line.Get("asset", "GB00X")
	sell, buy := a.order(code, "units", new(big.Rat), nil), a.order(a.line.Get("into", "GB00Y"), "buy", new(big.Rat), nil)
	if why := a.place([]*order{sell}); why != "" {
		a.refuse(why)
		return
	}
	if a.units(a.name, code).Sign() == 0 {
		a.refuse("pot/no-units")
		return
	}
	if why := a.weigh(sell, a.Books.balance(key{a.name, "pot:settled", code})); why != "" {
		a.refuse(why)
		return
	}
	if why := a.place([]*order{buy}); why != "" {
		a.refuse(why)
		return
	}
	sell.feed(buy)
	a.reserve([]*order{sell})
	a.pot.orders = append(a.pot.orders, buy)
}

// feed lets a buy wait for what the order brings.
func (o *order) feed(buy *order) {
	buy.waits, buy.day, buy.fedBy, o.feeds = true, "", o, buy
}

// part lets the rest of a sell feed the buy that waits, and what is dealt one of its own.
func (w *World) part(o *order) {
	if o.feeds == nil || !o.feeds.waits {
		return
	}
	o.rest.feed(o.feeds)
	o.feeds = nil
	if o.gotten.Sign() > 0 {
		buy := &order{
			pot: o.pot, source: o.source, id: o.id, asset: o.rest.feeds.asset, kind: "buy", weight: new(big.Rat), reserved: new(big.Rat), given: new(big.Rat),
			gotten: new(big.Rat), carried: new(big.Rat), spent: new(big.Rat),
		}
		o.feed(buy)
		o.pot.orders = append(o.pot.orders, buy)
	}
}

// spend reserves what a sell brought for its buy, which deals on the next day that it is in time for.
func (w *World) spend(o *order) {
	buy := o.feeds
	if buy == nil || !buy.waits {
		return
	}
	buy.waits = false
	if o.gotten.Sign() == 0 {
		buy.end()
		return
	}
	buy.day, _ = w.dealingDay(buy.asset)
	if w.isHalted(buy.asset, buy.day) {
		buy.end()
		w.fails(buy, "pot/asset-halted")
		return
	}
	w.fund(o, o.gotten)
}

// fails ends the instruction of an order that cannot be, whatever becomes of its other one. An end is told once.
func (w *World) fails(o *order, code string) {
	if s := o.pot.find(o.source, o.id); s != nil && s.state != "rejected" {
		s.state, s.code = "rejected", code
		w.tell(o.pot.name, o.id, s.state, code, false)
	}
}

// fund lets a buy spend so much of what its sell brings.
func (w *World) fund(o *order, all *big.Rat) {
	more := minus(all, o.spent)
	o.spent = sum(o.spent, more)
	o.feeds.weight, o.feeds.reserved = sum(o.feeds.weight, more), sum(o.feeds.reserved, more)
	from := "pot:pending"
	if o.settled() {
		from = "pot:available"
	}
	w.move(o.pot.name, cash, from, "pot:reserved", more)
}

func (o *order) settled() bool { return o.ended && o.batch != nil && o.batch.state == "settled" }

// follow lets the buy of a switch be for what its sell brings at another price, as long as it is not frozen, and has all that the sell brought before, and no more.
// Else, and where the sell brings nothing at all, it stays, and what it takes more is the pot's other cash.
func (w *World) follow(o *order, brought *big.Rat) {
	if o.feeds == nil || !o.priced {
		return
	}
	buy := o.feeds
	if o.gotten.Sign() > 0 && buy.batch == nil && !buy.ended && buy.weight.Cmp(brought) == 0 && o.spent.Cmp(brought) == 0 {
		w.fund(o, o.gotten)
		return
	}
	missing := minus(o.spent, o.gotten)
	if missing.Sign() <= 0 {
		return
	}
	if !o.settled() {
		w.move(o.pot.name, cash, "pot:available", "pot:pending", missing)
	}
	o.spent = o.gotten
}
