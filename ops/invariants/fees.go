package invariants

import (
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// stageCharged takes a charge from a pot's cash.
const stageCharged = "charged"

// operated names a record of what operators do by its place on its topic. Journals that come of it name that.
type operated struct {
	partition int32
	offset    int64
}

// charging is a shard while its journals are followed, up to one that takes a charge.
type charging struct {
	*facts
	// has is what each pot has in its accounts.
	has map[schemas.PotID]map[place]schemas.Quantity
	// pricedOn is, by asset, the last day of which the shard was told a piece: it had been told the close of that day before.
	pricedOn map[schemas.AssetCode]schemas.Date
	paid     map[operated]map[schemas.PotID]bool
	closes   map[closesKey]bounds
	// due is, by fee, what each pot of the shard owed at least when it was taken, last the last journal of each pot.
	due  map[operated]*levy
	last map[schemas.PotID]int64
}

// checkFees compares each flat fee with what its pot was worth just before. Which close a shard knew last, the records do not say: a fee is too high by the highest
// that it can have been, and too low, or not taken at all, by the lowest.
func (f *facts) checkFees() []*finding {
	c := &finding{number: 28, name: "a flat fee takes once what was declared, of each pot worth more than its floor, and leaves it worth that at least"}
	fees, others := make(map[operated]*ingest.FlatFee), make(map[operated]bool)
	for i := range f.Operations {
		o := &f.Operations[i]
		switch body := o.Body.(type) {
		case *ingest.FlatFee:
			fees[operated{o.Partition, o.Offset}] = body
		case *ingest.ChargeCollection:
			others[operated{o.Partition, o.Offset}] = true
		}
	}
	taken, owing := 0, 0
	for shard := range f.Shards {
		s := newCharging(f)
		for _, j := range f.shards[shard] {
			if amount := chargedBy(j); amount > 0 && j.Pot != nil {
				at := operated{j.Partition, j.Offset}
				switch fee := fees[at]; {
				case j.Topic == streams.IngestReference:
					// The calendar had it taken, which is judged by itself.
				case j.Topic != streams.IngestOperator || fee == nil && !others[at]:
					c.fail("journal %s takes a charge of %s that nobody declared", j.ID, amount)
				case fee != nil:
					taken++
					s.check(c, j, at, fee, amount)
				}
			}
			s.book(j)
		}
		owing += s.checkSpared(c)
	}
	return []*finding{c.on(taken, "fees").on(len(fees), "declarations").on(owing, "pots that owed one")}
}

func newCharging(f *facts) *charging {
	return &charging{
		facts: f, has: make(map[schemas.PotID]map[place]schemas.Quantity), pricedOn: make(map[schemas.AssetCode]schemas.Date),
		paid: make(map[operated]map[schemas.PotID]bool), closes: make(map[closesKey]bounds), due: make(map[operated]*levy), last: make(map[schemas.PotID]int64),
	}
}

// chargedBy is what a journal takes from its pot's cash as a charge.
func chargedBy(j *ledger.Journal) schemas.Quantity {
	sum := schemas.Quantity(0)
	for i := range j.Postings {
		if p := &j.Postings[i]; p.Stage == stageCharged {
			sum += p.Quantity
		}
	}
	return sum
}

func (s *charging) check(c *finding, j *ledger.Journal, at operated, fee *ingest.FlatFee, amount schemas.Quantity) {
	pot := *j.Pot
	_, worth := s.worth(pot, j.RecordedAt)
	if s.paid[at] == nil {
		s.paid[at] = make(map[schemas.PotID]bool)
		s.due[at] = s.levied(j, fee)
	}
	s.due[at].take(j, amount)
	most, floor := inCash(fee.Cash), inCash(fee.Floor)
	switch {
	case s.paid[at][pot]:
		c.fail("journal %s takes the fee of %s of pot %s a second time", j.ID, fee.Dated, pot)
	case amount > most:
		c.fail("journal %s takes %s of pot %s, the fee is %s", j.ID, amount, pot, most)
	case worth <= floor:
		c.fail("journal %s takes %s of pot %s, which is worth %s, no more than %s", j.ID, amount, pot, worth, floor)
	case worth-amount < floor:
		c.fail("journal %s takes %s of pot %s, which was worth %s, and leaves it worth less than %s", j.ID, amount, pot, worth, floor)
	}
	s.paid[at][pot] = true
}

// book follows what a journal leaves in the pot's accounts, and of which days the shard was told.
func (s *charging) book(j *ledger.Journal) {
	if j.Pot != nil {
		s.last[*j.Pot] = j.Sequence
	}
	for i := range j.Postings {
		p := &j.Postings[i]
		if p.Stage == stagePriced && p.Asset != schemas.Cash {
			s.pricedOn[p.Asset] = max(s.pricedOn[p.Asset], p.EffectiveOn)
		}
		if j.Pot == nil {
			continue
		}
		s.move(placeOf(j, p.From, p.Asset), -p.Quantity)
		s.move(placeOf(j, p.To, p.Asset), p.Quantity)
	}
}

func (s *charging) move(at place, amount schemas.Quantity) {
	if s.has[at.pot] == nil {
		s.has[at.pot] = make(map[place]schemas.Quantity)
	}
	s.has[at.pot][at] += amount
}

// worth is what a pot has at least and at most: its cash, but for what is about to be paid out, and its units, each holding rounded down to pennies.
func (s *charging) worth(pot schemas.PotID, at schemas.Instant) (least, most schemas.Quantity) {
	cash, units := schemas.Quantity(0), make(map[schemas.AssetCode]schemas.Quantity)
	for at, amount := range s.has[pot] {
		switch {
		case at.account == ledger.PotPayable:
		case at.asset == schemas.Cash:
			cash += amount
		default:
			units[at.asset] += amount
		}
	}
	least, most = cash, cash
	for asset, amount := range units {
		b := s.closesOf(asset, at)
		least, most = least+worthAt(amount, b.lowest), most+worthAt(amount, b.highest)
	}
	return least, most
}

// closesKey is what the closes depend on that a shard may know.
type closesKey struct {
	asset    schemas.AssetCode
	from, on schemas.Date
}

// bounds are the lowest and the highest close that a shard can have had for the last one. The lowest is 0 where it need not have had any.
type bounds struct{ lowest, highest int64 }

// closesOf are the bounds of an asset's close at a time: it is of no day before one that the shard was told a piece of.
func (s *charging) closesOf(asset schemas.AssetCode, at schemas.Instant) bounds {
	key := closesKey{asset, s.pricedOn[asset], schemas.Date(at / dayMillis)} //nolint:gosec // days fit
	if known, ok := s.closes[key]; ok {
		return known
	}
	var b bounds
	for n, pounds := range s.closesBetween(asset, key.from, at) {
		b.highest = max(b.highest, pounds)
		if n == 0 || pounds < b.lowest {
			b.lowest = pounds
		}
	}
	if key.from == 0 {
		b.lowest = 0
	}
	if s.closes != nil {
		s.closes[key] = b
	}
	return b
}

// atMost is what units are worth at the highest close that the shard can have had for the last one.
func (s *charging) atMost(asset schemas.AssetCode, units schemas.Quantity, at schemas.Instant) schemas.Quantity {
	return worthAt(units, s.closesOf(asset, at).highest)
}

// worthAt is what units are worth at a close in pounds, rounded down to pennies.
func worthAt(units schemas.Quantity, pounds int64) schemas.Quantity {
	pennies := new(big.Int).Mul(big.NewInt(int64(units)), big.NewInt(pounds))
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(schemas.QuantityScale+schemas.PriceScale-schemas.MoneyScale), nil)
	return inCash(schemas.Money(pennies.Quo(pennies, scale).Int64()))
}

// inCash is money in quanta of a posting: six decimals, where money has two.
func inCash(money schemas.Money) schemas.Quantity {
	return schemas.Quantity(money) * schemas.Quantity(schemas.Power10(schemas.QuantityScale-schemas.MoneyScale))
}
