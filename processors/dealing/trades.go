package dealing

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// The events of a trade.
const (
	eventBatched  = "batched"
	eventPlaced   = "placed"
	eventPriced   = "priced"
	eventSettled  = "settled"
	eventRejected = "rejected"
	// The orders of a deferred trade go on to another day, and so do those of a rejected one where the asset's policy says so: carried tells the day.
	// Of a trade that was dealt in part only the rest goes on; the trade itself goes on to settle.
	eventDeferred    = "deferred"
	eventCarried     = "carried"
	eventRestCarried = "rest-carried"
	// What does not move the trade: a confirmation that does not fit, what became of it, and a settlement that is overdue.
	eventBroken           = "broken"
	eventMended           = "mended"
	eventSettlementFailed = "settlement-failed"
	// eventCorrected tells of a piece at a corrected price; it takes the place of what was told of the piece before.
	eventCorrected = "corrected"
)

// tradeCashMax is the most cash that a trade may be for: a hundred thousand million. Orders that sum to more are taken for a mistake of
// their sender, and the trade ends before it is placed.
const tradeCashMax schemas.Money = 100_000_000_000_00

// tagReady is borne by trades with something to place or to tell the shards.
const tagReady = "ready"

// shardTotal adds one shard's total. With the last one the batch is complete: its root is published, and it is ready to be
// placed. A batch without orders is forgotten. The same total again changes nothing.
func (d *dealing) shardTotal(place streams.Place, r *Reference, before *state.TradeState, cause *inbox.Cause, m *inbox.ShardTotal) (*state.TradeState, []streams.Out) {
	total := state.Total{
		Shard: m.Shard, Weight: m.Weight, Orders: m.Orders, Root: state.TotalRoot(m.Root), LeastReserved: m.LeastReserved, LeastWeight: m.LeastWeight,
	}
	if before != nil && slices.Contains(before.Totals, total) {
		return before, nil
	}
	next := &state.TradeState{Day: m.Day, Custodian: m.Custodian, Asset: m.Asset, UnitsScale: m.UnitsScale, Side: m.Side, Basis: m.Basis}
	if before != nil {
		*next = *before
		next.Totals = slices.Clone(before.Totals)
	}
	if slices.ContainsFunc(next.Totals, func(t state.Total) bool { return t.Shard == m.Shard }) || next.Stage != state.StageCollecting {
		panic(fmt.Sprintf("dealing: shard %d gave another total for trade %s", m.Shard, m.Trade))
	}
	if len(next.Totals) > 0 && next.Policy != m.Policy {
		panic(fmt.Sprintf("dealing: trade %s is to be allocated by %q in shard %d, and by %q in others", m.Trade, m.Policy, m.Shard, next.Policy))
	}
	next.Policy = m.Policy
	next.Totals = append(next.Totals, total)
	if len(next.Totals) < int(d.shards) {
		return next, nil
	}
	slices.SortFunc(next.Totals, func(a, b state.Total) int { return int(a.Shard - b.Shard) })
	if weightOf(next) == 0 {
		return nil, nil
	}
	next.Stage, next.SettlesOn = state.StageBatched, r.settlesOn(m)
	event := tradeEvent(place, m.Trade, next, "", eventBatched)
	event.Shards = shardParts(next)
	outs := []streams.Out{tradeOut(event)}
	if reason := tooLarge(next); reason != "" {
		next.Stage, next.Reason = state.StageRejected, reason
		event := tradeEvent(place, m.Trade, next, eventBatched, eventRejected)
		event.Reason = reason
		outs = append(outs, tradeOut(event))
	}
	return next, append(outs, flushOut(cause))
}

// settlesOn returns the batch's day of settlement: the one that was counted when the day was closed. A shard that was told of the close by an
// earlier version does not know it.
func (r *Reference) settlesOn(m *inbox.ShardTotal) schemas.Date {
	if m.SettlesOn != nil {
		return *m.SettlesOn
	}
	day, err := r.SettlementDate(m.Asset, m.Day)
	if err != nil {
		panic(fmt.Sprintf("dealing: trade %s: %v", m.Trade, err))
	}
	return day
}

// TradesOf returns the ids of the external trades that a day's orders of an asset may become: of its buys, of its sells by units, and of those by cash.
func TradesOf(day schemas.Date, custodian schemas.CustodianID, asset schemas.AssetCode) []schemas.ID {
	var trades []schemas.ID
	for _, kind := range batch.Kinds() {
		trades = append(trades, batch.Trade(day, custodian, asset, kind))
	}
	return trades
}

// tooLarge says why the trade may not be for as much as its orders sum to, or "".
func tooLarge(trade *state.TradeState) string {
	weight := weightOf(trade)
	most := tradeCashMax
	if trade.Side == inbox.SideSell {
		most = batch.ProceedsMax
	}
	switch {
	case trade.Basis == inbox.BasisUnits:
		if sum := weightQuantity(trade, weight); sum > batch.UnitsMax {
			return fmt.Sprintf("the orders sum to %s units, a trade may be for %s", sum, batch.UnitsMax)
		}
	case schemas.Money(weight) > most:
		return fmt.Sprintf("the orders sum to %s, a trade may be for %s", schemas.Money(weight), most)
	}
	return ""
}

// weightOf sums the shards' totals, as far as that can be said.
func weightOf(trade *state.TradeState) int64 {
	sum := int64(0)
	for i := range trade.Totals {
		next, err := schemas.AddChecked(sum, trade.Totals[i].Weight)
		if err != nil {
			return math.MaxInt64
		}
		sum = next
	}
	return sum
}

