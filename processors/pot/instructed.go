package pot

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of one pot. They are far above what a member needs, and keep a pot's state small.
const (
	ordersMax       = 200
	instructionsMax = 1000
	// balanceMax is the most cash that a pot may hold: a hundred billion pounds.
	balanceMax schemas.Money = 100_000_000_000_00
)

// instructed answers an instruction.
func instructed(place streams.Place, r *Reference, before *state.PotState, cause *inbox.Cause, i *ingest.Instruction) (*state.PotState, []streams.Out) {
	q := &question{place: place, reference: r, cause: cause, instruction: i}
	today, ready := r.LocalDate(cause.ReceivedAt)
	if !ready {
		return before, q.refuse(notReady(), false)
	}
	q.today = today
	if before == nil {
		if _, opens := i.Body.(*ingest.PotOpened); !opens {
			return nil, q.refuse(notOpen(i.Pot), false)
		}
		if why := q.checkDate(); why.code != "" {
			return nil, q.refuse(why, false)
		}
		return q.open()
	}
	digest := digestOf(i)
	if at := findSeen(before.Seen, seenKey(i.Source, i.ID)); at >= 0 && q.answers(before, at, digest) {
		return before, q.again(&before.Seen[at], digest)
	}
	if before.ClosedOn != nil {
		return before, q.refuse(refusal{codeClosed, fmt.Sprintf("pot %s was closed on %s", i.Pot, before.ClosedOn)}, false)
	}
	if q.countKept(before) >= instructionsMax {
		return before, q.refuse(refusal{codeTooManyInstructions, fmt.Sprintf("more than %d instructions within the back-dating period", instructionsMax)}, false)
	}
	if why := q.checkDate(); why.code != "" {
		return q.refused(before, why, digest)
	}
	return q.decide(before, digest)
}

func (q *question) open() (*state.PotState, []streams.Out) {
	next := &state.PotState{Charged: q.reference.charged}
	next.Seen = q.remember(next, stateAccepted, "", digestOf(q.instruction))
	return next, []streams.Out{q.statusOut(stateAccepted, refusal{}, false, nil, nil)}
}

// checkDate refuses what is dated in the future or too far back: the latter is what lets a pot forget.
func (q *question) checkDate() refusal {
	dated := q.instruction.InstructedOn
	if dated > q.today {
		return refusal{codeDatedInFuture, fmt.Sprintf("dated %s, received on %s", dated, q.today)}
	}
	if oldest := q.reference.OldestDate(q.today); dated < oldest {
		return refusal{codeDatedTooFarBack, fmt.Sprintf("dated %s, before %s", dated, oldest)}
	}
	return refusal{}
}

func (q *question) decide(before *state.PotState, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if t := before.TransferOut; t != nil {
		if _, cancels := q.instruction.Body.(*ingest.Cancel); !cancels {
			return q.refused(before, refusal{codeTransferUnderWay, fmt.Sprintf("transfer out %s is under way", t.Instruction)}, digest)
		}
	}
	if q.mustReview() {
		return q.hold(before, digest)
	}
	switch body := q.instruction.Body.(type) {
	case *ingest.PotOpened:
		return q.refused(before, refusal{codeAlreadyOpen, fmt.Sprintf("pot %s is open already", q.instruction.Pot)}, digest)
	case *ingest.Contribution:
		return q.contribute(before, body, digest)
	case *ingest.InvestmentChoice:
		return q.choose(before, body, digest)
	case *ingest.Buy:
		return q.buy(before, body, digest)
	case *ingest.Sell:
		return q.sell(before, body, digest)
	case *ingest.Switch:
		return q.switchInto(before, body, digest)
	case *ingest.Cancel:
		return q.cancel(before, body, digest)
	case *ingest.Withdraw:
		return q.withdraw(before, body, digest)
	case *ingest.TransferIn:
		return q.transferIn(before, body, digest)
	case *ingest.TransferOut:
		return q.transferOut(before, body, digest)
	case *ingest.TransferOutInSpecie:
		return q.transferOutInSpecie(before, body, digest)
	case *ingest.Close:
		return q.closePot(before, digest)
	default:
		panic(fmt.Sprintf("pot: an instruction of type %T came through intake", body))
	}
}

