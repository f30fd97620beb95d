package invariants

import (
	"math/big"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// digitsUsual is to how many significant digits a custodian reports quantities where nothing else is known.
const digitsUsual = 10

// digitsOf returns to how many significant digits a custodian reports quantities.
func (f *facts) digitsOf(custodian schemas.CustodianID) int {
	digits := digitsUsual
	for _, entry := range f.Reference {
		if c, ok := entry.Body.(*reference.Custodian); ok && c.ID == custodian && c.QuantityDigits > 0 {
			digits = int(c.QuantityDigits)
		}
	}
	return digits
}

// counted is how much of what was ordered is dealt, in quanta: of cash, or of units where so many were ordered.
func (t *trade) counted() int64 {
	if t.batched.Basis == ledger.TradeBasisUnits {
		return t.units
	}
	return t.cash
}

// reportedAs says whether the piece is what a custodian reported. Of what was ordered it may have reported the rest with fewer digits: then the piece is
// the rest to its last quantum.
func (t *trade) reportedAs(fill *ledger.Trade, body *ingest.FillPriced, digits int) bool {
	cash, units := quanta(fill.Cash, schemas.MoneyScale), quanta(fill.Units, fill.UnitsScale)
	saidCash, saidUnits := int64(body.Cash), quanta(body.Units, fill.UnitsScale)
	if cash == saidCash && units == saidUnits {
		return true
	}
	through := schemas.Quantity(0)
	for _, before := range t.dealt {
		if before.Piece <= fill.Piece {
			through += ordered(t, before)
		}
	}
	if through != t.batched.Ordered {
		return false
	}
	if t.batched.Basis == ledger.TradeBasisUnits {
		return cash == saidCash && roundsTo(units, saidUnits, digits)
	}
	return units == saidUnits && roundsTo(cash, saidCash, digits)
}

// ordered is how much of what was ordered a piece deals.
func ordered(t *trade, fill *ledger.Trade) schemas.Quantity {
	if t.batched.Basis == ledger.TradeBasisUnits {
		return fill.Units
	}
	return fill.Cash
}

// roundsTo says whether a number becomes the other one where only so many of its digits are kept. A half may go either way.
func roundsTo(exact, said int64, digits int) bool {
	cut := len(big.NewInt(exact).String()) - digits
	if cut <= 0 {
		return exact == said
	}
	step := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(cut)), nil)
	_, rest := new(big.Int).QuoRem(big.NewInt(said), step, new(big.Int))
	apart := new(big.Int).Sub(big.NewInt(exact), big.NewInt(said))
	apart.Mul(apart.Abs(apart), big.NewInt(2))
	return rest.Sign() == 0 && apart.Cmp(step) <= 0
}
