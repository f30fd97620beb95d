package model

import (
	"math/big"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// dealt shares a piece among the batch's orders: cumulatively each gets its part rounded down, and gives its part rounded up.
// What rounding leaves goes to the shard's own rounding account, measured against the part that the shard as a whole has to answer for.
func (w *World) dealt(b *batch, given, gotten *big.Rat, final bool) {
	givenBefore, gottenBefore := b.given, b.gotten
	b.given, b.gotten = sum(b.given, given), sum(b.gotten, gotten)
	b.pieces++
	weight := new(big.Rat)
	for shard, orders := range b.orders {
		gave, got := new(big.Rat), new(big.Rat)
		from := weight
		for _, o := range orders {
			weight = sum(weight, o.weight)
			gives := minus(up(part(b.given, o.weight, b.weight), 2), o.given)
			gets := minus(down(part(b.gotten, o.weight, b.weight), b.decimals), o.gotten)
			gave, got = sum(gave, gives), sum(got, gets)
			w.trade(o, b, gives, gets)
		}
		partGiven := minus(w.span(b.given, from, weight, b.weight, 2, true), w.span(givenBefore, from, weight, b.weight, 2, true))
		partGotten := minus(w.span(b.gotten, from, weight, b.weight, b.decimals, false), w.span(gottenBefore, from, weight, b.weight, b.decimals, false))
		w.Books.Move(shard, "", cash, owedCash(b), "scheme:rounding", minus(gave, partGiven))
		w.Books.Move(shard, "", b.asset, owedUnits(b), "scheme:rounding", minus(partGotten, got))
	}
	if final {
		b.state = "priced"
		w.each(b, func(o *order) {
			w.move(o.pot.name, cash, "pot:reserved", "pot:available", minus(o.weight, o.given))
			o.priced = true
		})
		w.progress(b, "priced", "")
	}
}

// span is the part of an amount between two points of the weight.
func (w *World) span(amount, from, through, whole *big.Rat, decimals int, upward bool) *big.Rat {
	return minus(round(part(amount, through, whole), decimals, upward), round(part(amount, from, whole), decimals, upward))
}

func owedCash(b *batch) string  { return "custodian/" + b.custodian + ":cash-owed" }
func owedUnits(b *batch) string { return "custodian/" + b.custodian + ":units-owed" }

func (w *World) trade(o *order, b *batch, gives, gets *big.Rat) {
	o.given, o.gotten = sum(o.given, gives), sum(o.gotten, gets)
	w.move(o.pot.name, cash, "pot:reserved", owedCash(b), gives)
	w.move(o.pot.name, b.asset, owedUnits(b), "pot:pending", gets)
}

// each does something with every order that the batch still has.
func (w *World) each(b *batch, do func(*order)) {
	for _, orders := range b.orders {
		for _, o := range orders {
			do(o)
		}
	}
}

func (w *World) settle(b *batch) {
	b.state = "settled"
	w.each(b, func(o *order) {
		w.move(o.pot.name, b.asset, "pot:pending", "pot:settled", o.gotten)
		o.end()
	})
	weight := new(big.Rat)
	for shard, orders := range b.orders {
		from := weight
		for _, o := range orders {
			weight = sum(weight, o.weight)
		}
		w.Books.Move(shard, "", cash, owedCash(b), "bank:client-money", w.span(b.given, from, weight, b.weight, 2, true))
		w.Books.Move(shard, "", b.asset, "custodian/"+b.custodian+":units-settled", owedUnits(b), w.span(b.gotten, from, weight, b.weight, b.decimals, false))
	}
	w.progress(b, "settled", "")
}

func (w *World) reject(b *batch) {
	b.state = "rejected"
	w.each(b, func(o *order) {
		w.move(o.pot.name, cash, "pot:reserved", "pot:available", minus(o.weight, o.given))
		o.end()
	})
	w.progress(b, "rejected", "pot/trade-rejected")
}

// progress tells of each instruction with an order in the batch how far it is: priced when all its open orders are, settled when it has
// none left, rejected at once. A rejection is its end, told once.
func (w *World) progress(b *batch, state, code string) {
	type instruction struct {
		pot        *pot
		source, id string
	}
	done := make(map[instruction]bool)
	w.each(b, func(o *order) {
		i := instruction{o.pot, o.source, o.id}
		s := o.pot.find(o.source, o.id)
		if done[i] || s.state == "rejected" {
			return
		}
		done[i] = true
		open, unpriced := 0, 0
		for _, other := range o.pot.orders {
			if other.source == o.source && other.id == o.id {
				open++
				if !other.priced {
					unpriced++
				}
			}
		}
		switch {
		case state == "settled" && open > 0:
			s.state = "settled-in-part"
		case state == "priced" && unpriced > 0:
		default:
			s.state, s.code = state, code
			w.tell(o.pot.name, o.id, state, code, false)
		}
	})
}
