package model

import (
	"math/big"
	"slices"
)

// batch is the orders of a day, custodian, asset and side, by shard.
type batch struct {
	day           day
	custodian     string
	asset, kind   string // buy, units or cash, as its orders
	decimals      int
	orders        [][]*order
	weight        *big.Rat
	given, gotten *big.Rat // so far
	pieces        []*piece
	state         string // placed, priced, settled, rejected
	failed        bool   // to settle when it was due
	settles       day    // at the earliest
	settledOn     day
	seen          map[string]string // confirmations by id: their content
	waiting       []*confirmation
}

type confirmation struct {
	kind, id, content string
	received          day // by the trust's clocks: what is to settle later than that was not settled
	line              Line
}

// price is a close of an asset.
type price struct {
	pounds   *big.Rat
	released bool
}

// tick closes every day whose cut-off has passed, and makes a batch of its orders.
func (w *World) tick() {
	w.ticked = max(w.ticked, w.today())
	w.expireHeld()
	for code := range w.assets {
		for d := w.closed[code].plus(1); d <= w.today(); d = d.plus(1) {
			if !w.deals(code, d) {
				continue
			}
			row := w.assets[code].on(d)
			if w.inTime(row, d) {
				break
			}
			w.closed[code], w.ended = d, true
			for _, kind := range []string{"buy", "units", "cash"} {
				w.freeze(code, kind, d, row)
			}
		}
	}
	w.begin()
}

func (w *World) freeze(code, kind string, d day, row *asset) {
	b := &batch{
		day: d, custodian: row.custodian, asset: code, kind: kind, decimals: row.units, orders: make([][]*order, w.shards), weight: new(big.Rat),
		given: new(big.Rat), gotten: new(big.Rat), state: "placed", settles: w.settlement(code, d), seen: make(map[string]string),
	}
	for name, p := range w.pots {
		for _, o := range p.orders {
			if o.asset == code && o.kind == kind && o.day == d {
				o.batch, b.weight = b, sum(b.weight, o.weight)
				b.orders[w.shardOf(name)] = append(b.orders[w.shardOf(name)], o)
			}
		}
	}
	if b.weight.Sign() > 0 {
		w.batches = append(w.batches, b)
	}
}

// price takes a vendor's close: released, kept for a person where it moved too far, or refused.
func (w *World) price(line Line) {
	code, d, pounds := line.Get("asset", "GB00X"), w.dateIn(line, "day"), number(line.Get("close", "1"))
	row := w.assets[code].on(d)
	if row == nil || d > w.today() || w.deals(code, d) && w.inTime(row, d) || row.pence != line.Has("pence") || down(pounds, row.prices).Cmp(pounds) != 0 {
		return
	}
	if row.pence {
		pounds = times(pounds, big.NewRat(1, 100))
	}
	if down(pounds, 8).Cmp(pounds) != 0 || w.prices[code][d] != nil {
		return
	}
	if w.prices[code] == nil {
		w.prices[code] = make(map[day]*price)
	}
	w.prices[code][d] = &price{pounds, w.tolerated(code, d, row, pounds)}
	w.priceKnown(code, d)
}

// tolerated says whether the price moved no further from the last released one than it may.
func (w *World) tolerated(code string, d day, row *asset, pounds *big.Rat) bool {
	last := day("")
	for known, p := range w.prices[code] {
		if p.released && known < d && known > last {
			last = known
		}
	}
	if last == "" {
		return true
	}
	before := w.inUnitsOf(code, w.prices[code][last].pounds, last, d, false)
	return new(big.Rat).Abs(minus(pounds, before)).Cmp(times(before, number(row.tolerance))) <= 0
}

// judge is an operator's word on a price that is kept for it.
func (w *World) judge(kind string, line Line) {
	code, d := line.Get("asset", "GB00X"), w.dateIn(line, "day")
	p := w.prices[code][d]
	if p == nil || p.released || p.pounds.Cmp(number(line.Get("price", "1"))) != 0 {
		return
	}
	if kind == "Refusal" {
		delete(w.prices[code], d)
		return
	}
	p.released = true
	w.priceKnown(code, d)
}

// priceKnown lets the batches go on that waited for the price.
func (w *World) priceKnown(code string, d day) {
	for _, b := range w.batches {
		if b.asset == code && b.day == d {
			w.work(b)
		}
	}
}

// batchOf is the batch that a line names, or nil.
func (w *World) batchOf(line Line) *batch {
	custodian, code, d := line.Get("custodian", "CREST"), line.Get("asset", "GB00X"), w.dateIn(line, "day")
	at := slices.IndexFunc(w.batches, func(b *batch) bool {
		return b.asset == code && b.day == d && b.custodian == line.Get("placed-with", custodian) && b.kind == line.Get("sell", "buy")
	})
	if at < 0 {
		return nil
	}
	return w.batches[at]
}