func ordersOf(trade *state.TradeState) int64 {
	sum := int64(0)
	for i := range trade.Totals {
		sum += trade.Totals[i].Orders
	}
	return sum
}

// rootOf is the Merkle root over the roots of the shards that have orders, in shard order.
func rootOf(trade *state.TradeState) merkle.Hash {
	var roots []merkle.Hash
	for i := range trade.Totals {
		if trade.Totals[i].Orders > 0 {
			roots = append(roots, merkle.Hash(trade.Totals[i].Root))
		}
	}
	return merkle.RootOf(roots)
}

func shardParts(trade *state.TradeState) []ledger.ShardPart {
	parts := make([]ledger.ShardPart, len(trade.Totals))
	for i, t := range trade.Totals {
		parts[i] = ledger.ShardPart{Shard: t.Shard, Weight: weightQuantity(trade, t.Weight), Orders: t.Orders, Root: ledger.TradeRoot(t.Root)}
	}
	return parts
}

// tradeEvent says what became of a trade since the last step that it made; every event of a trade is made here. The event's name goes on behind a stroke where a trade may have
// several of its kind. The caller adds what belongs to the event.
func tradeEvent(place streams.Place, id schemas.ID, trade *state.TradeState, last, name string) *ledger.Trade {
	event, _, _ := strings.Cut(name, "/")
	if IsStep(event) {
		LifeCycle().MustDeclare("trade "+id.String(), last, event)
	}
	return &ledger.Trade{
		ID: schemas.DeriveID("trade-event", id.String(), name), Trade: id, Event: event, RecordedAt: place.RecordedAt,
		Day: trade.Day, Custodian: trade.Custodian, Asset: trade.Asset, UnitsScale: trade.UnitsScale, Side: ledger.TradeSide(trade.Side), Basis: ledger.TradeBasis(trade.Basis),
		Ordered: weightQuantity(trade, weightOf(trade)), Orders: ordersOf(trade), Root: ledger.TradeRoot(rootOf(trade)), SettlesOn: trade.SettlesOn,
		Policy: policyOf(trade),
	}
}

func tradeOut(event *ledger.Trade) streams.Out {
	return streams.Out{Topic: streams.LedgerTrade, Key: event.Trade.String(), Value: event}
}

// placeTrade sends the order to the custodian. Its root was published by an earlier transaction.
func placeTrade(place streams.Place, id schemas.ID, trade *state.TradeState) []streams.Out {
	order := &custodian.CustodianOrder{
		Trade: id, Custodian: trade.Custodian, Asset: trade.Asset, UnitsScale: trade.UnitsScale, Side: custodian.OrderSide(trade.Side),
		DealingDay: trade.Day, SettlesOn: trade.SettlesOn, Root: custodian.OrderRoot(rootOf(trade)), PlacedAt: place.RecordedAt,
	}
	if trade.Basis == inbox.BasisUnits {
		units := weightQuantity(trade, weightOf(trade))
		order.Units = &units
	} else {
		cash := schemas.Money(weightOf(trade))
		order.Cash = &cash
	}
	if trade.Side == inbox.SideSell && trade.Basis == inbox.BasisCash {
		most := unitsQuantity(coveredUnits(trade), trade.UnitsScale)
		order.Units = &most
	}
	return []streams.Out{tradeOut(tradeEvent(place, id, trade, eventBatched, eventPlaced)), {Topic: streams.CustodianOrder, Key: id.String(), Value: order}}
}

// leastReserved returns what the order has reserved, and its weight, that has reserved the fewest units for its weight.
func leastReserved(trade *state.TradeState) (reserved, weight int64) {
	for i := range trade.Totals {
		if t := &trade.Totals[i]; t.LeastWeight > 0 && batch.IsLess(t.LeastReserved, t.LeastWeight, reserved, weight) {
			reserved, weight = t.LeastReserved, t.LeastWeight
		}
	}
	return reserved, weight
}

// coveredUnits is the most units that a sell by cash may give, because each of its orders has reserved its share of them.
func coveredUnits(trade *state.TradeState) schemas.Units {
	reserved, weight := leastReserved(trade)
	if weight == 0 {
		return 0
	}
	units, err := schemas.MulDivFloor(reserved, weightOf(trade), weight)
	most, exact := batch.UnitsMax.Quanta(int(trade.UnitsScale))
	if err != nil || !exact || units > most {
		return schemas.Units(most)
	}
	return schemas.Units(units)
}

// tags shows what a trade waits for and whether it has something to tell.
func tags(trade *state.TradeState) []string {
	var t []string
	if len(trade.Waiting) > 0 {
		t = append(t, priceTag(trade.Asset, trade.Day))
	}
	if isReady(trade) {
		t = append(t, tagReady)
	}
	return t
}

func isReady(trade *state.TradeState) bool {
	return trade.Stage == state.StageBatched ||
		int(trade.Sent) < len(trade.Pieces) ||
		!trade.Told && (trade.Stage == state.StageSettled || trade.Stage == state.StageRejected)
}

// weightQuantity converts a weight of the trade: cash or units, as its basis says.
func weightQuantity(trade *state.TradeState, weight int64) schemas.Quantity {
	if trade.Basis == inbox.BasisCash {
		return cashQuantity(schemas.Money(weight))
	}
	q, err := schemas.QuantityOf(weight, int(trade.UnitsScale))
	if err != nil {
		return schemas.QuantityMax
	}
	return q
}

// cashQuantity converts cash that a trade is for. More than can be said is only ever told of a trade that ends for that very reason.
func cashQuantity(cash schemas.Money) schemas.Quantity {
	q, err := cash.Quantity()
	if err != nil {
		return schemas.QuantityMax
	}
	return q
}
