package model

import "math/big"

// piece is what a custodian dealt of a batch at once.
type piece struct {
	cash, units *big.Rat
	confirmed   *big.Rat // the cash as it was told: a sell for cash may come to less of it at another price
}

func newPiece(cash, units *big.Rat) *piece { return &piece{cash, units, cash} }

// sides are what a piece gives and what it gets.
func (p *piece) sides(kind string) (given, gotten *big.Rat) {
	if kind == "buy" {
		return p.cash, p.units
	}
	return p.units, p.cash
}

// correct puts a right price in the place of a wrong one, and works out anew what was dealt at it.
func (w *World) correct(line Line) {
	code, d, right := line.Get("asset", "GB00X"), w.dateIn(line, "day"), number(line.Get("new", "1"))
	p := w.prices[code][d]
	if p == nil || !p.released || w.isConverted(code, d) || p.pounds.Cmp(number(line.Get("old", "1"))) != 0 || p.pounds.Cmp(right) == 0 || !w.assets[code].on(d).quotes(right) {
		return
	}
	p.pounds = right
	for _, kind := range []string{"buy", "units", "cash"} {
		for _, b := range w.batches {
			if b.asset == code && b.day == d && b.kind == kind && len(b.pieces) > 0 {
				w.reprice(b, right)
			}
		}
	}
}

// quotes says whether a price in pounds has no more decimals than the asset's prices.
func (a *asset) quotes(pounds *big.Rat) bool {
	decimals := a.prices
	if a.pence {
		decimals += 2
	}
	return down(pounds, decimals).Cmp(pounds) == 0
}

// reprice works out a batch anew. At a price at which a piece comes to nothing it stays as it was: a person sees to it.
func (w *World) reprice(b *batch, right *big.Rat) {
	pieces := b.at(right)
	given, gotten := new(big.Rat), new(big.Rat)
	for i, p := range pieces {
		gives, gets := p.sides(b.kind)
		given, gotten = sum(given, gives), sum(gotten, gets)
		if b.pieces[i].confirmed.Sign() > 0 && (gives.Sign() == 0 || gets.Sign() == 0) {
			return
		}
	}
	b.pieces = pieces
	w.rebook(b, given, gotten)
}

// at is what the pieces would have been at another price: what was ordered stays, and what it is exchanged for follows from the price. A sell for
// cash takes no more units than are reserved for it; where they do not suffice it brings what they are worth.
func (b *batch) at(price *big.Rat) []*piece {
	var pieces []*piece
	asked, taken, most := new(big.Rat), new(big.Rat), b.most()
	for _, p := range b.pieces {
		next := &piece{p.cash, p.units, p.confirmed}
		switch b.kind {
		case "buy":
			next.units = down(new(big.Rat).Quo(p.cash, price), b.decimals)
		case "units":
			next.cash = down(times(p.units, price), 2)
		default:
			asked, next.cash = sum(asked, p.confirmed), p.confirmed
			needed := up(new(big.Rat).Quo(asked, price), b.decimals)
			if needed.Cmp(most) > 0 {
				needed = most
				next.cash = down(times(minus(most, taken), price), 2)
			}
			next.units = minus(needed, taken)
			taken = needed
		}
		pieces = append(pieces, next)
	}
	return pieces
}

// most is how many units a sell for cash may take, so that no order's part is more than it has reserved.
func (b *batch) most() *big.Rat {
	var most *big.Rat
	for _, orders := range b.orders {
		for _, o := range orders {
			if limit := down(part(o.reserved, b.weight, o.weight), b.decimals); most == nil || limit.Cmp(most) < 0 {
				most = limit
			}
		}
	}
	return most
}

// rebook moves what every order and every shard would have had of the batch, had it been dealt like this.
func (w *World) rebook(b *batch, given, gotten *big.Rat) {
	brought := make(map[*order]*big.Rat)
	for _, o := range b.all() {
		brought[o] = o.gotten
	}
	w.allot(b, given, gotten, w.retrade, func(moved *stretch, gave, got *big.Rat) {
		orders := b.orders[moved.shard]
		for _, o := range orders {
			w.follow(o, brought[o])
		}
		for _, o := range orders {
			w.makeGood(o.pot.name, b.asset)
			w.makeGood(o.pot.name, cash)
		}
		w.round(moved, gave, got)
		if b.state == "settled" {
			w.deliver(moved)
		}
	})
}

// retrade moves what an order gives and gets more than before. What a sell for cash has not used of its reservation is free once all is dealt.
func (w *World) retrade(o *order, b *batch, gives, gets *big.Rat) {
	from, to := "pot:reserved", "pot:pending"
	if o.priced {
		from = o.free()
	}
	if b.state == "settled" {
		to = o.proceeds()
		o.repay(gets)
	}
	o.given, o.gotten = sum(o.given, gives), sum(o.gotten, gets)
	w.move(o.pot.name, o.gives(), from, b.owed(o.gives()), gives)
	w.move(o.pot.name, o.gets(), b.owed(o.gets()), to, gets)
}

// makeGood lets the scheme pay what a pot has no more of. It keeps what a closed pot would get.
func (w *World) makeGood(pot, asset string) {
	if has := w.Books.balance(key{pot, freeOf(asset), asset}); has.Sign() < 0 || has.Sign() > 0 && w.pots[pot].closed {
		w.move(pot, asset, "scheme:compensation", freeOf(asset), new(big.Rat).Neg(has))
	}
}