// confirmed takes what a custodian says of a batch.
func (w *World) confirmed(kind string, line Line) {
	custodian, b := line.Get("custodian", "CREST"), w.batchOf(line)
	if b == nil {
		return
	}
	c := &confirmation{kind: kind, id: line.Get("id", ""), line: line, received: w.today()}
	for _, name := range []string{"piece", "cash", "units", "price", "on", "reason", "until"} {
		c.content += "|" + line.Get(name, "")
	}
	c.content += kind
	if line.Has("final") {
		c.content += "final"
	}
	if _, seen := b.seen[c.id]; seen || b.custodian != custodian || b.state == "settled" || b.state == "rejected" {
		return
	}
	b.seen[c.id] = c.content
	b.waiting = append(b.waiting, c)
	w.work(b)
}

// work deals with what waits, in its order. A fill waits for the day's released price, and all behind it with it. A settlement waits for the last
// piece, by itself.
func (w *World) work(b *batch) {
	for n := 0; n < len(b.waiting); {
		c := b.waiting[n]
		p := w.prices[b.asset][b.day]
		if c.kind == "Fill" && (p == nil || !p.released) {
			return
		}
		if c.kind == "Settled" && b.state == "placed" && w.couldSettle(b, c) {
			n++
			continue
		}
		b.waiting = slices.Delete(b.waiting, n, n+1)
		n = 0
		if !w.take(b, c, p) {
			delete(b.seen, c.id) // what was refused may come again
		}
	}
}

// couldSettle says whether the day of a settlement is one on which the batch can have settled.
func (w *World) couldSettle(b *batch, c *confirmation) bool {
	on := w.dateIn(c.line, "on")
	return on >= b.settles && on <= c.received
}

// take does what a confirmation says, if it fits the batch as it stands.
func (w *World) take(b *batch, c *confirmation, p *price) bool {
	switch {
	case b.state == "settled", b.state == "rejected":
		return false
	case c.kind == "Fill":
		return w.fill(b, c.line, p)
	case c.kind == "Settled":
		if b.state != "priced" || !w.couldSettle(b, c) {
			return false
		}
		b.settledOn = w.dateIn(c.line, "on")
		w.settle(b)
		return true
	case c.kind == "SettlementFailed":
		b.failed = b.failed || b.state == "priced"
		return b.state == "priced"
	case b.state == "priced":
		return false // a rejection that comes after the last piece
	}
	return w.refused(b, c)
}

// fill takes a piece if it is the next one, at the released price, no more than is left, and worth what it says.
func (w *World) fill(b *batch, line Line, p *price) bool {
	paid, units := number(line.Get("cash", "0")), number(line.Get("units", "0"))
	dealt := newPiece(paid, units)
	given, _ := dealt.sides(b.kind)
	counted := paid
	ordered := b.given // so far, of what the orders count
	switch b.kind {
	case "units":
		counted = units
	case "cash":
		ordered = b.gotten
	}
	if b.state == "priced" || whole(line, "piece", "1") != len(b.pieces)+1 || number(line.Get("price", "1")).Cmp(p.pounds) != 0 ||
		counted.Cmp(minus(b.weight, ordered)) > 0 || down(units, b.decimals).Cmp(units) != 0 || !b.covered(sum(b.given, given)) || !b.worth(paid, units, p.pounds) {
		return false
	}
	w.dealt(b, dealt)
	if line.Has("final") {
		w.finish(b, "")
	}
	return true
}

// covered says whether every order of a sell by cash has reserved its share of the units.
func (b *batch) covered(units *big.Rat) bool {
	for _, orders := range b.orders {
		for _, o := range orders {
			if b.kind == "cash" && part(units, o.weight, b.weight).Cmp(o.reserved) > 0 {
				return false
			}
		}
	}
	return true
}

// worth says whether the units are worth the cash: to a quantum where cash was ordered, to a penny where units are sold.
func (b *batch) worth(paid, units, price *big.Rat) bool {
	near := func(x, exact *big.Rat, decimals int) bool {
		apart := times(new(big.Rat).Abs(minus(x, down(exact, decimals))), number("1e"+itoa(decimals)))
		return apart.Cmp(big.NewRat(1, 1)) <= 0
	}
	return b.kind != "units" && near(units, new(big.Rat).Quo(paid, price), b.decimals) || b.kind != "buy" && near(paid, times(units, price), 2)
}
