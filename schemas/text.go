package schemas

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// decimalTextMax bounds the text of a number: an exponent such as 1e999999999 would otherwise be expanded.
const decimalTextMax = 40

// String returns the amount with two decimals, such as "-12.30".
func (m Money) String() string { return decimal.New(int64(m), -MoneyScale).StringFixed(MoneyScale) }

// String returns the price with eight decimals.
func (p Price) String() string { return decimal.New(int64(p), -PriceScale).StringFixed(PriceScale) }

// String returns the weight with six decimals.
func (w Weight) String() string { return decimal.New(int64(w), -WeightScale).StringFixed(WeightScale) }

// String returns the quantity with six decimals.
func (q Quantity) String() string {
	return decimal.New(int64(q), -QuantityScale).StringFixed(QuantityScale)
}

// Text returns the units with the given number of decimals, the scale of their asset.
func (u Units) Text(scale int) string {
	return decimal.New(int64(u), -int32(scale)).StringFixed(int32(scale)) //nolint:gosec // scale is at most 6
}

// ParseQuanta reads a decimal number exactly into quanta of the given scale; it refuses exponents, numbers that the scale
// cannot say, and numbers out of range.
func ParseQuanta(text string, scale int) (int64, error) {
	if len(text) == 0 || len(text) > decimalTextMax || strings.ContainsAny(text, "eE") {
		return 0, fmt.Errorf("%q is not a plain decimal number", text)
	}
	number, err := decimal.NewFromString(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a plain decimal number", text)
	}
	shifted := number.Shift(int32(scale)) //nolint:gosec // scale is at most 8
	if !shifted.IsInteger() {
		return 0, fmt.Errorf("%s has more than %d decimals", text, scale)
	}
	if !shifted.BigInt().IsInt64() {
		return 0, fmt.Errorf("%s: %w", text, ErrOverflow)
	}
	return shifted.IntPart(), nil
}

// ParseMoney reads an amount such as "100.00".
func ParseMoney(text string) (Money, error) {
	quanta, err := ParseQuanta(text, MoneyScale)
	return Money(quanta), err
}

// ParsePrice reads a price such as "133.27".
func ParsePrice(text string) (Price, error) {
	quanta, err := ParseQuanta(text, PriceScale)
	return Price(quanta), err
}

// ParseWeight reads a weight such as "0.4".
func ParseWeight(text string) (Weight, error) {
	quanta, err := ParseQuanta(text, WeightScale)
	return Weight(quanta), err
}
