package model

import "math/big"

// giveUp ends a batch that was dealt and will not settle. All that its pieces moved is negated; then its orders end, or go on to another day, as those of a
// batch that is rejected. What its last piece gave back, or let go on, stays as it is.
func (w *World) giveUp(line Line) {
	b := w.batchOf(line)
	if b == nil || b.state != "priced" || !b.failed {
		return
	}
	to := day("")
	if w.assets[b.asset].on(b.day).requeue {
		to = w.nextOpen(b, "")
	}
	if to != "" {
		w.carriedTo[b.asset] = append(w.carriedTo[b.asset], to)
	}
	lacks := make(map[*order]*big.Rat)
	w.allot(b, new(big.Rat), new(big.Rat), func(o *order, b *batch, gives, gets *big.Rat) {
		w.unspend(o)
		lacks[o] = new(big.Rat)
		weight, given := o.given, o.given
		if o.kind == "cash" {
			weight, lacks[o] = o.gotten, minus(up(part(o.gotten, o.reserved, o.weight), b.decimals), given)
		}
		w.trade(o, b, gives, gets)
		o.weight, o.reserved, o.carried = weight, given, new(big.Rat)
	}, w.round)
	var goOn, stay []*order
	w.each(b, func(o *order) {
		o.priced, o.rest = false, nil
		if to == "" || o.weight.Sign() == 0 || !w.reserveMore(o, lacks[o]) {
			stay = append(stay, o)
			return
		}
		o.day, o.batch = to, nil
		goOn = append(goOn, o)
	})
	b.state, b.pieces, w.ended = "rejected", nil, true
	w.end(stay)
	w.progress(stay, "rejected", "pot/trade-rejected")
	w.progress(goOn, "carried", "")
}

// unspend sees to the buy of a switch that spends what its sell, of which nothing comes now, has brought. While it is not frozen it waits for the sell again. Else it
// stays, and what it spends is the pot's other cash; what is missing of that the scheme pays.
func (w *World) unspend(o *order) {
	if o.spent.Sign() == 0 {
		return
	}
	buy, spent, name := o.feeds, o.spent, o.pot.name
	o.spent = new(big.Rat)
	if buy.batch == nil && !buy.ended && buy.weight.Cmp(spent) == 0 {
		w.move(name, cash, "pot:reserved", "pot:pending", spent)
		buy.waits, buy.day, buy.weight, buy.reserved = true, "", new(big.Rat), new(big.Rat)
		return
	}
	if missing := minus(spent, w.Books.balance(key{name, "pot:available", cash})); missing.Sign() > 0 {
		w.move(name, cash, "scheme:compensation", "pot:available", missing)
	}
	w.move(name, cash, "pot:available", "pot:pending", spent)
}

// reserveMore reserves what a sell for cash needs beyond what it had given: the price may have asked for less than what it had reserved for it. It says whether the
// pot has that.
func (w *World) reserveMore(o *order, more *big.Rat) bool {
	if o.kind != "cash" || more.Sign() <= 0 {
		return true
	}
	if w.Books.balance(key{o.pot.name, "pot:settled", o.asset}).Cmp(more) < 0 {
		return false
	}
	w.move(o.pot.name, o.asset, "pot:settled", "pot:reserved", more)
	o.reserved = sum(o.reserved, more)
	return true
}
