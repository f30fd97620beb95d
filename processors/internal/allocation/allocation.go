// Package allocation shares a fill of an external trade among the orders behind it, by the policy floor-and-box:
// nobody gets more than their exact share, nobody gives less, and what is left over goes to the scheme's rounding account.
//
// All amounts are whole quanta and cumulative over the pieces of a trade; what one piece moves is the difference of two
// calls. So a later piece never takes anything back, and the result depends neither on the order in which the shares are
// computed nor on how the orders are spread over shards.
package allocation

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
)

// Rule names the rule by which the fills of batches are shared among orders. Its versions are policies.
const Rule = "allocation"

// Policy names the policy and its first version; the version by which a batch is allocated is frozen and stored with it.
const Policy = "floor-and-box/1"

// PolicyForMembers is its second version: rounding of cash is borne by the scheme. A member pays no penny more than their exact share and is paid
// no penny less; units are shared as before. The rounding account pays at most a penny per order and batch for it.
const PolicyForMembers = "floor-and-box/2"

// Rounding says which of an order's amounts are rounded in the member's favour. None is, in the first version.
type Rounding struct {
	GotUp, GivenDown bool
}

// Known says whether the program can allocate by the policy. The empty name stands for the first version.
func Known(policy string) bool {
	return policy == "" || policy == Policy || policy == PolicyForMembers
}

// RoundingOf returns how a policy rounds the shares of orders that give cash for units, or units for cash. It fails where the program does not know
// the policy.
func RoundingOf(policy string, givesCash bool) (Rounding, error) {
	switch {
	case !Known(policy):
		return Rounding{}, fmt.Errorf("allocating by policy %q: this program does not know it", policy)
	case policy == PolicyForMembers:
		return Rounding{GotUp: !givesCash, GivenDown: givesCash}, nil
	}
	return Rounding{}, nil
}

// Amounts is what orders have got and given so far, in quanta.
type Amounts struct {
	Got, Given int64
}

// Minus returns a - b.
func (a Amounts) Minus(b Amounts) Amounts { return Amounts{a.Got - b.Got, a.Given - b.Given} }

// Share returns what an order of the given weight has got and given, out of a batch of weight whole that has got and
// given fill: floor(got*w/W) and ceil(given*w/W). It fails where 0 <= weight <= whole, whole > 0 or fill >= 0 does not hold.
func Share(fill Amounts, weight, whole int64) (Amounts, error) {
	return Rounding{}.Share(fill, weight, whole)
}

// Share is like the function Share, but for what is rounded in the member's favour. The shares of a whole batch may then sum to more than was got, or
// less than was given, by less than a quantum each.
func (r Rounding) Share(fill Amounts, weight, whole int64) (Amounts, error) {
	if weight < 0 || weight > whole {
		return Amounts{}, fmt.Errorf("allocating weight %d of %d: not a part", weight, whole)
	}
	got, err := rounded(r.GotUp)(fill.Got, weight, whole)
	if err != nil {
		return Amounts{}, fmt.Errorf("allocating %d by %d/%d: %w", fill.Got, weight, whole, err)
	}
	given, err := rounded(!r.GivenDown)(fill.Given, weight, whole)
	if err != nil {
		return Amounts{}, fmt.Errorf("allocating %d by %d/%d: %w", fill.Given, weight, whole, err)
	}
	return Amounts{got, given}, nil
}

func rounded(up bool) func(a, b, c int64) (int64, error) {
	if up {
		return schemas.MulDivCeil
	}
	return schemas.MulDivFloor
}

// Part returns a shard's part of a fill, from the frozen totals alone: before and through are the weights of all shards
// before this one, and up to and with it. Over all shards the parts sum to the fill exactly.
func Part(fill Amounts, before, through, whole int64) (Amounts, error) {
	if before > through {
		return Amounts{}, fmt.Errorf("taking the part of a shard: weights run from %d back to %d", before, through)
	}
	upTo, err := Share(fill, through, whole)
	if err != nil {
		return Amounts{}, err
	}
	upToBefore, err := Share(fill, before, whole)
	if err != nil {
		return Amounts{}, err
	}
	return upTo.Minus(upToBefore), nil
}

// Portion returns floor(amount*weight/whole), what a weight gets of an amount that is for the whole. The amount may be below zero, and the weight above the
// whole: where an account owes units, those of the others sum to more than all there are. It fails where weight >= 0 and whole > 0 do not hold.
func Portion(amount, weight, whole int64) (int64, error) {
	portion, err := schemas.MulDivSigned(amount, weight, whole)
	if err != nil {
		return 0, fmt.Errorf("taking %d/%d of %d: %w", weight, whole, amount, err)
	}
	return portion, nil
}

// Split divides an amount by weights that sum to 1, exactly: part i is floor(amount*Wi) - floor(amount*W(i-1)), with W the
// running sums of the weights. It fails where the weights are not positive or do not sum to 1.
func Split(amount schemas.Money, weights []schemas.Weight) ([]schemas.Money, error) {
	parts := make([]schemas.Money, len(weights))
	var sum schemas.Weight
	var taken int64
	for i, weight := range weights {
		if weight <= 0 || weight > schemas.WeightOne-sum {
			return nil, fmt.Errorf("splitting %s: weights are not parts of 1", amount)
		}
		sum += weight
		upTo, err := schemas.MulDivFloor(int64(amount), int64(sum), int64(schemas.WeightOne))
		if err != nil {
			return nil, fmt.Errorf("splitting %s: %w", amount, err)
		}
		parts[i] = schemas.Money(upTo - taken)
		taken = upTo
	}
	if sum != schemas.WeightOne {
		return nil, fmt.Errorf("splitting %s: weights sum to %s, not 1", amount, sum)
	}
	return parts, nil
}
