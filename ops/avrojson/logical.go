package avrojson

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/twmb/avro"

	"github.com/penstock-ledger/penstock/schemas"
)

// decimalDigitsMax bounds a decimal in input.
const decimalDigitsMax = 100

// logical returns the wire value of a logical type's JSON value, and false where the type has none that is written by
// meaning.
func logical(n *avro.SchemaNode, v any) (any, bool, error) {
	switch n.LogicalType {
	case "decimal":
		value, err := decimal(n, v)
		return value, true, err
	case "date":
		if text, ok := v.(string); ok {
			if date, err := schemas.ParseDate(text); err == nil {
				return int32(date), true, nil
			}
		}
		return nil, true, wrong(v, "a date such as 2008-03-20")
	case "timestamp-millis", "timestamp-micros":
		if text, ok := v.(string); ok {
			if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
				if n.LogicalType == "timestamp-millis" {
					return at.UnixMilli(), true, nil
				}
				return at.UnixMicro(), true, nil
			}
		}
		return nil, true, wrong(v, "a time such as 2008-03-20T09:30:00Z")
	case "uuid":
		if text, ok := v.(string); ok && n.Type == "string" {
			if _, err := schemas.ParseID(text); err == nil {
				return text, true, nil
			}
			return nil, true, wrong(v, "a UUID such as 886313e1-3b8a-5372-9b90-0c9aee199e5d")
		}
	}
	return nil, false, nil
}

// decimal takes a decimal text, or a number written without an exponent, exactly.
func decimal(n *avro.SchemaNode, v any) (any, error) {
	want := fmt.Sprintf(`a decimal with at most %d digits, %d of them after the point, such as "%s"`, n.Precision, n.Scale, decimalText(big.NewInt(1), n.Scale))
	var text string
	switch given := v.(type) {
	case string:
		text = given
	case json.Number:
		text = given.String()
	default:
		return nil, wrong(v, want)
	}
	whole, ok := unscaled(text, n.Scale)
	if !ok || len(new(big.Int).Abs(whole).String()) > n.Precision {
		return nil, wrong(v, want)
	}
	raw := twosComplement(whole)
	if n.Type != "fixed" {
		return raw, nil
	}
	if len(raw) > n.Size {
		return nil, wrong(v, want)
	}
	fill := byte(0)
	if whole.Sign() < 0 {
		fill = 0xff
	}
	return append(slices.Repeat([]byte{fill}, n.Size-len(raw)), raw...), nil
}

// unscaled returns text times ten to the power of scale, and false where that is not a whole number.
func unscaled(text string, scale int) (*big.Int, bool) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(digits) > decimalDigitsMax || strings.HasSuffix(digits, ".") {
		return nil, false
	}
	for len(fraction) > scale && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	if len(fraction) > scale || strings.Trim(whole+fraction, "0123456789") != "" {
		return nil, false
	}
	value, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
	if ok && digits != text {
		value.Neg(value)
	}
	return value, ok
}

// twosComplement returns the shortest big-endian form, as Avro wants it.
func twosComplement(v *big.Int) []byte {
	if v.Sign() >= 0 {
		raw := v.Bytes()
		if len(raw) == 0 || raw[0]&0x80 != 0 {
			raw = append([]byte{0}, raw...)
		}
		return raw
	}
	// -v-1 has the inverted bits of v.
	raw := new(big.Int).Not(v).Bytes()
	for i := range raw {
		raw[i] = ^raw[i]
	}
	if len(raw) == 0 || raw[0]&0x80 == 0 {
		raw = append([]byte{0xff}, raw...)
	}
	return raw
}

func fromTwosComplement(raw []byte) *big.Int {
	v := new(big.Int).SetBytes(raw)
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw)))) //nolint:gosec // a length
	}
	return v
}

func decimalText(v *big.Int, scale int) string {
	text := new(big.Int).Abs(v).String()
	if len(text) <= scale {
		text = strings.Repeat("0", scale-len(text)+1) + text
	}
	if scale > 0 {
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if v.Sign() < 0 {
		text = "-" + text
	}
	return text
}
