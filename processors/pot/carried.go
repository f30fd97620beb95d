package pot

import (
	"bytes"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// carriedTo returns the day whose batch an order joins that was not dealt, or not to its end: the one that dealing named. Where that day was closed
// while the pot was set aside, it is the first one that is not. It returns false where no such day is known: then nothing is left but to give back.
func (v *visit) carriedTo(asset schemas.AssetCode, named *schemas.Date) (schemas.Date, bool) {
	if named == nil {
		return 0, false
	}
	if !v.reference.isClosed(asset, *named) {
		return *named, true
	}
	day, err := v.reference.NextDealingDay(asset, v.reference.closed[asset]+1)
	return day, err == nil && !v.reference.isHalted(asset, day)
}

// carryRest makes the order that goes on with what the given one has not been dealt, and returns false where nothing is left, or no room for what it may
// bring. It shares in the next batch as every other order does, and its salt comes of the first one's: whoever may be shown that leaf may be shown this one.
func (v *visit) carryRest(first *state.Order, day schemas.Date) bool {
	rest := restOf(first)
	if rest.Amount <= 0 || rest.Side == inbox.SideSell && reservedUnits(&rest) <= 0 || !v.hasRoom(&rest, day) {
		return false
	}
	rest.ID, rest.Day, rest.Rest = v.restID(first), day, true
	rest.Salt = state.OrderSalt(merkle.OrderSalt(merkle.Salt(first.Salt), rest.ID))
	v.cover(&rest)
	v.rests = append(v.rests, rest)
	v.touchOn(first, day)
	return true
}

// cover reserves more units for what is left of a sell for cash, where a part of it was dealt at a lower price: as many as a new order would reserve at the last price,
// as far as the pot has them free. The batch of its new day deals for no more than what its least covered order has reserved is worth.
func (v *visit) cover(rest *state.Order) {
	last := v.reference.LastPrice(rest.Asset)
	if rest.Side != inbox.SideSell || rest.Basis != inbox.BasisCash || last == nil {
		return
	}
	today, scale := v.reference.today(v.place), v.reference.Latest(rest.Asset).UnitsScale
	needed, err := unitsFor(schemas.Money(rest.Amount), last.Price, int64(v.reference.Settings(today).SellCashMaxBps), scale)
	on, held := min(rest.Day, today), v.holding(rest.Asset)
	more := min(needed-rest.Reserved, held.Settled-schemas.Units(arrivedAfter(held.Arrived, on)))
	if err != nil || more <= 0 || on < v.state.Since {
		return
	}
	move(v.draft, purpose{stage: stageReserved, effectiveOn: on, order: v.idOf(rest)}, rest.Asset, scale, held.settled(), held.reserved(), more)
	rest.Reserved, rest.Since = rest.Reserved+more, on
}

// restID returns the id of the order that goes on with what the given one was not dealt. An order whose settlement was given up may have a second rest while the
// first one is known: that one is named as the rest of the first would be, so that whoever follows the ids from rest to rest finds it.
func (v *visit) restID(first *state.Order) schemas.ID {
	id := schemas.RestOf(first.ID)
	for v.knowsOrder(id) {
		id = schemas.RestOf(id)
	}
	return id
}

// knowsOrder says whether the pot has an order of that id, be it open, about to be, or settled.
func (v *visit) knowsOrder(id schemas.ID) bool {
	has := func(o state.Order) bool { return o.ID == id }
	return slices.ContainsFunc(v.state.Orders, has) || slices.ContainsFunc(v.rests, has) || v.isSettled(id)
}

// isSettled says whether the pot has had an order of that id that settled, and may still be corrected.
func (v *visit) isSettled(id schemas.ID) bool {
	return slices.ContainsFunc(v.state.Dealt, func(o state.DealtOrder) bool { return o.ID == id })
}

// restOf is an order for what the given one has not been dealt: what it has not given, or, of a sell by cash, the cash that it has not got.
func restOf(first *state.Order) state.Order {
	rest := *first
	rest.Given, rest.Got, rest.Pieces, rest.Priced, rest.Corrected = 0, 0, 0, false, 0
	if first.Side == inbox.SideSell && first.Basis == inbox.BasisCash {
		rest.Amount, rest.Reserved = first.Amount-first.Got, first.Reserved-schemas.Units(first.Given)
		return rest
	}
	rest.Amount = first.Amount - first.Given
	return rest
}

// addRests puts the orders that go on in their places among the others.
func (v *visit) addRests() {
	if len(v.rests) == 0 {
		return
	}
	v.state.Orders = append(v.state.Orders, v.rests...)
	slices.SortFunc(v.state.Orders, func(a, b state.Order) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// isRestOf says whether the order goes on with what another one of its instruction was not dealt.
func isRestOf(rest, first *state.Order) bool {
	return rest.Rest && rest.Source == first.Source && rest.Instruction == first.Instruction && rest.Asset == first.Asset && kindOf(rest) == kindOf(first) &&
		rest.Day > first.Day
}

// hasRest says whether an order goes on with what this one was not dealt, be it since this visit.
func (v *visit) hasRest(first *state.Order) bool {
	is := func(o state.Order) bool { return isRestOf(&o, first) }
	return slices.ContainsFunc(v.state.Orders, is) || slices.ContainsFunc(v.rests, is)
}

// carry moves the orders of a batch to another day, but for those that have nothing to go on with. They keep their ids, and with them their places.
func (v *visit) carry(b *inbox.RejectedBatch, day schemas.Date) {
	part := rejectedPart(b)
	for i := range v.state.Orders {
		order := &v.state.Orders[i]
		if batchOf(order) != part.batchKey || slices.Contains(v.staying, order.ID) {
			continue
		}
		order.Day, v.changed = day, true
		v.touchOn(order, day)
	}
}

// touchOn notes that an order goes on to another day.
func (v *visit) touchOn(order *state.Order, day schemas.Date) {
	if isMade(order.Source) {
		return
	}
	v.touched = append(v.touched, touch{source: order.Source, instruction: order.Instruction, state: stateCarried, day: day})
}

// tellCarried tells the sender the new dealing day, unless the instruction's end was told already.
func (v *visit) tellCarried(outs []streams.Out, t touch) []streams.Out {
	if at := findSeen(v.state.Seen, seenKey(t.source, t.instruction)); at >= 0 {
		switch v.state.Seen[at].State {
		case stateRejected:
			return outs
		case stateAccepted, statePriced:
			advance(&v.state.Seen[at], stateCarried, "")
		}
	}
	told := progressOf(v.place, v.pot, t.source, t.instruction, stateCarried, refusal{}, v.cause)
	told.DealingDay = &t.day
	return append(outs, toldOut(told))
}

// endOfDealt returns how far an instruction has come of which a part was dealt and the rest has ended.
func endOfDealt(pot *state.PotState, source schemas.SourceID, instruction schemas.InstructionID) schemas.Code {
	if slices.ContainsFunc(pot.Orders, func(o state.Order) bool { return o.Source == source && o.Instruction == instruction }) {
		return statePriced
	}
	return stateSettled
}

// hasRoom says whether the pot could hold what one more trade may give it.
func (v *visit) hasRoom(rest *state.Order, day schemas.Date) bool {
	if rest.Side == inbox.SideSell {
		return canTakeProceeds(&v.state)
	}
	return v.reference.hasRoom(&v.state, rest.Asset, day)
}
