package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// switchInto orders the sale, and a buy that waits for its proceeds. Both can be, or neither is ordered.
func (q *question) switchInto(before *state.PotState, s *ingest.Switch, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	orders, why := q.switchOrders(before, 0, s.Asset, s.Into, quantitySold{s.Units, s.Cash, s.All})
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	return q.reserve(newDraft(before, 1), orders, digest)
}

// switchOrders makes the sell and the buy of a switch, the buy with the leg after the sell's, or says why they cannot be. The day of the buy is not known yet, but that it
// could deal today is: an asset that nobody deals in is no asset to switch into.
func (q *question) switchOrders(before *state.PotState, leg int, from, into schemas.AssetCode, sold quantitySold) ([]state.Order, refusal) {
	if len(before.Orders)+1 >= ordersMax {
		return nil, refusal{codeTooManyOrders, fmt.Sprintf("a pot may have %d open orders", ordersMax)}
	}
	sell, why := q.sellOrder(before, leg, from, sold)
	if why.code != "" {
		return nil, why
	}
	if !q.reference.Knows(into) {
		return nil, unknownAsset(into)
	}
	day, why := q.dealingDay(into)
	if why.code != "" {
		return nil, why
	}
	if !q.reference.hasRoom(before, into, day) {
		return nil, noRoom(into)
	}
	buy := q.order(leg+1, want{asset: into}, 0)
	buy.Awaits = state.AwaitsPrice
	if q.reference.Settings(q.today).SwitchAwaitsSettlement {
		buy.Awaits = state.AwaitsSettlement
	}
	sellID, buyID := sell.ID, buy.ID
	sell.Counter, buy.Counter = &buyID, &sellID
	return []state.Order{sell, buy}, refusal{}
}

// counter returns the other order of a switch while it is open, or nil.
func (d *draft) counter(order *state.Order) *state.Order { return counterAmong(d.state.Orders, order) }

// counterAmong returns the other order of a switch, or nil where it is not among the orders.
func counterAmong(orders []state.Order, order *state.Order) *state.Order {
	if order.Counter == nil {
		return nil
	}
	i := slices.IndexFunc(orders, func(o state.Order) bool { return o.ID == *order.Counter })
	if i < 0 {
		return nil
	}
	return &orders[i]
}

// goOn lets the buy of a switch go out, if this is what it waits for: what the sell brought is moved from it to the buy, on the next day that the
// asset deals. Where nothing came of the sell, or no day is left, there is no buy, and what there is stays with the sell.
func (v *visit) goOn(sell *state.Order, what state.Awaits, at schemas.Instant, p purpose) {
	buy := v.buyOf(sell)
	if buy == nil || buy.Awaits != what {
		return
	}
	if sell.Got == 0 {
		v.ended = append(v.ended, buy.ID)
		return
	}
	day, why := v.reference.nextDay(v.place, buy.Asset, at)
	if why.code == "" && !v.reference.hasRoom(&v.state, buy.Asset, day) {
		why = noRoom(buy.Asset)
	}
	if why.code != "" {
		v.ended = append(v.ended, buy.ID)
		v.touch(buy, stateRejected, why)
		return
	}
	buy.Awaits, buy.Day, buy.Amount, buy.Since = state.AwaitsNothing, day, sell.Got, p.effectiveOn
	sell.Spent = schemas.Money(sell.Got)
	p.stage, p.counter = stageSwitched, v.idOf(buy)
	v.moveCash(p, v.pending(), v.reserved(), sell.Spent)
}

// buyOf returns the buy of a sell that is part of a switch, or nil. It may be one that goes on with a part of it since this very message.
func (v *visit) buyOf(sell *state.Order) *state.Order {
	return cmp.Or(v.counter(sell), counterAmong(v.rests, sell))
}

// partBuy gives the sell of a switch of which only a part was dealt a buy of its own: that one spends what the part brings, and the other one waits for
// the rest.
func (v *visit) partBuy(sell, rest *state.Order) {
	buy := v.counter(sell)
	if buy == nil || buy.Awaits == state.AwaitsNothing {
		return
	}
	part, first, last := *buy, sell.ID, rest.ID
	part.ID = schemas.DeriveID("part", buy.ID.String(), first.String())
	part.Salt = state.OrderSalt(merkle.OrderSalt(merkle.Salt(buy.Salt), part.ID))
	partID := part.ID
	part.Counter, sell.Counter, buy.Counter = &first, &partID, &last
	v.rests = append(v.rests, part)
}

// giveUp ends the buy of a switch that waits for a sell of which nothing comes.
func (v *visit) giveUp(sell *state.Order) {
	if buy := v.counter(sell); buy != nil && buy.Awaits != state.AwaitsNothing {
		v.ended = append(v.ended, buy.ID)
	}
}

// dropEnded takes orders out of the pot that came to nothing.
func (v *visit) dropEnded() {
	v.state.Orders = slices.DeleteFunc(v.state.Orders, func(o state.Order) bool { return slices.Contains(v.ended, o.ID) })
}

// nextDay returns the day on which something deals that a message received at the time has let go on: the first one that it is in time for and that is
// not closed. Where the pot was set aside meanwhile, it is one as of now, at a price that nobody can know yet.
func (r *Reference) nextDay(place streams.Place, asset schemas.AssetCode, at schemas.Instant) (schemas.Date, refusal) {
	if place.Released {
		at = max(at, place.RecordedAt)
	}
	day, err := r.DealingDay(asset, at)
	if err == nil && r.isClosed(asset, day) {
		day, err = r.NextDealingDay(asset, r.closed[asset]+1)
	}
	if err != nil {
		return 0, refusal{codeNoDealingDay, fmt.Sprintf("asset %s: there is no day left to deal on: %v", asset, err)}
	}
	return day, r.refuseHalted(asset, day)
}

// receivedAt is when a message of dealing's was let go on; earlier versions did not say so.
func receivedAt(confirmed schemas.Instant, cause *inbox.Cause) schemas.Instant {
	if confirmed == 0 {
		return cause.ReceivedAt
	}
	return confirmed
}
