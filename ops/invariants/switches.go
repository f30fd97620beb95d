package invariants

import (
	"math/big"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// switching is what an order has to do with the other one of its switch.
type switching struct {
	// buys are the orders that a sell went on to, switched all that it gave them, and spent what of it they have not given back.
	buys            []*order
	switched, spent schemas.Quantity
	// switchedAt are the times at which a buy was let go on.
	switchedAt []schemas.Instant
	// freed is by how much the order's own postings made more or less cash available, by effective date.
	freed map[schemas.Date]schemas.Quantity
}

// free follows the cash that the order's postings make available, and that they take.
func (o *order) free(p *ledger.Posting) {
	amount := p.Quantity
	switch {
	case p.Asset != schemas.Cash || p.From != ledger.PotAvailable && p.To != ledger.PotAvailable:
		return
	case p.From == ledger.PotAvailable:
		amount = -amount
	}
	if o.freed == nil {
		o.freed = make(map[schemas.Date]schemas.Quantity)
	}
	o.freed[p.EffectiveOn] += amount
}

// freedBefore is how much the order made available before the day.
func (o *order) freedBefore(day schemas.Date) schemas.Quantity {
	all := schemas.Quantity(0)
	for on, amount := range o.freed {
		if on < day {
			all += amount
		}
	}
	return all
}

// switchTo follows what a sell brought to the buy of its switch, and what goes back where it brings less. What the buy has spent of that by then, the pot's
// other cash pays for.
func (o *order) switchTo(buy *order, j *ledger.Journal, p *ledger.Posting) {
	moved := p.Quantity
	if p.From != ledger.PotPending {
		moved = -moved
	}
	o.spent += moved
	o.inPending -= moved
	if p.From == ledger.PotAvailable {
		return
	}
	o.switched += moved
	buy.shard = j.Shard
	buy.reserved += moved
	buy.inReserved += moved
	if !slices.Contains(o.buys, buy) {
		o.buys = append(o.buys, buy)
	}
	if moved > 0 {
		buy.switchedAt = append(buy.switchedAt, j.RecordedAt)
	}
}

// backTo follows what a buy gives back of the unsettled proceeds of its sell: it is pending there again, not with the buy.
func (o *order) backTo(sell *order, p *ledger.Posting) {
	if p.From != ledger.PotReserved || p.To != ledger.PotPending {
		return
	}
	o.inPending -= p.Quantity
	sell.inPending += p.Quantity
	sell.spent -= p.Quantity
}

// isSwitched says whether the order spends what a sell has brought.
func (o *order) isSwitched() bool { return len(o.switchedAt) > 0 }

// lead leads the buys of a switch back to its instruction.
func (o *order) lead() {
	for _, buy := range o.buys {
		buy.received, buy.asset = o.received, o.into
		if o.run != nil {
			buy.run, buy.made = o.run, o.made
		}
		buy.cash = schemas.Money(quanta(buy.reserved, schemas.MoneyScale))
	}
}

// checkSwitches compares what switches buy for with what they have sold.
func (f *facts) checkSwitches() []*finding {
	c := &finding{number: 23, name: "a switch buys for just what its sell has brought, and none of that is available before the sell has settled"}
	count := 0
	for _, id := range sortedIDs(f.orders) {
		o := f.orders[id]
		if len(o.buys) > 0 && (o.into == "" && o.run == nil || len(o.buys) > 1) {
			c.fail("order %s went on to %d buys, which its instruction does not say", id, len(o.buys))
		}
		if o.into == "" && (o.run == nil || len(o.buys) == 0) {
			continue // the buy of a re-balancing may find no day, and nobody is told
		}
		count++
		for trade := range o.trades {
			f.checkSwitched(c, o, f.trades[trade])
			f.checkFreed(c, o, f.trades[trade])
		}
	}
	return []*finding{c.on(count, "switches")}
}

// checkSwitched checks the buy of a sell that is dealt. A sell whose price was corrected afterwards, or whose settlement was given up, has its difference
// settled with the pot.
func (f *facts) checkSwitched(c *finding, o *order, t *trade) {
	switch {
	case t == nil || t.batched == nil || t.corrections > 0 || t.givenUp:
	case o.switched != 0 && (!t.complete() || o.switched != o.got):
		c.fail("order %s brought %s, its switch buys for %s", o.id, o.got, o.switched)
	case o.switched == 0 && o.settled > 0 && !f.wasRefused(o.received):
		c.fail("order %s brought %s, which is free now, and its switch buys nothing", o.id, o.got)
	}
}

// checkFreed checks that what the sell brought is not available before it has settled, neither from it nor from the buy that gave some of it back, or a rest of that.
// What the buy took of the pot's other cash it may give back at any time.
func (f *facts) checkFreed(c *finding, o *order, t *trade) {
	if t == nil || t.settled == nil || t.settled.SettledOn == nil {
		return
	}
	on := *t.settled.SettledOn
	early := o.freedBefore(on)
	for _, buy := range o.buys {
		for rest := buy; rest != nil; rest = f.orders[schemas.DeriveID("rest", rest.id.String())] {
			early += rest.freedBefore(on)
		}
	}
	if early > 0 {
		c.fail("order %s settled on %s, and %s of what it brought was available before", o.id, on, early)
	}
}

// wasRefused says whether an instruction, or a part of it, was refused after it had been accepted: a switch may find no day to buy on.
func (f *facts) wasRefused(received *Received) bool {
	if received == nil {
		return false
	}
	i := received.Instruction
	for _, s := range f.Statuses {
		if s.Source == i.Source && s.Pot == i.Pot && s.ID == i.ID && (s.State == stateRejected || s.State == stateCancelled) && !s.Duplicate {
			return true
		}
	}
	return false
}

const (
	// basisPoints are the whole, in hundredths of a percent.
	basisPoints = 10_000
	dayMillis   = 24 * 60 * 60 * 1000
)

// checkCover checks what a sell by cash has reserved: at one of the closes that vendors had sent by then, the cash is no more than the part of its value that the
// settings allow, and a quantum less would not do.
func (f *facts) checkCover(c *finding, o *order) {
	scale, part := int32(0), int64(0)
	for _, entry := range f.Reference {
		switch body := entry.Body.(type) {
		case *reference.Asset:
			if body.Code == o.asset {
				scale = body.UnitsScale
			}
		case *reference.Settings:
			part = int64(body.SellCashMaxBps)
		}
	}
	for _, price := range f.closesBetween(o.asset, 0, o.received.ReceivedAt) {
		if part > 0 && quanta(o.reserved, scale) == coverOf(o.cash, price, scale, part) {
			return
		}
	}
	c.fail("order %s of pot %s reserves %s of %s for %s, which no close asks for", o.id, o.pot, o.reserved, o.asset, o.cash)
}

// closesBetween are all closes of the asset, in pounds, of a day or a later one, that vendors can have sent by a time, or operators put in their place.
func (f *facts) closesBetween(asset schemas.AssetCode, from schemas.Date, at schemas.Instant) []int64 {
	among := func(day schemas.Date) bool { return day >= from && schemas.Instant(day)*dayMillis <= at }
	var closes []int64
	for _, p := range f.Prices {
		if !among(p.Date) || p.Asset != asset || p.Close <= 0 {
			continue
		}
		pounds := int64(p.Close)
		if p.Quotation == reference.QuotationPence {
			pounds /= pencePerPound
		}
		if pounds > 0 {
			closes = append(closes, pounds)
		}
	}
	for _, o := range f.Operations {
		if c, ok := o.Body.(*ingest.PriceCorrection); ok && c.Asset == asset && among(c.Date) && c.New > 0 {
			closes = append(closes, int64(c.New))
		}
	}
	return append(closes, f.splitBy(asset, closes)...)
}

// splitBy are closes in the units that others became, by one split or by several.
func (f *facts) splitBy(asset schemas.AssetCode, closes []int64) []int64 {
	var split []int64
	for _, o := range f.Operations {
		s, ok := o.Body.(*ingest.UnitSplit)
		if !ok || s.Asset != asset || s.Numerator <= 0 {
			continue
		}
		for _, pounds := range slices.Concat(closes, split) {
			whole := new(big.Int).Mul(big.NewInt(pounds), big.NewInt(s.Denominator))
			split = append(split, max(1, whole.Quo(whole, big.NewInt(s.Numerator)).Int64()))
		}
	}
	return split
}

// coverOf is the fewest quanta of units of which the part is worth the cash at the price.
func coverOf(cash schemas.Money, pounds int64, scale int32, part int64) int64 {
	worth := new(big.Int).Mul(big.NewInt(int64(cash)), big.NewInt(basisPoints))
	worth.Mul(worth, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(schemas.PriceScale-schemas.MoneyScale)+int64(scale)), nil))
	units, rest := worth.QuoRem(worth, new(big.Int).Mul(big.NewInt(pounds), big.NewInt(part)), new(big.Int))
	if rest.Sign() > 0 {
		units.Add(units, big.NewInt(1))
	}
	return units.Int64()
}
