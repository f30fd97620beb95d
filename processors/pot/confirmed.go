package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// postingsPerOrder is how many postings a visit makes on an order in the usual case: cash, units, and what is returned.
const postingsPerOrder = 3

// confirmedTags are the tags of all pots that the message concerns.
func confirmedTags(m *inbox.BatchesConfirmed) []string {
	tags := make([]string, 0, len(m.Priced)+len(m.Settled)+len(m.Rejected))
	for i := range m.Priced {
		tags = append(tags, pricedPart(&m.Priced[i]).tag())
	}
	for i := range m.Settled {
		tags = append(tags, settledPart(&m.Settled[i]).tag())
	}
	for i := range m.Rejected {
		tags = append(tags, rejectedPart(&m.Rejected[i]).tag())
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// visit is one pot's part of what custodians confirmed.
type visit struct {
	*draft
	place     streams.Place
	reference *Reference
	cause     *inbox.Cause
	pot       schemas.PotID
	tally     *state.PotTally
	touched   []touch
	// rests are the orders that go on with what others were not dealt.
	rests []state.Order
	// ended are buys of switches that came to nothing.
	ended []schemas.ID
	// staying are orders that cannot go on to another day with the others of their batch.
	staying []schemas.ID
	// ids are the ids that postings point to: a posting outlives the order.
	ids []schemas.ID
	// changed says that the message is news to the pot. It is none where the message is swept again for another pot's sake.
	changed bool
}

// touch is an instruction of which an order moved on.
type touch struct {
	source      schemas.SourceID
	instruction schemas.InstructionID
	state       schemas.Code
	why         refusal
	// day is the new dealing day of what is carried forward, 0 with other states.
	day schemas.Date
}

// confirmed gives one pot its share of every piece, settles what has settled and gives back what was rejected.
func confirmed(
	place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.BatchesConfirmed, tally *state.PotTally,
) (*state.PotState, []streams.Out) {
	v := &visit{
		draft: newDraft(before, postingsPerOrder*len(before.Orders)),
		place: place, reference: r, cause: cause, pot: pot, tally: tally,
		touched: make([]touch, 0, len(before.Orders)), ids: make([]schemas.ID, 0, len(before.Orders)),
	}
	for i := range m.Priced {
		v.priced(&m.Priced[i])
	}
	for i := range m.Settled {
		v.settled(&m.Settled[i])
	}
	for i := range m.Rejected {
		v.rejected(&m.Rejected[i])
	}
	if !v.changed {
		return before, nil
	}
	v.addRests()
	v.dropEnded()
	paid := v.transferred()
	outs := v.statuses(v.journal(make([]streams.Out, 0, 1+len(v.touched)), place, pot, cause, kindConfirmed))
	if paid != nil {
		outs = append(outs, paymentOut(place, pot, paid, payment.PaymentActionPay))
	}
	return &v.state, outs
}

func (v *visit) priced(b *inbox.PricedBatch) {
	part := pricedPart(b)
	for i := range v.state.Orders {
		order := &v.state.Orders[i]
		if batchOf(order) != part.batchKey || order.Pieces >= b.Piece {
			continue
		}
		moved := v.share(order, b)
		addShare(v.tally, b.Trade, b.Piece, order.Amount, moved)
	}
}

// share books an order's share of a piece: cumulative before and after, and the difference is posted.
func (v *visit) share(order *state.Order, b *inbox.PricedBatch) allocation.Amounts {
	through := mustShare(mustRound(b.Trade, b.Policy, b.Side).Share(allocation.Amounts{Got: b.GotThrough, Given: b.GivenThrough}, order.Amount, b.Weight))
	moved := through.Minus(allocation.Amounts{Got: order.Got, Given: order.Given})
	order.Got, order.Given, order.Pieces = through.Got, through.Given, b.Piece
	v.changed = true

	p := purpose{stage: stagePriced, effectiveOn: b.Day, order: v.idOf(order), trade: &b.Trade}
	cashOwed, unitsOwed := owed(b.Custodian)
	if order.Side == inbox.SideSell {
		move(v.draft, p, b.Asset, b.UnitsScale, v.holding(b.Asset).reserved(), unitsOwed, schemas.Units(moved.Given))
		v.moveCash(p, cashOwed, v.pending(), schemas.Money(moved.Got))
	} else {
		v.moveCash(p, v.reserved(), cashOwed, schemas.Money(moved.Given))
		holding := v.holding(b.Asset)
		if unitsOf(holding.Holding) == 0 {
			holding.Event = v.reference.kept[b.Asset].Event // it takes no part in what came before it
		}
		move(v.draft, p, b.Asset, b.UnitsScale, unitsOwed, holding.pending(), schemas.Units(moved.Got))
	}
	if b.Final {
		order.Priced = true
		v.finishPricing(order, b, p)
	}
	return moved
}

// finishPricing carries forward what the last piece leaves of an order, or gives it back.
func (v *visit) finishPricing(order *state.Order, b *inbox.PricedBatch, p purpose) {
	if day, ok := v.carriedTo(b.Asset, b.CarriedTo); ok && v.carryRest(order, day) {
		v.partBuy(order, &v.rests[len(v.rests)-1])
		v.goOn(order, state.AwaitsPrice, receivedAt(b.ConfirmedAt, v.cause), p)
		return
	}
	back := p
	back.stage = stageReturned
	v.giveBack(back, order, b.UnitsScale)
	v.goOn(order, state.AwaitsPrice, receivedAt(b.ConfirmedAt, v.cause), p)
	v.touch(order, statePriced, refusal{})
}

func (v *visit) settled(b *inbox.SettledBatch) {
	v.finish(settledPart(b).batchKey, func(order *state.Order) {
		// Earlier versions noted there when the buy of a switch had given something back: that may have been after the day on which this settled.
		settledOn, switched := max(b.SettledOn, order.Since), switchOf(order, b.Trade)
		p := purpose{stage: stageSettled, effectiveOn: settledOn, order: v.idOf(order), trade: &b.Trade}
		if order.Source == sourceCharge {
			v.moveCash(p, v.pending(), outside[schemas.Money](ledger.SchemeCharges), schemas.Money(order.Got))
			v.state.Accrued -= schemas.Money(order.Got)
		} else if order.Side == inbox.SideSell {
			v.goOn(order, state.AwaitsSettlement, receivedAt(b.ConfirmedAt, v.cause), p)
			v.settleCash(p, v.available(), schemas.Money(order.Got)-order.Spent, order.Returned)
		} else {
			held := v.holding(b.Asset)
			move(v.draft, p, b.Asset, b.UnitsScale, held.pending(), held.settled(), schemas.Units(order.Got))
		}
		v.keepDealt(v.reference, v.place.RecordedAt, order, settledOn, switched)
		if !v.hasRest(order) {
			v.touch(order, stateSettled, refusal{})
		}
		v.transferSettled(settledOn)
	})
}

// rejected ends the orders of a batch that will not be dealt. Where it is carried forward they move to another day instead, with all that they
// reserved: nothing is posted but what was dealt and is given up.
func (v *visit) rejected(b *inbox.RejectedBatch) {
	day, goesOn := v.carriedTo(b.Asset, b.CarriedTo)
	if len(b.Pieces) > 0 {
		v.undeal(b, day, goesOn)
	}
	if goesOn {
		v.carry(b, day)
	}
	v.finish(rejectedPart(b).batchKey, func(order *state.Order) {
		p := purpose{stage: stageRejected, effectiveOn: b.Day, order: v.idOf(order), trade: &b.Trade}
		v.giveUp(order)
		v.giveBack(p, order, b.UnitsScale)
		end := stateRejected
		if order.Rest || order.Amount == 0 && (v.hasRest(order) || v.isSettled(schemas.RestOf(order.ID))) {
			end = stateOfDealt // what was dealt of it before stands, and so does the rest of one of which nothing was
		} else {
			v.dropTransfer(order.Source, order.Instruction) // it is rejected with any of its sells; what it has sold stays with the pot
		}
		v.touch(order, end, refusal{codeTradeRejected, fmt.Sprintf("the trade in %s for %s was rejected: %s", b.Asset, b.Day, b.Reason)})
	})
}

// finish books the end of each of the batch's orders and takes it out of the pot.
func (v *visit) finish(ended batchKey, book func(*state.Order)) {
	// What ends may change the other order of its switch: each is taken out only when all of them are booked.
	for i := range v.state.Orders {
		if order := &v.state.Orders[i]; batchOf(order) == ended {
			book(order)
			v.changed = true
		}
	}
	v.state.Orders = slices.DeleteFunc(v.state.Orders, func(order state.Order) bool { return batchOf(&order) == ended })
}

func (v *visit) touch(order *state.Order, s schemas.Code, why refusal) {
	if isMade(order.Source) {
		return
	}
	v.touched = append(v.touched, touch{source: order.Source, instruction: order.Instruction, state: s, why: why})
}

// statuses tells who sent the instructions how far they are: priced or settled once all of their orders are, rejected at once. A
// rejection is the instruction's end, even where other orders of it go on: an end is told once.
func (v *visit) statuses(outs []streams.Out) []streams.Out {
	// One sweep may settle one order of an instruction and reject another: the rejection is its end, whatever else came of it.
	slices.SortStableFunc(v.touched, func(a, b touch) int { return rankOf(a.state) - rankOf(b.state) })
	told := make([]touch, 0, len(v.touched))
	for n, t := range v.touched {
		if slices.Contains(v.touched[:n], t) {
			continue
		}
		if t.state == stateCarried {
			outs = v.tellCarried(outs, t)
			continue
		}
		if t.state == stateOfDealt {
			t.state = endOfDealt(&v.state, t.source, t.instruction)
		}
		// The rests of two orders may come to the same in one sweep, one of them dealt and the other rejected: the sender is told once.
		if slices.ContainsFunc(told, func(b touch) bool {
			return b.source == t.source && b.instruction == t.instruction && b.state == t.state
		}) {
			continue
		}
		whole := v.holdsFor(t)
		if !whole && t.state == stateSettled {
			t.state = stateSettledInPart // what has settled can no longer be seen in the orders, and forbids to cancel the rest
		} else if !whole {
			continue
		}
		if at := findSeen(v.state.Seen, seenKey(t.source, t.instruction)); at >= 0 {
			if v.state.Seen[at].State == stateRejected {
				continue
			}
			advance(&v.state.Seen[at], t.state, t.why.code)
		}
		if !whole {
			continue
		}
		told = append(told, t)
		outs = append(outs, progressOut(v.place, v.pot, t.source, t.instruction, t.state, t.why, v.cause))
	}
	return outs
}

// rankOf puts rejections before all other states, those of a rest before what came of other orders.
func rankOf(s schemas.Code) int {
	switch s {
	case stateRejected:
		return 0
	case stateOfDealt:
		return 1
	}
	return 2
}

// holdsFor says whether the state is true of the instruction as a whole.
func (v *visit) holdsFor(t touch) bool {
	if t.state == stateRejected {
		return true
	}
	return !slices.ContainsFunc(v.state.Orders, func(o state.Order) bool {
		return o.Source == t.source && o.Instruction == t.instruction && (t.state == stateSettled || !o.Priced)
	})
}

// progressOut says how far an earlier instruction has come.
func progressOut(place streams.Place, pot schemas.PotID, source schemas.SourceID, id schemas.InstructionID, s schemas.Code, why refusal, cause *inbox.Cause) streams.Out {
	return toldOut(progressOf(place, pot, source, id, s, why, cause))
}

// progressOf says so for who has more to say.
func progressOf(
	place streams.Place, pot schemas.PotID, source schemas.SourceID, id schemas.InstructionID, s schemas.Code, why refusal, cause *inbox.Cause,
) *status.InstructionStatus {
	return &status.InstructionStatus{
		Source: source, ID: id, Pot: pot, State: s, Code: why.code, Reason: why.reason, ReceivedAt: cause.ReceivedAt, RecordedAt: place.RecordedAt,
	}
}

func toldOut(told *status.InstructionStatus) streams.Out {
	return streams.Out{Topic: streams.StatusInstruction, Key: string(told.Pot), Value: told}
}

// tallyOf returns the tally's entry for a piece, making it where there is none.
func tallyOf(tally *state.PotTally, trade schemas.ID, piece int32) *state.BatchTally {
	for i := range tally.Batches {
		if entry := &tally.Batches[i]; entry.Trade == trade && entry.Piece == piece {
			return entry
		}
	}
	tally.Batches = append(tally.Batches, state.BatchTally{Trade: trade, Piece: piece})
	return &tally.Batches[len(tally.Batches)-1]
}

// addShare adds an order's share to what the shard's orders had of something that is told of a batch.
func addShare(tally *state.PotTally, trade schemas.ID, piece int32, weight int64, moved allocation.Amounts) {
	entry := tallyOf(tally, trade, piece)
	entry.Orders++
	entry.Weight += weight
	entry.Got += moved.Got
	entry.Given += moved.Given
}

// mustRound returns how a batch's policy rounds: the one that was frozen with it, whatever holds by now.
func mustRound(trade schemas.ID, policy string, side inbox.Side) allocation.Rounding {
	rounding, err := allocation.RoundingOf(policy, side == inbox.SideBuy)
	if err != nil {
		panic(fmt.Sprintf("pot: batch %s: %v", trade, err))
	}
	return rounding
}

// mustShare unwraps an allocation whose arguments dealing has checked.
func mustShare(a allocation.Amounts, err error) allocation.Amounts {
	if err != nil {
		panic(fmt.Sprintf("pot: %v", err))
	}
	return a
}

// idOf copies an order's id to where a posting may point to it.
func (v *visit) idOf(order *state.Order) *schemas.ID {
	v.ids = append(v.ids, order.ID)
	return &v.ids[len(v.ids)-1]
}
