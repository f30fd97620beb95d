package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/rebalance"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// rebalanced trades a pot back to its standing choice: all that is asked for it is ordered, or nothing. Either way the pot tells what came of the run, once.
func rebalanced(place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.PotsRebalanced) (*state.PotState, []streams.Out) {
	if before.Choice == nil || before.Rebalanced >= m.Event {
		return before, nil // swept again for another pot's sake, or chosen later
	}
	d := newDraft(before, 2)
	d.state.Rebalanced = m.Event
	q := making(place, r, cause, sourceRebalancing, pot, m.Event)
	last, ids, why := q.tradeBack(d, m)
	told := *q
	told.cause = cause
	if why.code != "" {
		next := *before
		next.Rebalanced = m.Event
		return &next, []streams.Out{told.statusOut(stateUntraded, why, false, nil, nil)}
	}
	return &d.state, append(d.journal(nil, place, pot, cause, "rebalanced"), told.statusOut(stateAccepted, refusal{}, false, last, ids))
}

// tradeBack orders what brings the pot back to its choice, or says why nothing is ordered: what stands in the way first, then what it is worth and how far it is from what
// was chosen, then what stands in the way of an order.
func (q *question) tradeBack(d *draft, m *inbox.PotsRebalanced) (*schemas.Date, []schemas.ID, refusal) {
	if what := unsettledIn(&d.state); d.state.TransferOut != nil || what != "" && !m.WhileUnsettled {
		return nil, nil, refusal{codeUnsettled, cmp.Or(what, "a transfer out") + " is under way"}
	}
	positions, why := q.positionsOf(&d.state)
	if why.code != "" {
		return nil, nil, why
	}
	terms := rebalance.Terms{Absolute: m.Absolute, Relative: m.Relative, Minimum: m.Minimum}
	if m.InvestCash {
		terms.Cash = max(0, q.freeCash(&d.state)-cashInReview(&d.state))
	}
	trades, untraded, err := rebalance.Plan(positions, terms)
	if err != nil {
		return nil, nil, refusal{codeHoldingTooLarge, fmt.Sprintf("the pot is worth more than can be worked with: %v", err)}
	}
	if untraded != rebalance.Traded {
		return nil, nil, notTraded(untraded, m)
	}
	return q.orderTrades(d, positions, trades)
}

// notTraded says why there was nothing to trade.
func notTraded(why rebalance.Why, m *inbox.PotsRebalanced) refusal {
	switch why {
	case rebalance.Nothing:
		return refusal{codeNothingToTrade, "the pot has nothing that could be traded"}
	case rebalance.WithinBands:
		return refusal{codeWithinBands, "no asset is further from what was chosen than the bands allow"}
	default:
		return refusal{codeBelowMinimum, fmt.Sprintf("no trade of what is free would be worth %s", m.Minimum)}
	}
}

// orderTrades makes the orders of all trades, or says why one of them cannot be.
func (q *question) orderTrades(d *draft, positions []rebalance.Position, trades []rebalance.Trade) (*schemas.Date, []schemas.ID, refusal) {
	if why := q.refuseMore(&d.state, ordersOf(trades), runOrdersMax); why.code != "" {
		return nil, nil, why
	}
	var last *schemas.Date
	ids := make([]schemas.ID, 0, 2*len(trades))
	for _, t := range trades {
		orders, why := q.tradeOrders(&d.state, len(ids), positions, t)
		if why.code != "" {
			return nil, nil, why
		}
		day, added := q.add(d, orders)
		if last == nil || day != nil && *day > *last {
			last = day
		}
		ids = append(ids, added...)
	}
	return last, ids, refusal{}
}

// ordersOf is how many orders the trades make: a switch has two.
func ordersOf(trades []rebalance.Trade) int {
	count := 0
	for _, t := range trades {
		if count++; t.From != rebalance.FromCash {
			count++
		}
	}
	return count
}

// tradeOrders makes the orders of one trade: a switch, or a buy from cash. Legs are counted on, so that no two orders have one id.
func (q *question) tradeOrders(pot *state.PotState, leg int, positions []rebalance.Position, t rebalance.Trade) ([]state.Order, refusal) {
	into := positions[t.Into].Asset
	if t.From == rebalance.FromCash {
		orders, why := q.orders(pot, []want{{into, t.Cash}})
		if why.code == "" {
			orders[0] = q.order(leg, want{into, t.Cash}, orders[0].Day)
		}
		return orders, why
	}
	from := &positions[t.From]
	units, err := schemas.QuantityOf(int64(t.Units), int(from.Scale))
	if err != nil {
		return nil, refusal{codeHoldingTooLarge, fmt.Sprintf("asset %s: more units than can be said would be sold", from.Asset)}
	}
	return q.switchOrders(pot, leg, from.Asset, into, quantitySold{units: &units})
}