// refused remembers the refusal, so that the same instruction gets the same answer when it comes again.
func (q *question) refused(before *state.PotState, why refusal, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	next := *before
	next.Seen = q.remember(before, stateRejected, why.code, digest)
	return &next, q.refuse(why, false)
}

// accepted closes a draft: the journal, then the status.
func (q *question) accepted(d *draft, digest state.SeenDigest, day *schemas.Date, orders []schemas.ID) (*state.PotState, []streams.Out) {
	return q.answered(d, stateAccepted, digest, day, orders)
}

// answered closes a draft with an answer that is no refusal.
func (q *question) answered(d *draft, s schemas.Code, digest state.SeenDigest, day *schemas.Date, orders []schemas.ID) (*state.PotState, []streams.Out) {
	d.state.Seen = q.remember(&d.state, s, "", digest)
	d.state.Since = q.from(&d.state)
	d.state.Dealt = d.forgetDealt(q.reference, q.cause.ReceivedAt)
	// The date belongs to the identity: the sender may use an id again once the pot has forgotten it.
	kind := "instructed/" + q.instruction.InstructedOn.String()
	if q.reviewed {
		kind = "reviewed/" + string(q.instruction.Source) + "/" + string(q.instruction.ID) + "/" + q.instruction.InstructedOn.String()
	}
	outs := d.journal(make([]streams.Out, 0, 2), q.place, q.instruction.Pot, q.cause, kind)
	return &d.state, append(outs, q.statusOut(s, refusal{}, false, day, orders))
}

// checkRoom refuses cash that is more than a pot may hold.
func checkRoom(pot *state.PotState, cash schemas.Money) refusal {
	if cash > balanceMax-cashOf(pot) {
		return refusal{codeBalanceTooLarge, "the pot would hold more cash than a pot may"}
	}
	return refusal{}
}

func (q *question) contribute(before *state.PotState, c *ingest.Contribution, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if why := checkRoom(before, c.Cash); why.code != "" && !q.reviewed {
		return q.refused(before, why, digest)
	}
	split, why := q.splitOf(before, c)
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	wanted := make([]want, 0, len(split))
	if len(split) > 0 {
		weights := make([]schemas.Weight, len(split))
		for i := range split {
			weights[i] = split[i].Weight
		}
		parts, err := allocation.Split(c.Cash, weights)
		if err != nil {
			panic(fmt.Sprintf("pot: a split came through intake: %v", err))
		}
		for i, part := range parts {
			wanted = append(wanted, want{split[i].Asset, part})
		}
	}
	orders, why := q.orders(before, wanted)
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	if q.reviewed { // its cash was booked when it came; what of it is left to invest may have been used since
		if why := q.refuseCash(before, c.Cash); why.code != "" {
			return q.refused(before, why, digest)
		}
		return q.reserve(newDraft(before, len(orders)), orders, digest)
	}
	d := newDraft(before, 1+len(orders))
	d.moveCash(purpose{stage: stageContributed, effectiveOn: q.today}, outside[schemas.Money](ledger.BankClientMoney), d.available(), c.Cash)
	return q.reserve(d, orders, digest)
}

func (q *question) buy(before *state.PotState, b *ingest.Buy, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	orders, why := q.orders(before, []want{{b.Asset, b.Cash}})
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	if why := q.refuseCash(before, b.Cash); why.code != "" {
		return q.refused(before, why, digest)
	}
	return q.reserve(newDraft(before, len(orders)), orders, digest)
}

