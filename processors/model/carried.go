package model

import (
	"math/big"
	"slices"
)

// nextOpen is the first dealing day of an asset after the batch's that is not closed, and not before the one that is named.
func (w *World) nextOpen(b *batch, until day) day {
	d := max(b.day, w.closed[b.asset]).plus(1)
	for n := 0; n < searchMax; d, n = d.plus(1), n+1 {
		if w.isHalted(b.asset, d) {
			return ""
		}
		if d >= until && w.deals(b.asset, d) {
			return d
		}
	}
	return ""
}

// refused is what becomes of orders that a custodian does not deal, or deals no more of: they go on to another day, or end. False means that no such day is known.
func (w *World) refused(b *batch, c *confirmation) bool {
	to := day("")
	if c.kind == "Deferred" || w.assets[b.asset].on(b.day).requeue {
		to = w.nextOpen(b, day(c.line.Get("until", "")))
		if to == "" && c.kind == "Deferred" {
			return false
		}
	}
	if to != "" {
		w.carriedTo[b.asset] = append(w.carriedTo[b.asset], to)
	}
	switch {
	case len(b.pieces) > 0:
		w.dealt(b, newPiece(new(big.Rat), new(big.Rat)))
		w.finish(b, to)
	case to != "":
		b.state, w.ended = "rejected", true
		w.each(b, func(o *order) { o.day, o.batch = to, nil })
		w.progress(b.all(), "carried", "")
	default:
		w.reject(b)
	}
	return true
}

// carryRest lets what was not dealt of an order go on as an order of its own. What cannot be dealt any more is not carried.
func (w *World) carryRest(o *order, to day) {
	left, weight := minus(o.reserved, o.given), minus(o.weight, o.given)
	if o.kind == "cash" {
		weight = minus(o.weight, o.gotten)
	}
	if left.Sign() <= 0 || weight.Sign() <= 0 {
		return
	}
	o.carried = left
	o.rest = &order{
		pot: o.pot, source: o.source, id: o.id, asset: o.asset, kind: o.kind, weight: weight, reserved: left, given: new(big.Rat), gotten: new(big.Rat),
		carried: new(big.Rat), spent: new(big.Rat), day: to, origin: o, fedBy: o.fedBy,
	}
	w.cover(o.rest)
	o.pot.orders = append(o.pot.orders, o.rest)
	if o.first == nil {
		o.first = o.rest
	}
	w.part(o)
}

// cover reserves for the rest of a sell for cash what a new order would, as far as the pot has units free.
func (w *World) cover(rest *order) {
	last := w.lastPrice(rest.asset)
	if rest.kind != "cash" || last == nil {
		return
	}
	needed := up(new(big.Rat).Quo(rest.weight, times(last, big.NewRat(int64(w.sellPart), 10_000))), w.assets[rest.asset][0].units)
	more, free := minus(needed, rest.reserved), w.Books.balance(key{rest.pot.name, "pot:settled", rest.asset})
	if free.Cmp(more) < 0 {
		more = free
	}
	if more.Sign() > 0 {
		w.move(rest.pot.name, rest.asset, "pot:settled", "pot:reserved", more)
		rest.reserved = sum(rest.reserved, more)
	}
}

// goesOn says whether a rest of the order has not ended.
func (o *order) goesOn() bool {
	return slices.ContainsFunc(o.pot.orders, func(rest *order) bool {
		return rest.origin != nil && rest.source == o.source && rest.id == o.id && rest.asset == o.asset && rest.kind == o.kind && rest.day > o.day
	})
}