// unsettledIn says what of the pot is not settled, or nothing.
func unsettledIn(pot *state.PotState) string {
	switch {
	case len(pot.Orders) > 0:
		return fmt.Sprintf("an order of %s", pot.Orders[0].Asset)
	case pot.Pending != 0 || pot.Reserved != 0:
		return "cash"
	}
	for i := range pot.Holdings {
		if h := &pot.Holdings[i]; h.Pending != 0 || h.Reserved != 0 {
			return fmt.Sprintf("units of %s on their way", h.Asset)
		}
	}
	return ""
}

// positionsOf is what the pot has, and should have by its choice, of each asset that it holds or chose: by code. Open orders count as dealt at the last closes, so that what
// is on its way is not traded a second time.
func (q *question) positionsOf(pot *state.PotState) ([]rebalance.Position, refusal) {
	split, ok := q.reference.chosen(pot, q.today)
	if !ok {
		return nil, refusal{codeNoChoice, "the pot's choice says nothing for today"}
	}
	var positions []rebalance.Position
	for i := range pot.Holdings {
		h := &pot.Holdings[i]
		if why := q.reference.refuseUnconverted(h); why.code != "" {
			return nil, why // valued by closes in new units, it would seem worth another amount than it is
		}
		positions = append(positions, rebalance.Position{Asset: h.Asset, Units: unitsOf(h), Free: max(0, q.freeUnits(pot, h))})
	}
	at := func(asset schemas.AssetCode) *rebalance.Position {
		i := slices.IndexFunc(positions, func(p rebalance.Position) bool { return p.Asset == asset })
		if i < 0 {
			i, positions = len(positions), append(positions, rebalance.Position{Asset: asset})
		}
		return &positions[i]
	}
	for i := range split {
		at(split[i].Asset).Weight = split[i].Weight
	}
	for i := range pot.Orders {
		at(pot.Orders[i].Asset)
	}
	for i := range pot.Deliveries {
		if d := &pot.Deliveries[i]; d.Stage == state.DeliveryStageOpen && !d.Incoming {
			at(d.Asset).Units -= d.Units // promised to another scheme, they are there no more
		}
	}
	if why := q.reference.price(positions); why.code != "" {
		return nil, why
	}
	for i := range pot.Orders {
		expect(pot, &pot.Orders[i], at)
	}
	slices.SortFunc(positions, func(a, b rebalance.Position) int { return cmp.Compare(a.Asset, b.Asset) })
	return positions, refusal{}
}

// price looks up the last close of each position. Without all of them nobody can say what the pot is worth.
func (r *Reference) price(positions []rebalance.Position) refusal {
	for i := range positions {
		p := &positions[i]
		asset, last := r.Latest(p.Asset), r.LastPrice(p.Asset)
		if asset == nil || last == nil || last.Price <= 0 {
			return refusal{codeNoPriceKnown, fmt.Sprintf("no price of %s is known yet", p.Asset)}
		}
		p.Price, p.Scale = last.Price, asset.UnitsScale
	}
	return refusal{}
}

// expect counts what is left of an open order as dealt: units that are to be sold are there no more, and what a switch brings for them, or a buy is for, is in the asset.
func expect(pot *state.PotState, order *state.Order, at func(schemas.AssetCode) *rebalance.Position) {
	switch {
	case order.Awaits != state.AwaitsNothing: // it counts with the sell that it waits for
	case order.Side == inbox.SideSell:
		expectSale(pot, order, at)
	case !order.Priced:
		at(order.Asset).Coming += schemas.Money(order.Amount - order.Given)
	}
}

func expectSale(pot *state.PotState, order *state.Order, at func(schemas.AssetCode) *rebalance.Position) {
	worth := schemas.Money(0)
	if !order.Priced {
		sold := at(order.Asset)
		var units schemas.Units
		units, worth = toSell(order, sold)
		sold.Units -= units
	}
	buy := counterAmong(pot.Orders, order)
	if buy == nil || buy.Awaits == state.AwaitsNothing {
		return
	}
	at(buy.Asset).Coming += schemas.Money(order.Got) + worth
}

// toSell is how many units an open sell is still to give at the last close, and what they bring. One for cash brings what it asks for: what it has reserved beyond
// that, because the price is not known yet, comes back.
func toSell(order *state.Order, sold *rebalance.Position) (schemas.Units, schemas.Money) {
	units := reservedUnits(order) - schemas.Units(order.Given)
	worth, err := schemas.Worth(units, sold.Price, sold.Scale)
	if err != nil {
		return units, 0 // so many units make the plan fail, too
	}
	asked := schemas.Money(order.Amount - order.Got)
	if order.Basis != inbox.BasisCash || asked >= worth {
		return units, worth
	}
	needed, err := unitsFor(asked, sold.Price, basisPoints, sold.Scale)
	if err != nil {
		return units, asked
	}
	return min(units, needed), asked
}
