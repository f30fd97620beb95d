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

// income declares a distribution. It is paid to who holds units when no event is before it.
func (w *World) income(line Line) {
	e := &event{kind: "Distribution", asset: line.Get("asset", "GB00X"), on: w.dateIn(line, "on"), cash: number(line.Get("cash", "0")), reinvest: line.Has("reinvest")}
	e.into = e.asset
	if w.declared(e.on) && !w.merged[e.asset] {
		w.events = append(w.events, e)
	}
}

// distribute gives every pot its part of what an asset's units got, by what it holds, and rounding what rounding leaves in each shard.
func (w *World) distribute(e *event) {
	code, on, income := e.asset, e.on, e.cash
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
		got := minus(floorTo(part(income, through, all), 2), floorTo(part(income, before, all), 2))
		given := new(big.Rat)
		for name := range w.pots {
			if w.shardOf(name) == shard {
				gets := down(part(income, w.units(name, code), all), 2)
				given = sum(given, gets)
				w.move(name, cash, owed, "pot:available", gets)
				if e.reinvest {
					w.reinvest(name, e, gets)
				}
			}
		}
		w.Books.Move(shard, "", cash, owed, "scheme:rounding", minus(got, given))
		w.Books.Move(shard, "", cash, "bank:client-money", owed, got)
		before = through
	}
}

// byIncome is the source of orders that buy with income. Nobody sent them, so nobody is told of them.
const byIncome = "!income"

// reinvest lets a pot buy the asset with what it got, on the next day that it is in time for. Where it cannot the income stays in cash.
func (w *World) reinvest(name string, e *event, gets *big.Rat) {
	w.reinvested++
	a := &asked{World: w, pot: w.pots[name], name: name, source: byIncome, id: itoa(w.reinvested)}
	o := a.order(e.asset, "buy", gets, nil)
	if gets.Sign() == 0 || a.place([]*order{o}) != "" {
		return
	}
	w.move(name, cash, "pot:available", "pot:reserved", gets)
	a.pot.orders = append(a.pot.orders, o)
}

// declared says whether a declaration may be dated so.
func (w *World) declared(on day) bool { return on <= w.today() && on >= w.today().plus(-declaredMax) }

// charge takes a flat fee from each pot: from its cash, and only as far as it is worth more than the floor.
func (w *World) charge(line Line) {
	if !w.declared(w.dateIn(line, "dated")) {
		return
	}
	fee, least := number(line.Get("cash", "0")), number(line.Get("floor", "100.00"))
	for name := range w.pots {
		above := minus(w.worth(name), least)
		if above.Cmp(fee) > 0 {
			above = fee
		}
		w.bill(w.pots[name], above)
	}
}

// bill takes a charge from a pot's cash, or what there is of it.
func (w *World) bill(p *pot, charge *big.Rat) *big.Rat {
	taken := charge
	if free := w.Books.balance(key{p.name, "pot:available", cash}); free.Cmp(taken) < 0 {
		taken = new(big.Rat).Set(free)
	}
	if taken.Sign() <= 0 {
		return new(big.Rat)
	}
	w.move(p.name, cash, "pot:available", "scheme:charges", taken)
	p.charges++
	p.note(&journal{name: chargedBy(p.charges), cash: taken, charge: true})
	return taken
}

// accrue adds the annual charge of some days to what each pot owes: the days after the last ones.
func (w *World) accrue(line Line) {
	from, through := w.dateIn(line, "from"), w.dateIn(line, "through")
	if !w.declared(through) || from > through || w.accrued != "" && from != w.accrued.plus(1) {
		return
	}
	w.accrued = through
	days := 1
	for d := from; d < through; d = d.plus(1) {
		days++
	}
	w.accrueDays(number(line.Get("rate", "0")), days)
}

// accrueDays adds the charge of so many days to what each pot owes.
func (w *World) accrueDays(rate *big.Rat, days int) {
	for name, p := range w.pots {
		p.accrued = sum(p.accrued, times(times(w.worth(name), rate), big.NewRat(int64(days), 365)))
	}
}

// collect takes what has accrued, in whole pennies: from cash, and where there is not enough of it by units, if that is asked for.
func (w *World) collect(line Line) {
	if w.declared(w.dateIn(line, "dated")) {
		w.takeAccrued(line.Has("by-units"))
	}
}

func (w *World) takeAccrued(byUnits bool) {
	for _, p := range w.pots {
		if p.accrued.Sign() <= 0 || p.sellsForCharge() {
			continue
		}
		p.accrued = minus(p.accrued, w.bill(p, down(p.accrued, 2)))
		if owed := down(p.accrued, 2); byUnits && owed.Sign() > 0 {
			w.sellForCharge(p, owed)
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
