package invariants

import (
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// What the scheme makes good itself where a correction or a reversal takes what a pot has no more of: for good, or from an effective date to a later one.
const (
	stageCompensated = "compensated"
	stageLent        = "lent"
	stageRepaid      = "repaid"
)

// effect is what moved in an account on an effective date.
type effect struct {
	account schemas.Account
	asset   schemas.AssetCode
	on      schemas.Date
}

// effects are what one order or one shard did of a trade.
type effects map[effect]schemas.Quantity

func (e effects) move(from, to schemas.Account, asset schemas.AssetCode, on schemas.Date, amount schemas.Quantity) {
	e.add(effect{from, asset, on}, -amount)
	e.add(effect{to, asset, on}, amount)
}

func (e effects) add(at effect, amount schemas.Quantity) {
	if e[at] += amount; e[at] == 0 {
		delete(e, at)
	}
}

// differs returns a place in which the effects are not those that they must be.
func (e effects) differs(want effects) (at effect, is, must schemas.Quantity, ok bool) {
	for at, must := range want {
		if e[at] != must {
			return at, e[at], must, true
		}
	}
	for at, is := range e {
		if is != want[at] {
			return at, is, want[at], true
		}
	}
	return effect{}, 0, 0, false
}

type orderInTrade struct{ order, trade schemas.ID }

type shardOfTrade struct {
	trade schemas.ID
	shard int32
}

// corrected is what the postings of corrected trades come to on the effective axis.
type corrected struct {
	orders map[orderInTrade]effects
	shards map[shardOfTrade]effects // of the accounts that are owed
}

// checkCorrected compares each trade whose price was corrected with the one that would be had the right price come first: its pieces, what each order has of them
// on which effective date, and what each shard owes. Orders of switches are left out, for what a buy has spent is not taken back from it; and what the scheme made
// good stands beside all this, in postings of no order.
func (f *facts) checkCorrected() []*finding {
	c := &finding{number: 25, name: "a trade whose price was corrected is, by effective dates, what it would be had the right price come first"}
	all := f.followCorrected()
	trades, orders, switched := 0, 0, 0
	for _, id := range sortedIDs(f.trades) {
		t := f.trades[id]
		if t.corrections == 0 || t.batched == nil {
			continue
		}
		trades++
		f.checkRightPieces(c, t)
		if t.givenUp {
			continue
		}
		for _, o := range t.members {
			if o.into != "" || o.isSwitched() || len(o.buys) > 0 {
				switched++
				continue
			}
			orders++
			if at, is, must, ok := all.orders[orderInTrade{o.id, id}].differs(t.effectsOf(o)); ok {
				c.fail("order %s of trade %s moved %s of %s in %s on %s, at the right price it is %s", o.id, id, is, at.asset, at.account, at.on, must)
			}
		}
		for i := range t.batched.Shards {
			shard := t.batched.Shards[i].Shard
			if at, is, must, ok := all.shards[shardOfTrade{id, shard}].differs(t.owedIn(shard)); ok {
				c.fail("trade %s moved %s of %s in %s of shard %d on %s, at the right price it is %s", id, is, at.asset, at.account, shard, at.on, must)
			}
		}
	}
	goodwill := f.checkGoodwill(c)
	return []*finding{c.on(trades, "corrected trades").on(orders, "orders").on(switched, "orders of switches left out").on(goodwill, "postings of what was made good")}
}

// followCorrected adds up the postings of corrected trades by their effective dates. What the scheme made good names no order, and is none of it.
func (f *facts) followCorrected() *corrected {
	all := &corrected{make(map[orderInTrade]effects), make(map[shardOfTrade]effects)}
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Trade == nil || f.trades[*p.Trade] == nil || f.trades[*p.Trade].corrections == 0 {
				continue
			}
			all.follow(f.trades[*p.Trade], j, p)
		}
	}
	return all
}

func (all *corrected) follow(t *trade, j *ledger.Journal, p *ledger.Posting) {
	if p.Order != nil {
		key := orderInTrade{*p.Order, t.id}
		if all.orders[key] == nil {
			all.orders[key] = make(effects)
		}
		all.orders[key].move(p.From, p.To, p.Asset, p.EffectiveOn, p.Quantity)
	}
	key := shardOfTrade{t.id, j.Shard}
	if all.shards[key] == nil {
		all.shards[key] = make(effects)
	}
	for _, account := range []schemas.Account{ledger.CashOwed(t.batched.Custodian), ledger.UnitsOwed(t.batched.Custodian)} {
		if p.From == account {
			all.shards[key].add(effect{account, p.Asset, p.EffectiveOn}, -p.Quantity)
		}
		if p.To == account {
			all.shards[key].add(effect{account, p.Asset, p.EffectiveOn}, p.Quantity)
		}
	}
}

