package schemas

import (
	"errors"
	"math/bits"
)

// ErrOverflow says that a sum or a conversion left the range of a 64-bit quantity.
var ErrOverflow = errors.New("quantity out of range")

// Scales, in decimal digits after the point.
const (
	MoneyScale    = 2
	PriceScale    = 8
	WeightScale   = 6
	QuantityScale = 6
	// UnitsScaleMax is the finest scale an asset's units may have.
	UnitsScaleMax = 6
	// QuantityMax is the greatest Quantity that its 18 digits can say.
	QuantityMax Quantity = 999_999_999_999_999_999
	// WeightOne is the weight 1, the whole.
	WeightOne Weight = 1_000_000
)

// Money is an amount of the trust's currency in whole quanta of 0.01.
type Money int64

// Units is a quantity of one asset in whole quanta of that asset's own scale, which reference data gives.
type Units int64

// Price is the price of one unit, in quanta of 0.00000001 of the trust's currency.
type Price int64

// Weight is a part of a whole, in quanta of 0.000001.
type Weight int64

// Quantity is an amount of any asset, cash included, in quanta of 0.000001: the form in which records that are read by
// others carry it.
type Quantity int64

// Cash is the code under which the trust's currency stands where an asset is named.
const Cash AssetCode = "GBP"

// AddChecked returns a+b, or ErrOverflow.
func AddChecked[T ~int64](a, b T) (T, error) {
	sum := a + b
	if (a > 0 && b > 0 && sum <= 0) || (a < 0 && b < 0 && sum >= 0) {
		return 0, ErrOverflow
	}
	return sum, nil
}

// MulDivFloor returns floor(a*b/c) exactly, for a, b >= 0 and c > 0, or ErrOverflow.
func MulDivFloor(a, b, c int64) (int64, error) {
	quotient, _, err := mulDiv(a, b, c)
	return quotient, err
}

// MulDivCeil returns ceil(a*b/c) exactly, for a, b >= 0 and c > 0, or ErrOverflow.
func MulDivCeil(a, b, c int64) (int64, error) {
	quotient, remainder, err := mulDiv(a, b, c)
	if err != nil || remainder == 0 {
		return quotient, err
	}
	return AddChecked(quotient, 1)
}

// MulDivRest returns floor(a*b/c) and what is left of a*b, exactly, for a, b >= 0 and c > 0, or ErrOverflow.
func MulDivRest(a, b, c int64) (quotient, rest int64, err error) { return mulDiv(a, b, c) }

// MulDivSigned returns floor(a*b/c) exactly, for any a, b >= 0 and c > 0, or ErrOverflow: below zero it rounds away from it.
func MulDivSigned(a, b, c int64) (int64, error) {
	if a >= 0 {
		return MulDivFloor(a, b, c)
	}
	magnitude, err := MulDivCeil(-a, b, c)
	return -magnitude, err
}

func mulDiv(a, b, c int64) (quotient, remainder int64, err error) {
	if a < 0 || b < 0 || c <= 0 {
		return 0, 0, ErrOverflow
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return 0, 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	if q > 1<<63-1 {
		return 0, 0, ErrOverflow
	}
	return int64(q), int64(r), nil
}

// Worth returns what units of the scale are worth at a price, rounded down to a penny, or ErrOverflow. Neither may be negative.
func Worth(units Units, price Price, scale int32) (Money, error) {
	pennies, err := MulDivFloor(int64(units), int64(price), PerPenny(scale))
	return Money(pennies), err
}

// UnitsFor returns how many units of the scale cash buys at a price above zero, rounded down to a quantum, or ErrOverflow. Cash may not be negative.
func UnitsFor(cash Money, price Price, scale int32) (Units, error) {
	quanta, err := MulDivFloor(int64(cash), PerPenny(scale), int64(price))
	return Units(quanta), err
}

// PerPenny returns how many quanta of units of the scale, times quanta of price, make a penny.
func PerPenny(scale int32) int64 { return Power10(PriceScale - MoneyScale + int(scale)) }

// Power10 returns 10^n for n from 0 to 18.
func Power10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// Quantity returns m at the scale of Quantity, or ErrOverflow.
func (m Money) Quantity() (Quantity, error) { return QuantityOf(int64(m), MoneyScale) }

// QuantityOf returns quanta of the given scale, from 0 to 6, as a Quantity, or ErrOverflow where it has more digits than a Quantity can say. With any other scale no
// Quantity says it, be it 0.
func QuantityOf(quanta int64, scale int) (Quantity, error) {
	if scale < 0 || scale > QuantityScale {
		return 0, ErrOverflow
	}
	factor := Power10(QuantityScale - scale)
	product := quanta * factor
	if product/factor != quanta || Quantity(product) > QuantityMax || Quantity(product) < -QuantityMax {
		return 0, ErrOverflow
	}
	return Quantity(product), nil
}

// Quanta returns q in whole quanta of the given scale, and false where q is finer than that scale can say.
func (q Quantity) Quanta(scale int) (int64, bool) {
	factor := Power10(QuantityScale - scale)
	return int64(q) / factor, int64(q)%factor == 0
}
