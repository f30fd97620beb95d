package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// cancel takes back what the instruction has under way.
func (q *question) cancel(before *state.PotState, c *ingest.Cancel, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	source := q.instruction.Source
	at := findSeen(before.Seen, seenKey(source, c.Instruction))
	if at < 0 {
		return q.refused(before, refusal{codeUnknownInstruction, fmt.Sprintf("instruction %s is not known", c.Instruction)}, digest)
	}
	if before.Seen[at].State == stateSettledInPart {
		return q.refused(before, refusal{codeTooLateToCancel, fmt.Sprintf("a part of instruction %s has settled", c.Instruction)}, digest)
	}
	if payment := findPayment(before.Payments, source, c.Instruction); payment >= 0 {
		return q.recall(before, payment, digest)
	}
	if delivery := deliveryOf(before.Deliveries, source, c.Instruction); delivery >= 0 {
		return q.recallDelivery(before, delivery, digest)
	}
	if claim := findClaim(before.Claims, source, c.Instruction); claim >= 0 {
		return q.withdrawClaim(before, claim, digest)
	}
	if held := underReview(before, source, c.Instruction); held >= 0 {
		return q.cancelHeld(before, held, at, digest)
	}
	found, why := q.cancellable(before, c.Instruction)
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	return q.cancelOrders(before, found, c.Instruction, at, digest)
}

// cancellable returns which orders of the instruction can be cancelled. Every one must still be before its cut-off, but for those whose rest goes on.
func (q *question) cancellable(before *state.PotState, instruction schemas.InstructionID) ([]int, refusal) {
	var found []int
	for i := range before.Orders {
		order := &before.Orders[i]
		if order.Source != q.instruction.Source || order.Instruction != instruction {
			continue
		}
		if !q.stillOpen(order) {
			if order.Priced && slices.ContainsFunc(before.Orders, func(o state.Order) bool { return isRestOf(&o, order) }) {
				continue // what was dealt stands; its rest may still be cancelled
			}
			return nil, refusal{codeTooLateToCancel, fmt.Sprintf("the order of %s for %s is past its cut-off", order.Asset, order.Day)}
		}
		found = append(found, i)
	}
	if len(found) == 0 {
		return nil, refusal{codeNothingToCancel, fmt.Sprintf("instruction %s has no open order", instruction)}
	}
	return found, refusal{}
}

// stillOpen says whether something received with this instruction is in time for the order's day.
func (q *question) stillOpen(order *state.Order) bool {
	if order.Awaits != state.AwaitsNothing {
		return true // its sell is what says whether it is too late
	}
	if q.reference.isClosed(order.Asset, order.Day) {
		return false
	}
	cutOff, ok := q.reference.CutOff(order.Asset, order.Day)
	return ok && cutOff.InTime(q.cause.ReceivedAt, order.Day)
}

// cancelOrders gives back what orders of the instruction have reserved, and takes them out of the pot.
func (q *question) cancelOrders(before *state.PotState, found []int, instruction schemas.InstructionID, seen int, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	d := newDraft(before, len(found))
	ids := make([]schemas.ID, len(found))
	end := stateCancelled
	for n, i := range found {
		order := &before.Orders[i]
		if order.Rest {
			end = stateOfDealt
		}
		ids[n] = order.ID
		on := max(q.from(before), order.Since)
		d.giveBack(purpose{stage: stageCancelled, effectiveOn: on, order: &ids[n]}, order, q.reference.Latest(order.Asset).UnitsScale)
	}
	for _, i := range slices.Backward(found) {
		d.state.Orders = slices.Delete(d.state.Orders, i, i+1)
	}
	if end == stateOfDealt {
		end = endOfDealt(&d.state, q.instruction.Source, instruction)
	}
	d.dropTransfer(q.instruction.Source, instruction)
	ended := before.Seen[seen].State == stateRejected
	if !ended {
		advance(&d.state.Seen[seen], end, "")
	}
	next, outs := q.accepted(d, digest, nil, ids)
	if ended {
		return next, outs // one of its orders was rejected by the custodian: that end was told
	}
	return next, append(outs, progressOut(q.place, q.instruction.Pot, q.instruction.Source, instruction, end, refusal{}, q.cause))
}
