package invariants

import (
	"math"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// checkOrders compares members' orders with the external trades, and these with what went out and came back.
func (f *facts) checkOrders() []*finding {
	single := &finding{number: 9, name: "an order is in one external trade, whose root is published before it is placed and never changes"}
	sum := &finding{number: 12, name: "the orders' reservations sum to the external trade's amount"}
	fits := &finding{number: 13, name: "placed is not above ordered, nor the sum of fills above placed; each fill is as it was confirmed"}
	back := &finding{number: 18, name: "given, returned and carried forward sum to what was reserved, per order"}
	traded, fills := 0, 0
	for _, id := range sortedIDs(f.orders) {
		o := f.orders[id]
		f.checkOrder(single, sum, o)
		if o.reserved == 0 && len(o.trades) == 0 {
			continue
		}
		traded++
		f.checkReturned(back, o)
	}
	for _, id := range sortedIDs(f.trades) {
		t := f.trades[id]
		checkEvents(single, t)
		checkSum(sum, t)
		f.checkFills(fits, t)
		fills += len(t.fills)
	}
	return []*finding{
		single.on(traded, "orders").on(len(f.trades), "trades"),
		sum.on(traded, "orders").on(len(f.trades), "trades"),
		fits.on(len(f.trades), "trades").on(fills, "fills").on(len(f.Confirmations), "confirmations"),
		back.on(traded, "orders"),
	}
}

// checkOrder checks that an order is what its instruction says and in no second trade.
func (f *facts) checkOrder(single, sum *finding, o *order) {
	if len(o.trades) > 1 {
		single.fail("order %s is in %d trades", o.id, len(o.trades))
	}
	for id := range o.trades {
		if t := f.trades[id]; t == nil || t.batched == nil {
			single.fail("order %s is in trade %s, which was never published", o.id, id)
		}
	}
	if o.reserved == 0 {
		return
	}
	switch {
	case o.rest:
		// What it goes on with, the order before it has left.
	case o.received == nil && o.income > 0 && o.reserved == o.income:
		// A distribution is reinvested, all of it.
	case o.run != nil:
		// What a re-balancing trades is worked out again from what the pot has.
	case o.received == nil && o.sells && f.isForCharge(o):
		// Units are sold for a charge: how many, the prices of that moment say.
	case o.received == nil:
		sum.fail("order %s of pot %s reserves %s, and no instruction asks for it", o.id, o.pot, o.reserved)
	case o.byCash:
		f.checkCover(sum, o)
	case o.sells && o.units != 0 && o.units != o.reserved, !o.sells && !o.isSwitched() && quanta(o.reserved, schemas.MoneyScale) != int64(o.cash):
		sum.fail("order %s of pot %s reserves %s, its instruction does not say so", o.id, o.pot, o.reserved)
	}
}

func (f *facts) checkReturned(c *finding, o *order) {
	switch {
	case o.given+o.returned+o.carried > o.reserved:
		c.fail("order %s gave %s and got %s back of %s", o.id, o.given, o.returned, o.reserved)
	case o.ended(f) && o.given+o.returned+o.carried != o.reserved:
		c.fail("order %s ended with %s given and %s returned of %s", o.id, o.given, o.returned, o.reserved)
	case o.given+o.returned+o.carried+o.inReserved != o.reserved:
		c.fail("order %s has %s reserved, %s given and %s returned of %s", o.id, o.inReserved, o.given, o.returned, o.reserved)
	}
}

// checkEvents checks the order of a trade's events, and that they agree on what was frozen.
func checkEvents(c *finding, t *trade) {
	if len(t.events) == 0 || t.events[0].Event != eventBatched {
		c.fail("trade %s begins without being published", t.id)
		return
	}
	for n, event := range t.events {
		if (n == 1) != (event.Event == eventPlaced) || (n == 0) != (event.Event == eventBatched) {
			c.fail("trade %s: its event number %d is %s", t.id, n+1, event.Event)
		}
		if event.Root != t.batched.Root || event.Ordered != t.batched.Ordered || event.Orders != t.batched.Orders {
			c.fail("trade %s: its root, amount or number of orders changed with %s", t.id, event.Event)
		}
	}
	if t.order != nil && (ledger.TradeRoot(t.order.Root) != t.batched.Root || t.placed == nil) {
		c.fail("trade %s was placed with another root than was published", t.id)
	}
}

// checkSum checks the frozen amount, per shard and over all, against the orders that the ledger has dealt with since.
func checkSum(c *finding, t *trade) {
	if t.batched == nil {
		return
	}
	whole, orders := schemas.Quantity(0), int64(0)
	for _, s := range t.batched.Shards {
		whole += s.Weight
		orders += s.Orders
	}
	if whole != t.batched.Ordered || orders != t.batched.Orders {
		c.fail("trade %s: its shards sum to %s in %d orders, not %s in %d", t.id, whole, orders, t.batched.Ordered, t.batched.Orders)
	}
	if len(t.fills) == 0 && t.rejected == nil {
		return // no posting names the trade yet
	}
	for _, s := range t.batched.Shards {
		weight, count := schemas.Quantity(0), int64(0)
		for _, o := range t.members {
			if o.shard == s.Shard {
				weight += o.weight()
				count++
			}
		}
		if weight != s.Weight || count != s.Orders {
			c.fail("trade %s: shard %d has %d orders for %s, frozen were %d for %s", t.id, s.Shard, count, weight, s.Orders, s.Weight)
		}
	}
}

func (f *facts) checkFills(c *finding, t *trade) {
	if t.batched == nil || (t.placed != nil) != (t.order != nil) {
		c.fail("trade %s was placed without an order, or the reverse", t.id)
		return
	}
	if o := t.order; o != nil && t.sells() != (o.Side == custodian.OrderSideSell) {
		c.fail("trade %s: its order is on the other side", t.id)
	} else if o != nil && orderedIn(o, t) > quanta(t.batched.Ordered, t.weightScale()) {
		c.fail("trade %s: its order is for more than %s", t.id, t.batched.Ordered)
	}
	if t.counted() > quanta(t.batched.Ordered, t.weightScale()) {
		c.fail("trade %s: filled for %d quanta of %s", t.id, t.counted(), t.batched.Ordered)
	}
	if t.order != nil && t.order.Units != nil && t.units > quanta(*t.order.Units, t.batched.UnitsScale) {
		c.fail("trade %s: filled for %d quanta of %s units", t.id, t.units, t.order.Units)
	}
	if t.strays > 0 {
		c.fail("trade %s: %d corrections of pieces that it does not have", t.id, t.strays)
	}
	for n, fill := range t.fills {
		if int(fill.Piece) != n+1 || fill.Final != (n == len(t.fills)-1) && fill.Final || t.order == nil {
			c.fail("trade %s: piece %d came as number %d", t.id, fill.Piece, n+1)
		}
	}
	for _, fill := range t.dealt {
		if !f.confirmedAs(t, fill) {
			c.fail("trade %s: piece %d was not confirmed like that", t.id, fill.Piece)
		}
	}
}

// orderedIn is what an order asks the custodian to take, in quanta; one that does not say it asks for everything.
func orderedIn(o *custodian.CustodianOrder, t *trade) int64 {
	switch {
	case t.batched.Basis == ledger.TradeBasisUnits && o.Units != nil:
		return quanta(*o.Units, t.weightScale())
	case t.batched.Basis == ledger.TradeBasisCash && o.Cash != nil:
		return int64(*o.Cash)
	}
	return math.MaxInt64
}

// confirmedAs says whether a custodian sent just this fill. A rejection or deferral after the first piece is a last one that moves nothing.
func (f *facts) confirmedAs(t *trade, fill *ledger.Trade) bool {
	for _, c := range f.confirmed[confirmationKey{fill.Trade, fill.Confirmation}] {
		_, rejects := c.Body.(*ingest.TradeRejected)
		_, defers := c.Body.(*ingest.TradeDeferred)
		if (rejects || defers) && c.Custodian == fill.Custodian && fill.Piece > 1 && fill.Final && fill.Cash == 0 && fill.Units == 0 {
			return true
		}
		body, ok := c.Body.(*ingest.FillPriced)
		if !ok || c.Custodian != fill.Custodian || body.Piece != fill.Piece || body.Final != fill.Final || fill.Price == nil || body.Price != *fill.Price {
			continue
		}
		if t.reportedAs(fill, body, f.digitsOf(fill.Custodian)) {
			return true
		}
	}
	return false
}
