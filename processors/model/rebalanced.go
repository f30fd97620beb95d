package model

import (
	"maps"
	"math/big"
	"slices"
	"strings"
)

// byRebalancing is the source of orders of a run. Each pot is told of the run, and nobody of what becomes of its orders.
const byRebalancing = "!rebalance"

// run is one of re-balancing, on one pot.
type run struct {
	*asked
	positions []*position // in the order of their codes
	cash      *big.Rat    // that may be invested
	whole     *big.Rat    // what all is worth
	trades    []*exchange
}

// position is what the pot has of an asset when all that is ordered is dealt, and what is promised to other schemes has gone.
type position struct {
	code          string
	close, weight *big.Rat
	units, free   *big.Rat
	ordered       *big.Rat // cash for which it is bought already
	value, target *big.Rat
	decimals      int
}

// exchange is so much of one asset, or of cash, that becomes another.
type exchange struct {
	from   *position // nil for cash
	into   *position
	amount *big.Rat // cash or units
}

// rebalance trades every pot with a choice back to it: once a day.
func (w *World) rebalance(line Line) {
	if !w.declared(w.dateIn(line, "dated")) || w.rebalanced == w.today() {
		return
	}
	w.rebalanced = w.today()
	w.runs++
	for name, p := range w.pots {
		if p.choice == nil || p.closed {
			continue
		}
		r := &run{asked: &asked{World: w, pot: p, name: name, source: byRebalancing, id: itoa(w.runs), line: line}}
		if why := r.trade(); why != "" {
			w.tell(name, "run", "untraded", why, false)
		} else {
			w.tell(name, "run", "accepted", "", false)
		}
	}
}

// trade makes the orders that bring the pot back to its choice, or says why there are none.
func (r *run) trade() string {
	if r.pot.leaving != nil || r.unsettled() && !r.line.Has("while-unsettled") {
		return "pot/unsettled"
	}
	if !r.find() {
		return "pot/no-price-known"
	}
	if r.value(); r.whole.Sign() == 0 {
		return "pot/nothing-to-trade"
	}
	if !r.isOut(new(big.Rat)) {
		return "pot/within-bands"
	}
	for r.isOut(r.minimum()) && r.pair() {
		r.value()
	}
	if len(r.trades) == 0 {
		return "pot/below-minimum"
	}
	return r.order()
}

// order makes the orders: all, or none.
func (r *run) order() string {
	var orders, given []*order
	for _, x := range r.trades {
		buy := r.asked.order(x.into.code, "buy", x.amount, nil)
		if x.from == nil {
			orders, given = append(orders, buy), append(given, buy)
			continue
		}
		buy.weight, buy.reserved = new(big.Rat), new(big.Rat)
		sell := r.asked.order(x.from.code, "units", x.amount, nil)
		sell.feeds = buy
		orders, given = append(orders, sell, buy), append(given, sell)
	}
	if why := r.place(orders); why != "" {
		return why
	}
	for _, o := range given {
		r.move(r.name, o.gives(), o.free(), "pot:reserved", o.reserved)
		if o.feeds != nil {
			o.feed(o.feeds)
		}
	}
	r.pot.orders = append(r.pot.orders, orders...)
	return ""
}

// unsettled says whether an order of the pot is open, or something of it is on its way.
func (r *run) unsettled() bool {
	for k, amount := range r.Books {
		if k.owner == r.name && (k.account == "pot:pending" || k.account == "pot:reserved") && amount.Sign() != 0 {
			return true
		}
	}
	return len(r.pot.orders) > 0
}

