package model

import "math/big"

// declaredMax is how many days back a declaration may be dated.
const declaredMax = 31

// units is all that a pot has of an asset.
func (w *World) units(pot, code string) *big.Rat {
	all := new(big.Rat)
	for _, account := range []string{"pot:settled", "pot:pending", "pot:reserved"} {
		all = sum(all, w.Books.balance(key{pot, account, code}))
	}
	return all
}

// distribute gives every pot its part of what an asset's units got, by what it holds, and rounding what rounding leaves in each shard.
func (w *World) distribute(line Line) {
	code, on, income := line.Get("asset", "GB00X"), w.dateIn(line, "on"), number(line.Get("cash", "0"))
	if on > w.today() || on < w.today().plus(-declaredMax) {
		return
	}
	held := make([]*big.Rat, w.shards) // by shard, with what the scheme has
	all := new(big.Rat)
	for shard := range w.shards {
		held[shard] = sum(w.Books.balance(keyOf(shard, "", code, "scheme:rounding")), w.Books.balance(keyOf(shard, "", code, "scheme:compensation")))
		for name := range w.pots {
			if w.shardOf(name) == shard {
				held[shard] = sum(held[shard], w.units(name, code))
			}
		}
		all = sum(all, held[shard])
	}
	if all.Sign() <= 0 {
		return
	}
	owed := "custodian/" + w.assets[code].on(on).custodian + ":cash-owed"
	before := new(big.Rat)
	for shard := range w.shards {
		through := sum(before, held[shard])
		got := minus(floor(part(income, through, all)), floor(part(income, before, all)))
		given := new(big.Rat)
		for name := range w.pots {
			if w.shardOf(name) == shard {
				gets := floor(part(income, w.units(name, code), all))
				given = sum(given, gets)
				w.move(name, cash, owed, "pot:available", gets)
			}
		}
		w.Books.Move(shard, "", cash, owed, "scheme:rounding", minus(got, given))
		w.Books.Move(shard, "", cash, "bank:client-money", owed, got)
		before = through
	}
}

// floor rounds down to pennies, what is below zero too.
func floor(x *big.Rat) *big.Rat {
	if x.Sign() < 0 {
		return new(big.Rat).Neg(up(new(big.Rat).Neg(x), 2))
	}
	return down(x, 2)
}

// charge takes a flat fee from each pot: from its cash, and only as far as it is worth more than the floor.
func (w *World) charge(line Line) {
	if dated := w.dateIn(line, "dated"); dated > w.today() || dated < w.today().plus(-declaredMax) {
		return
	}
	fee, least := number(line.Get("cash", "0")), number(line.Get("floor", "100.00"))
	for name := range w.pots {
		free := w.Books.balance(key{name, "pot:available", cash})
		above := minus(w.worth(name), least)
		taken := fee
		for _, bound := range []*big.Rat{above, free} {
			if bound.Cmp(taken) < 0 {
				taken = bound
			}
		}
		if taken.Sign() > 0 {
			w.move(name, cash, "pot:available", "scheme:charges", new(big.Rat).Set(taken))
		}
	}
}

// worth is a pot's cash but for what is about to be paid out, and each of its holdings at the last price, rounded down.
func (w *World) worth(name string) *big.Rat {
	all := new(big.Rat)
	for _, account := range []string{"pot:available", "pot:reserved", "pot:pending"} {
		all = sum(all, w.Books.balance(key{name, account, cash}))
	}
	for code := range w.assets {
		if last := w.lastPrice(code); last != nil {
			all = sum(all, down(times(w.units(name, code), last), 2))
		}
	}
	return all
}
