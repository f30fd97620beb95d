package invariants

import (
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
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
	whole := quanta(t.batched.Ordered, schemas.MoneyScale)
	before := int64(0)
	for i := range t.batched.Shards {
		s := &t.batched.Shards[i]
		through := before + quanta(s.Weight, schemas.MoneyScale)
		if s.Shard == shard {
			return floorShare(t.units, through, whole) - floorShare(t.units, before, whole),
				ceilShare(t.cash, through, whole) - ceilShare(t.cash, before, whole)
		}
		before = through
	}
	return 0, 0
}

// share is what an order must have got and given of all that its trade got and gave.
func (t *trade) share(o *order) (got, given int64) {
	whole := quanta(t.batched.Ordered, schemas.MoneyScale)
	weight := quanta(o.reserved, schemas.MoneyScale)
	if t.forMembers() {
		return floorShare(t.units, weight, whole), floorShare(t.cash, weight, whole)
	}
	return floorShare(t.units, weight, whole), ceilShare(t.cash, weight, whole)
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
