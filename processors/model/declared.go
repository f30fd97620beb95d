package model

import (
	"math/big"
	"slices"
	"time"
)

// event is what an operator declared on assets and is not done: income, a split or a merger. They are done in the order in which they were declared, as far as they
// are on the same assets.
type event struct {
	kind        string // Distribution, UnitSplit or FundMerger
	asset, into string
	on          day
	cash        *big.Rat
	reinvest    bool     // each pot buys the asset with its income
	ratio       *big.Rat // what becomes of one unit
	found       bool     // an order or a delivery that was not finished, when it was last looked at
	done        bool
}

// announcedMax is how many days ahead a split or a merger may be declared.
const announcedMax = 366

func (e *event) converts() bool { return e.kind != "Distribution" }

// announce takes a split or a merger for a day that no order can be for yet: from that day on there is none, until it is done.
func (w *World) announce(kind string, line Line) {
	code := line.Get("asset", "GB00X")
	e := &event{kind: kind, asset: code, into: line.Get("into", code), on: w.dateIn(line, "on")}
	e.ratio = new(big.Rat).Quo(number(line.Get("new", "1")), number(line.Get("old", "1")))
	if e.on < w.today().plus(-declaredMax) || e.on > w.today().plus(announcedMax) || e.on <= w.lastOrdered(code) || w.merged[code] || w.merged[e.into] {
		return
	}
	if slices.ContainsFunc(w.events, func(other *event) bool { return other.converts() && other.asset == code }) {
		return
	}
	w.events = append(w.events, e)
	w.halted[code] = e.on
	if kind == "FundMerger" {
		w.merged[code] = true
		return
	}
	w.splits = append(w.splits, e)
}

// lastOrdered is the last day for which there may be an order in the asset: that of one that comes within a day, for clocks differ, or one to which orders were
// carried.
func (w *World) lastOrdered(code string) day {
	tomorrow := *w
	tomorrow.now = w.now.Add(24 * time.Hour)
	last, _ := tomorrow.dealingDay(code)
	for _, d := range w.carriedTo[code] {
		if d > w.closed[code] {
			last = max(last, d)
		}
	}
	return last
}

// isHalted says whether the asset is split or merged from the day on, or before.
func (w *World) isHalted(code string, d day) bool { return w.halted[code] != "" && d >= w.halted[code] }

// advance does the events that can be done. One with unfinished orders or deliveries is looked at again when a day has closed, or a batch or
// a delivery has come to its end.
func (w *World) advance() {
	if w.ended {
		for _, e := range w.events {
			e.found = false
		}
		w.ended = false
	}
	taken := make(map[string]bool)
	for _, e := range w.events {
		free := !taken[e.asset] && !taken[e.into]
		taken[e.asset], taken[e.into] = true, true
		if !free || e.found || e.converts() && w.ticked < e.on {
			continue
		}
		if e.found = e.converts() && w.unfinished(e.asset); e.found {
			continue
		}
		if e.converts() {
			w.convert(e)
		} else {
			w.distribute(e)
		}
		e.done = true
		w.events = slices.DeleteFunc(w.events, func(other *event) bool { return other.done })
		w.advance()
		return
	}
}

// unfinished says whether an order in the asset, or a delivery of its units, has not come to its end.
func (w *World) unfinished(code string) bool {
	for name, p := range w.pots {
		waits := func(account string) bool { return w.Books.balance(key{name, account, code}).Sign() != 0 }
		if waits("pot:pending") || waits("pot:reserved") || slices.ContainsFunc(p.orders, func(o *order) bool { return o.asset == code }) {
			return true
		}
	}
	return false
}

// convert exchanges all units that there are. Each pot gets what its own become, rounded down, and so does what the scheme keeps for compensation; rounding gets
// what is left of what all that a shard has becomes.
func (w *World) convert(e *event) {
	row, into := w.assets[e.asset].on(e.on), w.assets[e.into].on(e.on)
	becomes := func(units *big.Rat) *big.Rat { return floorTo(times(units, e.ratio), into.units) }
	owed, intoOwed := "custodian/"+row.custodian+":units-owed", "custodian/"+into.custodian+":units-owed"
	exchange := func(shard int, pot, account string, before, after *big.Rat) {
		w.Books.Move(shard, pot, e.asset, account, owed, before)
		w.Books.Move(shard, pot, e.into, intoOwed, account, after)
	}
	before := new(big.Rat)
	for shard := range w.shards {
		rounding := copied(w.Books.balance(keyOf(shard, "", e.asset, "scheme:rounding")))
		compensation := copied(w.Books.balance(keyOf(shard, "", e.asset, "scheme:compensation")))
		held, given := sum(rounding, compensation), becomes(compensation)
		for name := range w.pots {
			if w.shardOf(name) == shard {
				has := copied(w.units(name, e.asset))
				held, given = sum(held, has), sum(given, becomes(has))
				exchange(shard, name, "pot:settled", has, becomes(has))
			}
		}
		through := sum(before, held)
		got := minus(becomes(through), becomes(before))
		exchange(shard, "", "scheme:compensation", compensation, becomes(compensation))
		exchange(shard, "", "scheme:rounding", rounding, minus(got, given))
		w.Books.Move(shard, "", e.asset, owed, "custodian/"+row.custodian+":units-settled", held)
		w.Books.Move(shard, "", e.into, "custodian/"+into.custodian+":units-settled", intoOwed, got)
		before = through
	}
	for _, code := range []string{e.asset, e.into} {
		w.converted[code] = max(w.converted[code], e.on)
	}
	w.exchanged[e.asset] = e.on
	if e.kind == "UnitSplit" {
		delete(w.halted, e.asset)
	}
}

func copied(x *big.Rat) *big.Rat { return new(big.Rat).Set(x) }

// isConverted says whether what was dealt on the day is in units that there are no more of, or may soon be.
func (w *World) isConverted(code string, d day) bool {
	return w.converted[code] >= d || slices.ContainsFunc(w.events, func(e *event) bool { return e.asset == code || e.into == code })
}

// inUnitsOf is a close of a day in the units of a later one.
func (w *World) inUnitsOf(code string, pounds *big.Rat, from, to day, done bool) *big.Rat {
	for _, e := range w.splits {
		if e.asset != code || e.on <= from || e.on > to || done && !e.done {
			continue
		}
		pounds = down(new(big.Rat).Quo(pounds, e.ratio), 8)
		if pounds.Sign() == 0 {
			pounds = big.NewRat(1, 100_000_000)
		}
	}
	return pounds
}

// floorTo rounds down to so many decimals, what is below zero too.
func floorTo(x *big.Rat, decimals int) *big.Rat {
	if x.Sign() < 0 {
		return new(big.Rat).Neg(up(new(big.Rat).Neg(x), decimals))
	}
	return down(x, decimals)
}
