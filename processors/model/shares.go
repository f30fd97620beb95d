package model

import (
	"math/big"
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// dealt shares a piece among the batch's orders: cumulatively each gets its part rounded down, and gives its part rounded up.
func (w *World) dealt(b *batch, p *piece) {
	gives, gets := p.sides(b.kind)
	b.pieces = append(b.pieces, p)
	w.allot(b, sum(b.given, gives), sum(b.gotten, gets), w.trade, w.round)
}

// allot lets the batch have given and got this much in all. It has booked what each order gives and gets more than before, and then, shard by shard, what
// those of one shard gave and got together.
func (w *World) allot(b *batch, given, gotten *big.Rat, order func(o *order, b *batch, gives, gets *big.Rat), shard func(s *stretch, gave, got *big.Rat)) {
	givenBefore, gottenBefore := b.given, b.gotten
	b.given, b.gotten = given, gotten
	weight := new(big.Rat)
	for number, orders := range b.orders {
		gave, got, from := new(big.Rat), new(big.Rat), weight
		for _, o := range orders {
			weight = sum(weight, o.weight)
			gives, gets := b.shares(o)
			gave, got = sum(gave, gives), sum(got, gets)
			order(o, b, gives, gets)
		}
		shard(&stretch{b, number, from, weight, givenBefore, gottenBefore}, gave, got)
	}
}

// finish ends a batch that is dealt: what is left of its orders goes on to another day, if one is given, or back.
func (w *World) finish(b *batch, to day) {
	b.state = "priced"
	w.each(b, func(o *order) {
		if to != "" {
			w.carryRest(o, to)
		}
		w.giveBack(o)
		o.priced = true
		w.spend(o)
	})
	w.progress(b.all(), "priced", "")
}

// shares are what an order gives and gets of the batch, less what it has given and got.
func (b *batch) shares(o *order) (gives, gets *big.Rat) {
	gives = minus(up(part(b.given, o.weight, b.weight), b.scale(b.gives())), o.given)
	gets = minus(down(part(b.gotten, o.weight, b.weight), b.scale(b.gets())), o.gotten)
	return gives, gets
}

// stretch is a shard's place in a batch, and what the batch had given and got before.
type stretch struct {
	*batch
	shard                     int
	from, through             *big.Rat
	givenBefore, gottenBefore *big.Rat
}

// parts are what the shard as a whole has to answer for, of what the batch gave and got since.
func (s *stretch) parts() (given, gotten *big.Rat) {
	given = minus(s.gave(s.given, s.from, s.through), s.gave(s.givenBefore, s.from, s.through))
	gotten = minus(s.got(s.gotten, s.from, s.through), s.got(s.gottenBefore, s.from, s.through))
	return given, gotten
}

// round keeps what rounding leaves: the difference between the shard's part and what its orders gave and got goes to the shard's own rounding account.
func (w *World) round(s *stretch, gave, got *big.Rat) {
	given, gotten := s.parts()
	w.Books.Move(s.shard, "", s.gives(), s.owed(s.gives()), "scheme:rounding", minus(gave, given))
	w.Books.Move(s.shard, "", s.gets(), s.owed(s.gets()), "scheme:rounding", minus(gotten, got))
}

// deliver books the outside leg of the shard's part.
func (w *World) deliver(s *stretch) {
	given, gotten := s.parts()
	w.Books.Move(s.shard, "", s.gives(), s.owed(s.gives()), s.outside(s.gives()), given)
	w.Books.Move(s.shard, "", s.gets(), s.outside(s.gets()), s.owed(s.gets()), gotten)
}

// gives is what the batch gives, gets what it gets.
func (b *batch) gives() string { return (&order{kind: b.kind, asset: b.asset}).gives() }
func (b *batch) gets() string  { return (&order{kind: b.kind, asset: b.asset}).gets() }

// scale is the decimals of an asset.
func (b *batch) scale(asset string) int {
	if asset == cash {
		return 2
	}
	return b.decimals
}

// owed is the custodian's account of what is dealt and has not settled.
func (b *batch) owed(asset string) string {
	if asset == cash {
		return "custodian/" + b.custodian + ":cash-owed"
	}
	return "custodian/" + b.custodian + ":units-owed"
}

// outside is where it goes when it settles.
func (b *batch) outside(asset string) string {
	if asset == cash {
		return "bank:client-money"
	}
	return "custodian/" + b.custodian + ":units-settled"
}

// gave is the part of what the batch gave between two points of its weight, got that of what it got.
func (b *batch) gave(amount, from, through *big.Rat) *big.Rat {
	return b.span(amount, from, through, b.scale(b.gives()), true)
}

func (b *batch) got(amount, from, through *big.Rat) *big.Rat {
	return b.span(amount, from, through, b.scale(b.gets()), false)
}

func (b *batch) span(amount, from, through *big.Rat, decimals int, upward bool) *big.Rat {
	return minus(round(part(amount, through, b.weight), decimals, upward), round(part(amount, from, b.weight), decimals, upward))
}

func (w *World) trade(o *order, b *batch, gives, gets *big.Rat) {
	o.given, o.gotten = sum(o.given, gives), sum(o.gotten, gets)
	w.move(o.pot.name, o.gives(), "pot:reserved", b.owed(o.gives()), gives)
	w.move(o.pot.name, o.gets(), b.owed(o.gets()), "pot:pending", gets)
}

// each does something with every order that the batch still has.
func (w *World) each(b *batch, do func(*order)) {
	for _, orders := range b.orders {
		for _, o := range orders {
			do(o)
		}
	}
}

// all are the orders that the batch still has.
func (b *batch) all() []*order { return slices.Concat(b.orders...) }

func (w *World) settle(b *batch) {
	b.state, w.ended = "settled", true
	w.each(b, func(o *order) {
		w.move(o.pot.name, o.gets(), "pot:pending", o.proceeds(), minus(o.gotten, o.spent))
		o.repay(o.gotten)
		o.end()
	})
	weight := new(big.Rat)
	for shard, orders := range b.orders {
		from := weight
		for _, o := range orders {
			weight = sum(weight, o.weight)
		}
		w.deliver(&stretch{b, shard, from, weight, new(big.Rat), new(big.Rat)})
	}
	w.progress(b.all(), "settled", "")
}

func (w *World) reject(b *batch) {
	b.state, w.ended = "rejected", true
	w.end(b.all())
	w.progress(b.all(), "rejected", "pot/trade-rejected")
}

// end takes orders that will not be dealt out of their pots. What was left of their reservations goes back, and buys that wait for them end with them.
func (w *World) end(orders []*order) {
	for _, o := range orders {
		w.giveBack(o)
		o.end()
		if !o.stands() {
			o.pot.stay(o.source, o.id)
		}
		if o.feeds != nil && o.feeds.waits {
			o.feeds.end()
		}
	}
}

// stands says whether something stands of what the order was, or is a part of, though it ends: what was dealt of it before, or the rest of one of which nothing was.
func (o *order) stands() bool {
	return o.origin != nil || o.weight.Sign() == 0 && (o.goesOn() || o.first != nil && o.first.settled())
}

// progress tells of each instruction with one of the orders how far it is: priced when all its open orders are, settled when it has none left, rejected or carried
// at once. A rejection is its end, told once; but of a rest it leaves what was dealt as it is.
func (w *World) progress(orders []*order, state, code string) {
	type instruction struct {
		pot        *pot
		source, id string
	}
	done := make(map[instruction]bool)
	for _, o := range orders {
		i := instruction{o.pot, o.source, o.id}
		s := o.pot.find(o.source, o.id)
		if s == nil || done[i] || s.state == "rejected" {
			continue
		}
		done[i] = true
		open, unpriced := o.pot.left(s)
		next := state
		switch {
		case state == "settled" && open > 0:
			if !o.goesOn() {
				s.state = "settled-in-part"
			}
			continue
		case state == "priced" && o.rest != nil:
			next = "carried"
		case unpriced > 0 && (state == "priced" || state == "rejected" && o.stands()):
			continue
		case state == "rejected" && o.stands():
			next = o.pot.stands(s)
		}
		if next != "carried" || s.state != "settled-in-part" { // what has settled in part may not be cancelled, wherever the rest goes
			s.state, s.code = next, code
		}
		w.tell(o.pot.name, o.id, next, code, false)
	}
}

// left counts an instruction's orders that have not ended, and those that are still to be priced.
func (p *pot) left(s *seen) (open, unpriced int) {
	for _, o := range p.orders {
		if o.source == s.source && o.id == s.id {
			open++
			if !o.priced {
				unpriced++
			}
		}
	}
	return open, unpriced
}
