package invariants

import (
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// floorShare is floor(amount*weight/whole), ceilShare rounds up. Both work with numbers of any size, so that they share no
// arithmetic with what they check.
func floorShare(amount, weight, whole int64) int64 {
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(weight))
	return product.Div(product, big.NewInt(whole)).Int64()
}

func ceilShare(amount, weight, whole int64) int64 {
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(weight))
	rest := new(big.Int)
	product.DivMod(product, big.NewInt(whole), rest)
	if rest.Sign() != 0 {
		product.Add(product, big.NewInt(1))
	}
	return product.Int64()
}

// part is one shard's part of all that a trade got and gave, from the totals that were frozen when its day closed.
func (t *trade) part(shard int32) (got, given int64) {
	if t.batched == nil {
		return 0, 0
	}
	got, given = t.moved()
	whole := quanta(t.batched.Ordered, t.weightScale())
	before := int64(0)
	for i := range t.batched.Shards {
		s := &t.batched.Shards[i]
		through := before + quanta(s.Weight, t.weightScale())
		if s.Shard == shard {
			return floorShare(got, through, whole) - floorShare(got, before, whole),
				ceilShare(given, through, whole) - ceilShare(given, before, whole)
		}
		before = through
	}
	return 0, 0
}

// share is what an order must have got and given of all that its trade got and gave.
func (t *trade) share(o *order) (got, given int64) {
	return t.shareOf(quanta(o.weight(), t.weightScale()))
}

// shareOf is what an order of so many quanta must have got and given.
func (t *trade) shareOf(weight int64) (got, given int64) {
	whole := quanta(t.batched.Ordered, t.weightScale())
	allGot, allGiven := t.moved()
	got, given = floorShare(allGot, weight, whole), ceilShare(allGiven, weight, whole)
	switch {
	case t.forMembers() && t.sells():
		got = ceilShare(allGot, weight, whole)
	case t.forMembers():
		given = floorShare(allGiven, weight, whole)
	}
	return got, given
}

// weight is what an order counts in its batch: what it has reserved, or the cash for which it sells.
func (o *order) weight() schemas.Quantity {
	if o.byCash {
		return ofQuanta(int64(o.cash), schemas.MoneyScale)
	}
	return o.reserved
}

// sells says that the trade gives units and gets cash.
func (t *trade) sells() bool { return t.batched.Side == ledger.TradeSideSell }

// moved is what the trade got and gave in all: a buy gets units for cash, a sell cash for units.
func (t *trade) moved() (got, given int64) {
	if t.sells() {
		return t.cash, t.units
	}
	return t.units, t.cash
}

// weightScale is the decimals of what its orders count: cash, or units where so many are sold.
func (t *trade) weightScale() int32 {
	if t.batched.Basis == ledger.TradeBasisUnits {
		return t.batched.UnitsScale
	}
	return schemas.MoneyScale
}

// givenScale and gotScale are the decimals of what the trade gives and gets.
func (t *trade) givenScale() int32 {
	if t.sells() {
		return t.batched.UnitsScale
	}
	return schemas.MoneyScale
}

func (t *trade) gotScale() int32 {
	if t.sells() {
		return schemas.MoneyScale
	}
	return t.batched.UnitsScale
}

// forMembers says that the trade is allocated by the policy's second version, by which the scheme bears what rounding leaves of the cash.
func (t *trade) forMembers() bool { return t.batched.Policy == "floor-and-box/2" }

// complete says that the last piece of the trade was confirmed.
func (t *trade) complete() bool {
	return len(t.fills) > 0 && t.fills[len(t.fills)-1].Final
}

// split divides a contribution as the rules say: by running sums of the weights, each rounded down.
func split(c *ingest.Contribution) []schemas.Money {
	parts := make([]schemas.Money, len(c.Split))
	sum, taken := schemas.Weight(0), int64(0)
	for i := range c.Split {
		sum += c.Split[i].Weight
		upTo := floorShare(int64(c.Cash), int64(sum), int64(schemas.WeightOne))
		parts[i] = schemas.Money(upTo - taken)
		taken = upTo
	}
	return parts
}