// effectsOf is what an order does in a trade that is dealt at one price: it gives and gets its share and has back what is left on the dealing day, and has
// what it got once that settles: or the scheme has it, where units are sold for a charge.
func (t *trade) effectsOf(o *order) effects {
	all := make(effects)
	got, given := t.share(o)
	gives, gets, giveOwed, getOwed := t.sides()
	free, settled := ledger.PotAvailable, ledger.PotSettled
	if t.sells() {
		free, settled = settled, free
	}
	if o.pays() {
		settled = ledger.SchemeCharges
	}
	all.move(ledger.PotReserved, giveOwed, gives, t.batched.Day, ofQuanta(given, t.givenScale()))
	all.move(getOwed, ledger.PotPending, gets, t.batched.Day, ofQuanta(got, t.gotScale()))
	if t.complete() {
		all.move(ledger.PotReserved, free, gives, t.batched.Day, o.reserved-o.carried-ofQuanta(given, t.givenScale()))
	}
	if t.settled != nil && t.settled.SettledOn != nil {
		all.move(ledger.PotPending, settled, gets, *t.settled.SettledOn, ofQuanta(got, t.gotScale()))
	}
	return all
}

// owedIn is what the trade does in the owed accounts of a shard: the shard's part on the dealing day, and its opposite when it settles.
func (t *trade) owedIn(shard int32) effects {
	all := make(effects)
	got, given := t.part(shard)
	gives, gets, giveOwed, getOwed := t.sides()
	all.add(effect{giveOwed, gives, t.batched.Day}, ofQuanta(given, t.givenScale()))
	all.add(effect{getOwed, gets, t.batched.Day}, -ofQuanta(got, t.gotScale()))
	if t.settled != nil && t.settled.SettledOn != nil {
		all.add(effect{giveOwed, gives, *t.settled.SettledOn}, -ofQuanta(given, t.givenScale()))
		all.add(effect{getOwed, gets, *t.settled.SettledOn}, ofQuanta(got, t.gotScale()))
	}
	return all
}

// sides are what the trade gives and gets, and the accounts that owe it.
func (t *trade) sides() (gives, gets schemas.AssetCode, giveOwed, getOwed schemas.Account) {
	gives, gets = schemas.Cash, t.batched.Asset
	giveOwed, getOwed = ledger.CashOwed(t.batched.Custodian), ledger.UnitsOwed(t.batched.Custodian)
	if t.sells() {
		return gets, gives, getOwed, giveOwed
	}
	return gives, gets, giveOwed, getOwed
}

// checkRightPieces checks that a trade was worked out again only where an operator corrected the close of its day, and to what its pieces come at that price.
func (f *facts) checkRightPieces(c *finding, t *trade) {
	version := int32(0)
	for _, event := range t.events {
		if event.Event != eventCorrected {
			continue
		}
		if !f.correctedTo(event) {
			c.fail("trade %s: piece %d is told anew at a price to which nobody corrected %s on %s", t.id, event.Piece, event.Asset, event.Day)
			continue
		}
		if event.PriceVersion < version {
			c.fail("trade %s: piece %d goes back to version %d of the price", t.id, event.Piece, event.PriceVersion)
		}
		version = event.PriceVersion
		cash, units, ok := t.atPrice(*event.Price, int(event.Piece))
		if !ok || cash.Cmp(big.NewInt(quanta(event.Cash, schemas.MoneyScale))) != 0 || units.Cmp(big.NewInt(quanta(event.Units, event.UnitsScale))) != 0 {
			c.fail("trade %s: piece %d is %s for %s units, which it is not at %s", t.id, event.Piece, event.Cash, event.Units, *event.Price)
		}
	}
	for _, fill := range t.fills {
		last := t.fills[len(t.fills)-1]
		if fill.Price == nil || last.Price == nil || *fill.Price != *last.Price || fill.PriceVersion != last.PriceVersion {
			c.fail("trade %s: its pieces %d and %d are at different prices", t.id, fill.Piece, last.Piece)
		}
	}
}

// correctedTo says whether an operator corrected the close of the piece's day to its price.
func (f *facts) correctedTo(fill *ledger.Trade) bool {
	for _, o := range f.Operations {
		c, ok := o.Body.(*ingest.PriceCorrection)
		if ok && c.Asset == fill.Asset && c.Date == fill.Day && fill.Price != nil && c.New == *fill.Price && c.New > 0 {
			return true
		}
	}
	return false
}

