package dealing

import "github.com/penstock-ledger/penstock/schemas"

// To how many significant digits a custodian reports quantities if nothing else is said, and at most.
const (
	quantityDigitsUsual = 10
	quantityDigitsMax   = 18
)

// quantityDigits returns to how many significant digits the custodian reports quantities.
func (r *Reference) quantityDigits(custodian schemas.CustodianID) int {
	for i := range r.stored.Custodians {
		if c := &r.stored.Custodians[i]; c.ID == custodian && c.QuantityDigits > 0 {
			return int(c.QuantityDigits)
		}
	}
	return quantityDigitsUsual
}

// matches says whether a reported quantity is the exact one, or what becomes of it when it is rounded to so many significant digits. One that has
// more digits than that was not rounded, and must be exact. A half may be rounded either way.
func matches(reported, exact int64, digits int) bool {
	if reported == exact {
		return true
	}
	step := int64(1)
	for most := schemas.Power10(digits); exact/step >= most; step *= 10 {
	}
	return step > 1 && reported%step == 0 && 2*max(reported-exact, exact-reported) <= step
}

// taken returns what a piece takes of what is left to be given: what was reported. Where that is the rest of the trade at the reporter's precision, the
// piece takes the rest, to its last quantum, if it is the last one or if there is no more.
func taken(reported, left int64, digits int, final bool) int64 {
	if (final || reported > left) && matches(reported, left, digits) {
		return left
	}
	return reported
}

// nearly says whether a quantity is what the exact one becomes when its last quantum is rounded, and then perhaps all but so many digits.
func nearly(reported, exact int64, digits int) bool {
	return reported-exact >= -1 && reported-exact <= 1 || matches(reported, exact, digits) || matches(reported, exact+1, digits)
}
