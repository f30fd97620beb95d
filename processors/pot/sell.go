package pot

import (
	"fmt"
	"math"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// basisPoints are the whole, in hundredths of a percent.
const basisPoints = 10_000

// quantitySold is how much of an asset an instruction sells: units, cash or all.
type quantitySold struct {
	units *schemas.Quantity
	cash  *schemas.Money
	all   bool
}

// sell reserves units and orders their sale.
func (q *question) sell(before *state.PotState, s *ingest.Sell, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	order, why := q.sellOrder(before, 0, s.Asset, quantitySold{s.Units, s.Cash, s.All})
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	return q.reserve(newDraft(before, 1), []state.Order{order}, digest)
}

// sellOrder makes the order of a sell, or says why it cannot be: the asset and its day first, then what the pot has of it, then what it would get.
func (q *question) sellOrder(before *state.PotState, leg int, asset schemas.AssetCode, sold quantitySold) (state.Order, refusal) {
	if len(before.Orders) >= ordersMax {
		return state.Order{}, refusal{codeTooManyOrders, fmt.Sprintf("a pot may have %d open orders", ordersMax)}
	}
	if !q.reference.Knows(asset) {
		return state.Order{}, unknownAsset(asset)
	}
	day, why := q.dealingDay(asset)
	if why.code == "" {
		why = q.refuseEarlier(before, asset, day)
	}
	if why.code != "" {
		return state.Order{}, why
	}
	order := q.order(leg, want{asset: asset}, day)
	order.Side = inbox.SideSell
	if why := q.weigh(before, &order, sold); why.code != "" {
		return state.Order{}, why
	}
	if !canTakeProceeds(before) {
		return state.Order{}, refusal{codeBalanceTooLarge, "the pot could come to hold more cash than a pot may"}
	}
	return order, refusal{}
}

// weigh sets what the order sells and reserves, or says why the pot cannot sell that.
func (q *question) weigh(before *state.PotState, order *state.Order, sold quantitySold) refusal {
	held := findHolding(before, order.Asset)
	if held == nil {
		return refusal{codeNoUnits, fmt.Sprintf("the pot has no units of %s", order.Asset)}
	}
	if why := q.reference.refuseUnconverted(held); why.code != "" {
		return why
	}
	scale, free := int(q.reference.Latest(order.Asset).UnitsScale), q.freeUnits(before, held)
	switch {
	case sold.cash != nil:
		return q.weighCash(order, *sold.cash, free)
	case sold.all:
		order.Amount = int64(held.Settled)
	default:
		quanta, exact := sold.units.Quanta(scale)
		if !exact {
			return refusal{codeUnitsScale, fmt.Sprintf("%s units of %s have more than %d decimals", sold.units, order.Asset, scale)}
		}
		order.Amount = quanta
	}
	order.Basis = inbox.BasisUnits
	if held.Settled == 0 || schemas.Units(order.Amount) > free {
		reason := fmt.Sprintf("%s units of %s are free, %s asked", free.Text(scale), order.Asset, schemas.Units(order.Amount).Text(scale))
		if later := held.Settled - free; later > 0 {
			reason += fmt.Sprintf("; %s more came after %s", later.Text(scale), q.from(before))
		}
		return refusal{codeUnitsNotFree, reason}
	}
	return refusal{}
}

// weighCash reserves units for a sell by cash. The price at which it deals is not known yet, so it reserves more than the last known one asks for:
// the cash may be no more than the part of the reserved units' last known value that the settings allow.
func (q *question) weighCash(order *state.Order, cash schemas.Money, free schemas.Units) refusal {
	scale, last := q.reference.Latest(order.Asset).UnitsScale, q.reference.LastPrice(order.Asset)
	if last == nil {
		return refusal{codeNoPriceKnown, fmt.Sprintf("no price of %s is known yet, from which to say what %s takes", order.Asset, cash)}
	}
	part := int64(q.reference.Settings(q.today).SellCashMaxBps)
	units, err := unitsFor(cash, last.Price, part, scale)
	if err != nil || units > free {
		return refusal{codeNoHeadRoom, fmt.Sprintf("%s asked: that is more than %d.%02d %% of what %s free units of %s were worth at %s",
			cash, part/100, part%100, free.Text(int(scale)), order.Asset, last.Price)}
	}
	order.Basis, order.Amount, order.Reserved = inbox.BasisCash, int64(cash), units
	return refusal{}
}

// unitsFor returns the fewest units of which the given part, in hundredths of a percent, is worth the cash.
func unitsFor(cash schemas.Money, price schemas.Price, part int64, scale int32) (schemas.Units, error) {
	if part <= 0 || int64(price) > math.MaxInt64/part {
		return 0, schemas.ErrOverflow
	}
	quanta, err := schemas.MulDivCeil(int64(cash)*basisPoints, schemas.PerPenny(scale), int64(price)*part)
	return schemas.Units(quanta), err
}

// canTakeProceeds says whether the pot could still say how much cash it has if each of its sells, and one more, brought as much as a trade may bring.
func canTakeProceeds(before *state.PotState) bool {
	sells := schemas.Money(1)
	for i := range before.Orders {
		if before.Orders[i].Side == inbox.SideSell {
			sells++
		}
	}
	return cashOf(before) <= batch.CashMax-sells*batch.ProceedsMax
}

// cashOf is all the cash that the pot has, in whatever account.
func cashOf(pot *state.PotState) schemas.Money {
	return pot.Available + pot.Reserved + pot.Pending + pot.Payable
}

// reservedUnits is how many units a sell has reserved.
func reservedUnits(order *state.Order) schemas.Units {
	if order.Basis == inbox.BasisUnits {
		return schemas.Units(order.Amount)
	}
	return order.Reserved
}