// want is an asset to buy and the cash to spend on it.
type want struct {
	asset schemas.AssetCode
	cash  schemas.Money
}

// orders makes the orders for what is wanted, or says why one of them cannot be. A part of a split that is less than a
// penny makes no order.
func (q *question) orders(before *state.PotState, wanted []want) ([]state.Order, refusal) {
	if why := q.refuseMore(before, len(wanted), dealtMax); why.code != "" {
		return nil, why
	}
	if len(before.Orders)+len(wanted) > ordersMax {
		return nil, refusal{codeTooManyOrders, fmt.Sprintf("a pot may have %d open orders", ordersMax)}
	}
	orders := make([]state.Order, 0, len(wanted))
	for leg, w := range wanted {
		if !q.reference.Knows(w.asset) {
			return nil, unknownAsset(w.asset)
		}
		day, why := q.dealingDay(w.asset)
		if why.code != "" {
			return nil, why
		}
		if why := q.refuseEarlier(before, w.asset, day); why.code != "" {
			return nil, why
		}
		if !q.reference.hasRoom(before, w.asset, day) {
			return nil, noRoom(w.asset)
		}
		if w.cash > 0 {
			orders = append(orders, q.order(leg, w, day))
		}
	}
	return orders, refusal{}
}

// dealingDay returns the day on which an order deals: that of the instruction's receipt, or of its release where it was held for review. Where it was
// parked, or released only just in time, and that day is closed by now, it is the next one as of now, at a price that nobody can know yet.
func (q *question) dealingDay(asset schemas.AssetCode) (schemas.Date, refusal) {
	day, err := q.reference.DealingDay(asset, q.cause.ReceivedAt)
	if err == nil && (q.place.Released || q.reviewed) && q.reference.isClosed(asset, day) {
		day, err = q.reference.DealingDay(asset, q.place.RecordedAt)
	}
	if err != nil {
		return 0, refusal{codeNoDealingDay, fmt.Sprintf("asset %s: %v", asset, err)}
	}
	if q.reference.isClosed(asset, day) {
		return 0, refusal{codeAfterClose, fmt.Sprintf("asset %s: %s is closed already", asset, day)}
	}
	return day, q.reference.refuseHalted(asset, day)
}

func (q *question) order(leg int, w want, day schemas.Date) state.Order {
	i := q.instruction
	id := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), string(rune('a'+leg)))
	return state.Order{
		ID: id, Source: i.Source, Instruction: i.ID, Asset: w.asset, Side: inbox.SideBuy, Day: day, Amount: int64(w.cash),
		Salt: state.OrderSalt(merkle.OrderSalt(q.cause.Salt, id)),
	}
}

// reserve reserves the cash or the units of the orders and adds them to the pot, in the order of their ids.
func (q *question) reserve(d *draft, orders []state.Order, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	last, ids := q.add(d, orders)
	return q.accepted(d, digest, last, ids)
}

// add reserves what the orders need and adds them to the draft. It returns the last of their days, and their ids.
func (q *question) add(d *draft, orders []state.Order) (*schemas.Date, []schemas.ID) {
	ids := make([]schemas.ID, len(orders))
	var last *schemas.Date
	for i := range orders {
		order := &orders[i]
		ids[i] = order.ID
		if last == nil || order.Day > *last {
			last = &order.Day
		}
		p := purpose{stage: stageReserved, effectiveOn: q.from(&d.state), order: &order.ID}
		if order.Side == inbox.SideSell {
			held := d.holding(order.Asset)
			scale := q.reference.Latest(order.Asset).UnitsScale
			move(d, p, order.Asset, scale, held.settled(), held.reserved(), reservedUnits(order))
		} else {
			d.moveCash(p, d.available(), d.reserved(), schemas.Money(order.Amount))
		}
	}
	d.state.Orders = append(d.state.Orders, orders...)
	slices.SortFunc(d.state.Orders, func(a, b state.Order) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return last, ids
}
