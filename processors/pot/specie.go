package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// transferOutInSpecie sets units aside and orders their delivery to another scheme. The custodian says when they have gone: until then they are the pot's.
func (q *question) transferOutInSpecie(before *state.PotState, t *ingest.TransferOutInSpecie, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	units, why := q.deliverable(before, t)
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	kept, why := keptDeliveries(before.Deliveries, q.reference.OldestDate(q.today))
	if why.code != "" {
		return q.refused(before, why, digest)
	}
	i, asset := q.instruction, q.reference.Asset(t.Asset, q.today)
	d := newDraft(before, 1)
	kept = append(kept, state.Delivery{
		ID: q.derive("delivery"), Asset: t.Asset, Custodian: asset.Custodian, Units: units, Began: q.from(before), On: q.from(before),
		Source: i.Source, Instruction: i.ID, Receiver: t.Receiver,
	})
	d.state.Deliveries = kept
	ordered := &kept[len(kept)-1]
	held := d.holding(t.Asset)
	move(d, purpose{stage: stagePromised, effectiveOn: ordered.On, order: &ordered.ID}, t.Asset, asset.UnitsScale, held.settled(), held.reserved(), units)
	q.delivery = &ordered.ID
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, q.deliveryOut(ordered, custodian.DeliveryActionDeliver))
}

// deliverable returns how many units are to leave, or says why they cannot: the asset first, then what the pot has of it.
func (q *question) deliverable(before *state.PotState, t *ingest.TransferOutInSpecie) (schemas.Units, refusal) {
	if q.reference.Asset(t.Asset, q.today) == nil {
		return 0, refusal{codeUnknownAsset, fmt.Sprintf("there is no asset %s on %s", t.Asset, q.today)}
	}
	on := q.today
	if q.place.Released {
		on = max(on, q.reference.today(q.place)) // it was parked since it was received, and must not join what is about to be split
	}
	if why := q.reference.refuseHalted(t.Asset, on); why.code != "" {
		return 0, why
	}
	weighed := state.Order{Asset: t.Asset}
	if why := q.weigh(before, &weighed, quantitySold{units: t.Units, all: t.All}); why.code != "" {
		return 0, why
	}
	return schemas.Units(weighed.Amount), refusal{}
}

// deliveryOf returns where the delivery of an instruction is, or -1.
func deliveryOf(deliveries []state.Delivery, source schemas.SourceID, instruction schemas.InstructionID) int {
	return slices.IndexFunc(deliveries, func(d state.Delivery) bool { return !d.Incoming && d.Source == source && d.Instruction == instruction })
}

// recallDelivery asks the custodian not to deliver. Whether that is in time the custodian alone knows: the units come back with its answer, or go after all.
func (q *question) recallDelivery(before *state.PotState, at int, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	ordered := &before.Deliveries[at]
	switch {
	case ordered.Stage == state.DeliveryStageFailed || ordered.Recalled:
		return q.refused(before, refusal{codeNothingToCancel, fmt.Sprintf("the delivery of instruction %s failed, or is recalled already", ordered.Instruction)}, digest)
	case ordered.Stage == state.DeliveryStageDelivered:
		return q.refused(before, refusal{codeTooLateToCancel, fmt.Sprintf("the units of instruction %s are delivered", ordered.Instruction)}, digest)
	}
	d := newDraft(before, 0)
	d.state.Deliveries = slices.Clone(before.Deliveries)
	recalled := &d.state.Deliveries[at]
	recalled.Recalled = true
	next, outs := q.accepted(d, digest, nil, nil)
	return next, append(outs, q.deliveryOut(recalled, custodian.DeliveryActionRecall))
}

func (q *question) deliveryOut(d *state.Delivery, action custodian.DeliveryAction) streams.Out {
	scale, pot := q.reference.Latest(d.Asset).UnitsScale, q.instruction.Pot
	return streams.Out{Topic: streams.CustodianDelivery, Key: string(pot), Value: &custodian.DeliveryOrder{
		Delivery: d.ID, Pot: pot, Action: action, Custodian: d.Custodian, Asset: d.Asset, UnitsScale: scale, Units: quantity(int64(d.Units), scale),
		Receiver: d.Receiver, Source: d.Source, Instruction: d.Instruction, OrderedOn: d.On, OrderedAt: q.place.RecordedAt,
	}}
}
