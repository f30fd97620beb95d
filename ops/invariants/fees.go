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
}

// checkFees compares each flat fee with what its pot was worth just before. Which close a shard knew last, the records do not say; the highest that it can have
// been is what counts, so of units that move far between two closes a fee may be a little too high.
func (f *facts) checkFees() []*finding {
	c := &finding{number: 28, name: "a flat fee takes once what was declared at most, of pots worth more than its floor, and leaves them worth that"}
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
	taken := 0
	for shard := range f.Shards {
		s := &charging{f, make(map[schemas.PotID]map[place]schemas.Quantity), make(map[schemas.AssetCode]schemas.Date), make(map[operated]map[schemas.PotID]bool)}
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
	}
	return []*finding{c.on(taken, "fees").on(len(fees), "declarations")}
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
	pot, worth := *j.Pot, s.worth(j)
	if s.paid[at] == nil {
		s.paid[at] = make(map[schemas.PotID]bool)
	}
	// In quanta of a posting: six decimals, where money has two.
	grain := schemas.Quantity(schemas.Power10(schemas.QuantityScale - schemas.MoneyScale))
	most, floor := schemas.Quantity(fee.Cash)*grain, schemas.Quantity(fee.Floor)*grain
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

// worth is what the journal's pot has before it: its cash, but for what is about to be paid out, and its units, each holding rounded down to pennies.
func (s *charging) worth(j *ledger.Journal) schemas.Quantity {
	cash, units := schemas.Quantity(0), make(map[schemas.AssetCode]schemas.Quantity)
	for at, amount := range s.has[*j.Pot] {
		switch {
		case at.account == ledger.PotPayable:
		case at.asset == schemas.Cash:
			cash += amount
		default:
			units[at.asset] += amount
		}
	}
	for asset, amount := range units {
		cash += s.atMost(asset, amount, j.RecordedAt)
	}
	return cash
}

// atMost is what units are worth at the highest close that the shard can have had for the last one: of no day before one that it was told a piece of.
func (s *charging) atMost(asset schemas.AssetCode, units schemas.Quantity, at schemas.Instant) schemas.Quantity {
	highest := int64(0)
	for _, pounds := range s.closesBetween(asset, s.pricedOn[asset], at) {
		highest = max(highest, pounds)
	}
	pennies := new(big.Int).Mul(big.NewInt(int64(units)), big.NewInt(highest))
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(schemas.QuantityScale+schemas.PriceScale-schemas.MoneyScale), nil)
	return schemas.Quantity(pennies.Quo(pennies, scale).Int64() * schemas.Power10(schemas.QuantityScale-schemas.MoneyScale))
}
