package model

import (
	"maps"
	"math/big"
	"slices"
)

// byCharge is the source of orders that sell units for a charge. Nobody sent them, so nobody is told of them.
const byCharge = "!charge"

// sellsForCharge says whether an earlier charge waits for what a sale brings.
func (p *pot) sellsForCharge() bool {
	return slices.ContainsFunc(p.orders, func(o *order) bool { return o.source == byCharge })
}

// sellForCharge sells, of the holding that is worth most, as many units as are worth the charge at the last price, or all that are free. Where that cannot be
// the charge stays owed.
func (w *World) sellForCharge(p *pot, charge *big.Rat) {
	most, worth := "", new(big.Rat)
	for _, code := range slices.Sorted(maps.Keys(w.assets)) {
		last := w.lastPrice(code)
		if last == nil || w.Books.balance(key{p.name, "pot:settled", code}).Sign() == 0 {
			continue
		}
		if value := down(times(w.units(p.name, code), last), 2); most == "" || value.Cmp(worth) > 0 {
			most, worth = code, value
		}
	}
	if most == "" {
		return
	}
	w.charges++
	a := &asked{World: w, pot: p, name: p.name, source: byCharge, id: itoa(w.charges)}
	units := up(new(big.Rat).Quo(charge, w.lastPrice(most)), w.assets[most][0].units)
	if free := w.Books.balance(key{p.name, "pot:settled", most}); units.Cmp(free) > 0 {
		units = copied(free)
	}
	o := a.order(most, "units", units, nil)
	if a.place([]*order{o}) != "" {
		return
	}
	w.move(p.name, most, "pot:settled", "pot:reserved", units)
	p.orders = append(p.orders, o)
}

// proceeds is where an order's account of what it gets is when it has settled. What a charge is paid with is the pot's no more.
func (o *order) proceeds() string {
	if o.source == byCharge {
		return "scheme:charges"
	}
	return freeOf(o.gets())
}

// repay takes what a sale for a charge brought off what the pot owes. What is more is taken off what accrues next.
func (o *order) repay(brought *big.Rat) {
	if o.source == byCharge {
		o.pot.accrued = minus(o.pot.accrued, brought)
	}
}
