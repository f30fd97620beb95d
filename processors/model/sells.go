package model

import "math/big"

// gives is what an order gives, gets what it gets.
func (o *order) gives() string {
	if o.kind == "buy" {
		return cash
	}
	return o.asset
}

func (o *order) gets() string {
	if o.kind == "buy" {
		return o.asset
	}
	return cash
}

// free is the account that an order reserves from, and what it gets ends in that of the other thing.
func (o *order) free() string { return freeOf(o.gives()) }

func freeOf(asset string) string {
	if asset == cash {
		return "pot:available"
	}
	return "pot:settled"
}

// giveBack frees what is left of an order's reservation. Cash that its sell brought is pending again where that has not settled.
func (w *World) giveBack(o *order) {
	left := minus(minus(o.reserved, o.given), o.carried)
	if sell := o.fedBy; sell != nil {
		back := left
		if sell.spent.Cmp(left) < 0 {
			back = sell.spent
		}
		sell.spent = minus(sell.spent, back)
		if !sell.settled() {
			w.move(o.pot.name, cash, "pot:reserved", "pot:pending", back)
			left = minus(left, back)
		}
	}
	w.move(o.pot.name, o.gives(), "pot:reserved", o.free(), left)
}

// sell reserves units: so many, all that are free, or for so much cash as many as the last known price asks for and some more.
func (a *asked) sell() {
	code := a.line.Get("asset", "GB00X")
	o := a.order(code, "units", new(big.Rat), nil)
	if why := a.place([]*order{o}); why != "" {
		a.refuse(why)
		return
	}
	if a.units(a.name, code).Sign() == 0 {
		a.refuse("pot/no-units")
		return
	}
	if why := a.weigh(o, a.Books.balance(key{a.name, "pot:settled", code})); why != "" {
		a.refuse(why)
		return
	}
	a.reserve([]*order{o})
}

// weigh sets what the order sells and reserves, or says why that cannot be.
func (a *asked) weigh(o *order, free *big.Rat) string {
	decimals := a.assets[o.asset][0].units
	switch {
	case a.line.Has("cash"):
		last := a.lastPrice(o.asset)
		if last == nil {
			return "pot/no-price-known"
		}
		o.kind, o.weight = "cash", number(a.line.Get("cash", "0"))
		o.reserved = up(new(big.Rat).Quo(o.weight, times(last, big.NewRat(int64(a.sellPart), 10_000))), decimals)
		if o.reserved.Cmp(free) > 0 {
			return "pot/no-head-room"
		}
		return ""
	case a.line.Has("all"):
		o.weight = new(big.Rat).Set(free)
	default:
		o.weight = number(a.line.Get("units", "0"))
		if down(o.weight, decimals).Cmp(o.weight) != 0 {
			return "pot/units-scale"
		}
	}
	o.reserved = o.weight
	if free.Sign() == 0 || o.weight.Cmp(free) > 0 {
		return "pot/units-not-free"
	}
	return ""
}

// lastPrice is the latest close that may be used, or nil, in the units that there are. Of the day of a split that is not done, and of later ones, closes are in others.
func (w *World) lastPrice(code string) *big.Rat {
	last := day("")
	for d, p := range w.prices[code] {
		if p.released && d > last && !w.isHalted(code, d) {
			last = d
		}
	}
	if last == "" {
		return nil
	}
	return w.inUnitsOf(code, w.prices[code][last].pounds, last, w.ticked, true)
}
