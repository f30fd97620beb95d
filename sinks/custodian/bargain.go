package custodian

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// deal returns the pieces in which an order is dealt at the price: one, or as the rule has it, with units reported to so many digits. All that is ordered is
// dealt, but for what the rule does not let deal, and for a sell by cash whose limit of units it would pass: that one ends at its limit. A split that
// leaves a piece without cash or units is not followed; there is no piece then if the rule does not let all be dealt.
func deal(order *custodian.CustodianOrder, price schemas.Price, rule Rule, digits int) ([]ingest.FillPriced, error) {
	b := bargain{order: order, price: price, factor: schemas.Power10(schemas.PriceScale - schemas.MoneyScale + int(order.UnitsScale)), digits: digits}
	pieces, err := b.split(rule.Pieces)
	if err != nil || rule.ends() {
		return pieces, err
	}
	if pieces == nil {
		if pieces, err = b.split([]schemas.Weight{schemas.WeightOne}); err != nil {
			return nil, err
		}
	}
	if pieces == nil {
		if order.Side == custodian.OrderSideBuy {
			return nil, fmt.Errorf("%s buys less than the smallest part of a unit at %s", order.Cash, price)
		}
		return nil, fmt.Errorf("what is sold brings less than a penny at %s", price)
	}
	pieces[len(pieces)-1].Final = true
	return pieces, nil
}

// bargain is an order and the price at which it is dealt.
type bargain struct {
	order *custodian.CustodianOrder
	price schemas.Price
	// factor is by how much the price of a quantum of units, in pence, is less than the price's own number.
	factor int64
	// digits is to how many significant digits units are reported, 0 for all.
	digits int
}

// split returns nil where one of the pieces would be empty.
func (b *bargain) split(parts []schemas.Weight) ([]ingest.FillPriced, error) {
	ordered, err := b.ordered()
	if err != nil {
		return nil, err
	}
	var pieces []ingest.FillPriced
	taken, sold := int64(0), int64(0)
	var through schemas.Weight
	for i, part := range parts {
		through += part
		upTo, err := b.upTo(taken, ordered, through)
		if err != nil {
			return nil, err
		}
		cash, quanta, err := b.piece(taken, upTo, sold)
		if err != nil {
			return nil, fmt.Errorf("pricing a part of %d at %s: %w", upTo-taken, b.price, err)
		}
		taken, sold = upTo, sold+quanta
		units, err := schemas.QuantityOf(b.reported(quanta), int(b.order.UnitsScale))
		if err != nil {
			return nil, fmt.Errorf("pricing %s at %s: %w", cash, b.price, err)
		}
		if cash == 0 || units == 0 {
			return nil, nil
		}
		pieces = append(pieces, ingest.FillPriced{Piece: int32(i + 1), Cash: cash, Units: units, Price: b.price}) //nolint:gosec // at most piecesMax
	}
	return pieces, nil
}

// upTo is what is dealt once a part of what is ordered is. Units are dealt in quantities that can be reported as they are, but for the last piece's: that
// one takes what is left, whatever it reports.
func (b *bargain) upTo(taken, ordered int64, through schemas.Weight) (int64, error) {
	upTo, err := schemas.MulDivFloor(ordered, int64(through), int64(schemas.WeightOne))
	if err != nil {
		return 0, fmt.Errorf("splitting an order of %d: %w", ordered, err)
	}
	if b.byUnits() && through < schemas.WeightOne {
		return taken + b.reported(upTo-taken), nil
	}
	return upTo, nil
}

// reported is how a number of units is reported: a half is rounded up.
func (b *bargain) reported(quanta int64) int64 {
	if b.digits == 0 || b.order.Side == custodian.OrderSideSell && b.order.Cash != nil {
		return quanta
	}
	step := int64(1)
	for most := schemas.Power10(b.digits); quanta/step >= most; step *= 10 {
	}
	return (quanta + step/2) / step * step
}

// byUnits says whether units are dealt, and cash is what they are worth; else it is the other way about.
func (b *bargain) byUnits() bool {
	return b.order.Cash == nil || b.passesLimit()
}

// ordered is what is dealt, in quanta: of units, or of cash.
func (b *bargain) ordered() (int64, error) {
	if !b.byUnits() {
		return int64(*b.order.Cash), nil
	}
	quanta, exact := b.order.Units.Quanta(int(b.order.UnitsScale))
	if !exact {
		return 0, fmt.Errorf("%s units have more than %d decimals", b.order.Units, b.order.UnitsScale)
	}
	return quanta, nil
}

// passesLimit says whether a sell by cash would take more units than the order allows.
func (b *bargain) passesLimit() bool {
	if b.order.Side == custodian.OrderSideBuy || b.order.Cash == nil || b.order.Units == nil {
		return false
	}
	limit, _ := b.order.Units.Quanta(int(b.order.UnitsScale))
	quanta, err := schemas.MulDivCeil(int64(*b.order.Cash), b.factor, int64(b.price))
	return err != nil || quanta > limit
}

// piece prices what is dealt from one amount to the next, where so many units were sold before. Units that a buy delivers and cash that a sell pays are
// rounded down. Units that a sell takes are rounded up, in all and not piece by piece, or the pieces could take more than the whole would.
func (b *bargain) piece(taken, upTo, sold int64) (cash schemas.Money, units int64, err error) {
	switch {
	case b.byUnits():
		worth, err := schemas.MulDivFloor(upTo-taken, int64(b.price), b.factor)
		return schemas.Money(worth), upTo - taken, err
	case b.order.Side == custodian.OrderSideBuy:
		units, err = schemas.MulDivFloor(upTo-taken, b.factor, int64(b.price))
		return schemas.Money(upTo - taken), units, err
	}
	units, err = schemas.MulDivCeil(upTo, b.factor, int64(b.price))
	return schemas.Money(upTo - taken), units - sold, err
}