// atPrice works out what the n-th piece comes to at a price, in quanta. What was ordered stays as it was dealt. Of a buy the units are rounded down, of a sell
// of units the cash; a sell for cash takes units rounded up, all its pieces together, as far as there are any for it, and then brings what those are worth.
func (t *trade) atPrice(price schemas.Price, n int) (cash, units *big.Int, ok bool) {
	if n < 1 || n > len(t.dealt) {
		return nil, nil, false
	}
	allCash, allUnits := new(big.Int), new(big.Int)
	for _, piece := range t.dealt[:n] {
		cash, units = big.NewInt(quanta(piece.Cash, schemas.MoneyScale)), big.NewInt(quanta(piece.Units, piece.UnitsScale))
		switch {
		case cash.Sign() == 0:
			units = new(big.Int) // it ends the trade, and moves nothing
		case !t.sells():
			units = t.worthUnits(cash, price, false)
		case t.batched.Basis == ledger.TradeBasisUnits:
			cash = t.worthCash(units, price)
		default:
			cash, units = t.takeFor(cash, price, allCash, allUnits)
		}
		allCash.Add(allCash, cash)
		allUnits.Add(allUnits, units)
	}
	return cash, units, true
}

// takeFor is what a sell for so much more cash takes and brings, after pieces of so much cash and so many units.
func (t *trade) takeFor(cash *big.Int, price schemas.Price, allCash, allUnits *big.Int) (brings, takes *big.Int) {
	through := t.worthUnits(new(big.Int).Add(allCash, cash), price, true)
	if t.order == nil || t.order.Units == nil {
		return cash, through.Sub(through, allUnits)
	}
	most := big.NewInt(quanta(*t.order.Units, t.batched.UnitsScale))
	if through.Cmp(most) <= 0 {
		return cash, through.Sub(through, allUnits)
	}
	takes = most.Sub(most, allUnits)
	if brings = t.worthCash(takes, price); brings.Cmp(cash) > 0 {
		brings = cash
	}
	return brings, takes
}

// quantaPerUnit are the quanta of a unit times those of a price, by those of cash.
func (t *trade) quantaPerUnit() *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(schemas.PriceScale-schemas.MoneyScale)+int64(t.batched.UnitsScale)), nil)
}

func (t *trade) worthUnits(cash *big.Int, price schemas.Price, up bool) *big.Int {
	units, rest := new(big.Int).Mul(cash, t.quantaPerUnit()), new(big.Int)
	units.QuoRem(units, big.NewInt(int64(price)), rest)
	if up && rest.Sign() > 0 {
		units.Add(units, big.NewInt(1))
	}
	return units
}

func (t *trade) worthCash(units *big.Int, price schemas.Price) *big.Int {
	cash := new(big.Int).Mul(units, big.NewInt(int64(price)))
	return cash.Quo(cash, t.quantaPerUnit())
}

// checkGoodwill checks what the scheme makes good: only for trades whose price was corrected or that were given up, and for reversals, in the journal that takes
// something; and what it lends it has back in the same journal. It returns how many postings there are.
func (f *facts) checkGoodwill(c *finding) int {
	count := 0
	for _, j := range f.Journals {
		lent, takes := make(map[schemas.AssetCode]schemas.Quantity), false
		for i := range j.Postings {
			p := &j.Postings[i]
			takes = takes || p.Stage == stageReversed || p.Stage == stageSwitched
			switch p.Stage {
			case stageLent:
				lent[p.Asset] += p.Quantity
			case stageRepaid:
				lent[p.Asset] -= p.Quantity
			case stageCompensated:
			default:
				continue
			}
			count++
			if t := f.tradeOf(p); p.Trade != nil && (t == nil || t.corrections == 0 && !t.givenUp) {
				c.fail("journal %s, leg %d: %s is %s for trade %s, which was neither corrected nor given up", j.ID, p.Leg, p.Quantity, p.Stage, *p.Trade)
			}
		}
		for asset, left := range lent {
			if left != 0 || !takes {
				c.fail("journal %s leaves %s of %s lent, or takes nothing for which the scheme would lend", j.ID, left, asset)
			}
		}
	}
	return count
}

func (f *facts) tradeOf(p *ledger.Posting) *trade {
	if p.Trade == nil {
		return nil
	}
	return f.trades[*p.Trade]
}

// dealtCash is the cash that an order got of a trade's pieces as they were dealt, before any correction, in pennies.
func (o *order) dealtCash(t *trade) int64 {
	was := *t
	was.cash, was.units = 0, 0
	for _, piece := range t.dealt {
		was.cash += quanta(piece.Cash, schemas.MoneyScale)
		was.units += quanta(piece.Units, piece.UnitsScale)
	}
	got, _ := was.share(o)
	return got
}