// find finds what the pot has chosen, holds, or has ordered. It is false where a close of that is missing.
func (r *run) find() bool {
	weights := make(map[string]*big.Rat)
	for _, piece := range strings.Split(r.chosen(), ",") {
		code, weight, _ := strings.Cut(piece, ":")
		weights[code] = number(weight)
	}
	r.cash = new(big.Rat)
	if r.line.Has("invest-cash") {
		r.cash = minus(r.Books.balance(key{r.name, "pot:available", cash}), r.pot.inReview())
		if r.cash.Sign() < 0 {
			r.cash = new(big.Rat)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(r.assets)) {
		ordered := slices.ContainsFunc(r.pot.orders, func(o *order) bool { return o.asset == code })
		if weights[code] == nil && !ordered && r.units(r.name, code).Sign() == 0 {
			continue
		}
		p := &position{code: code, close: r.lastPrice(code), weight: weights[code], decimals: r.assets[code][0].units}
		if p.close == nil {
			return false
		}
		if p.weight == nil {
			p.weight = new(big.Rat)
		}
		p.free = copied(r.Books.balance(key{r.name, "pot:settled", code}))
		p.units = minus(r.units(r.name, code), r.pot.promised(code))
		for _, o := range r.pot.orders {
			if o.asset == code && o.kind != "buy" && !o.priced {
				sold, _ := r.sells(o)
				p.units = minus(p.units, sold)
			}
		}
		r.positions = append(r.positions, p)
	}
	for _, p := range r.positions {
		p.ordered = r.ordered(p.code)
	}
	return true
}

// ordered is the cash for which the asset is ordered and not yet dealt, also by what a sell is still to bring.
func (r *run) ordered(code string) *big.Rat {
	all := new(big.Rat)
	for _, o := range r.pot.orders {
		switch {
		case o.kind != "buy" || o.asset != code || o.priced:
		case !o.waits:
			all = sum(all, minus(o.reserved, o.given))
		default:
			_, worth := r.sells(o.fedBy)
			all = sum(all, sum(o.fedBy.gotten, worth))
		}
	}
	return all
}

// sells is how many units an open sell is still to give at the last close, and what they are worth. One for cash gives no more than that is worth, and what
// it has reserved beyond it stays the pot's.
func (r *run) sells(o *order) (units, worth *big.Rat) {
	last := r.lastPrice(o.asset)
	units = minus(o.reserved, o.given)
	worth = down(times(units, last), 2)
	if asked := minus(o.weight, o.gotten); o.kind == "cash" && asked.Cmp(worth) < 0 {
		return up(new(big.Rat).Quo(asked, last), r.assets[o.asset][0].units), asked
	}
	return units, worth
}

// value finds what each position is worth, and should be: of the whole, running sums of the weights, rounded down.
func (r *run) value() {
	r.whole = copied(r.cash)
	for _, p := range r.positions {
		p.value = sum(down(times(p.units, p.close), 2), p.ordered)
		r.whole = sum(r.whole, p.value)
	}
	upTo := new(big.Rat)
	for _, p := range r.positions {
		before := down(times(r.whole, upTo), 2)
		upTo = sum(upTo, p.weight)
		p.target = minus(down(times(r.whole, upTo), 2), before)
	}
}

func (r *run) minimum() *big.Rat { return number(r.line.Get("minimum", "1.00")) }

// isOut says whether an asset is outside one of the bands, by so much at least. What is too small to be traded would have all others traded at every run.
func (r *run) isOut(least *big.Rat) bool {
	return slices.ContainsFunc(r.positions, func(p *position) bool {
		apart := new(big.Rat).Abs(minus(new(big.Rat).Quo(p.value, r.whole), p.weight))
		off := new(big.Rat).Abs(minus(p.value, p.target))
		return off.Cmp(least) >= 0 && (r.line.Has("absolute") && apart.Cmp(number(r.line.Get("absolute", "0"))) > 0 ||
			r.line.Has("relative") && off.Cmp(times(p.target, number(r.line.Get("relative", "0")))) > 0)
	})
}

// pair lets what is too much, cash first, become what is too little, both in their order. What is not worth it is left out. It says whether anything is
// exchanged: then what is left is looked at once more, for rounding may have lifted what was too small.
func (r *run) pair() bool {
	lacks := make(map[*position]*big.Rat)
	for _, p := range r.positions {
		lacks[p] = minus(p.target, p.value)
	}
	found := false
	take := func(from *position, excess *big.Rat) {
		for _, into := range r.positions {
			piece := lacks[into]
			if excess.Cmp(piece) < 0 {
				piece = excess
			}
			if piece.Sign() > 0 {
				excess, lacks[into] = minus(excess, piece), minus(lacks[into], piece)
				found = r.exchange(from, into, copied(piece)) || found
			}
		}
	}
	take(nil, r.cash)
	for _, from := range r.positions {
		take(from, minus(from.value, from.target))
	}
	return found
}

// exchange trades a piece, as far as it is free, if that is worth it.
func (r *run) exchange(from, into *position, worth *big.Rat) bool {
	amount := worth
	if from != nil {
		amount = down(new(big.Rat).Quo(worth, from.close), from.decimals)
		if amount.Cmp(from.free) > 0 {
			amount = copied(from.free)
		}
		worth = down(times(amount, from.close), 2)
	}
	bought := down(new(big.Rat).Quo(worth, into.close), into.decimals)
	if worth.Cmp(r.minimum()) < 0 || bought.Sign() == 0 {
		return false
	}
	if from == nil {
		r.cash = minus(r.cash, amount)
	} else {
		from.units, from.free = minus(from.units, amount), minus(from.free, amount)
	}
	into.units = sum(into.units, bought)
	for _, x := range r.trades {
		if x.from == from && x.into == into {
			x.amount = sum(x.amount, amount)
			return true
		}
	}
	r.trades = append(r.trades, &exchange{from, into, amount})
	return true
}
