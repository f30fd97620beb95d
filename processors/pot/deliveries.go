package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// deliveriesMax bounds the deliveries of units that a pot remembers: those under way, and those of the back-dating period.
const deliveriesMax = 100

// advice is what a custodian says of units in specie that come to a pot or leave it.
type advice struct {
	specie.Notice
	place     streams.Place
	reference *Reference
	cause     *inbox.Cause
	custodian schemas.CustodianID
	id        schemas.ID
	stage     state.DeliveryStage
	reason    string
	today     schemas.Date
}

// unitsConfirmed moves a delivery one step on. What was told before is without effect; what cannot be true of the pot or of the delivery is refused.
func unitsConfirmed(place streams.Place, r *Reference, before *state.PotState, cause *inbox.Cause, c *ingest.Confirmation) (*state.PotState, []streams.Out) {
	notice, _ := specie.Of(c)
	a := &advice{Notice: notice, place: place, reference: r, cause: cause, custodian: c.Custodian, id: c.Trade}
	switch body := c.Body.(type) {
	case *ingest.UnitsAnnounced:
		a.stage = state.DeliveryStageOpen
	case *ingest.UnitsDelivered:
		a.stage = state.DeliveryStageDelivered
	case *ingest.DeliveryFailed:
		a.stage, a.reason = state.DeliveryStageFailed, body.Reason
	default:
		panic(fmt.Sprintf("pot: %T moves no units in specie", c.Body))
	}
	today, ready := r.LocalDate(cause.ReceivedAt)
	switch {
	case !ready:
		return before, a.refuse(notReady())
	case before == nil:
		return before, a.refuse(notOpen(a.Pot))
	}
	a.today = today
	at := findDelivery(before.Deliveries, a.id, r.OldestDate(today))
	if at < 0 && a.stage == state.DeliveryStageOpen {
		return a.announced(before)
	}
	if at < 0 {
		return before, a.refuse(refusal{codeUnknownDelivery, fmt.Sprintf("pot %s has no delivery %s", a.Pot, a.id)})
	}
	return a.noticed(before, at)
}

// findDelivery returns where the delivery is, or -1. What may be forgotten is as good as forgotten.
func findDelivery(deliveries []state.Delivery, id schemas.ID, oldest schemas.Date) int {
	return slices.IndexFunc(deliveries, func(d state.Delivery) bool { return d.ID == id && isRecent(&d, oldest) })
}

// isRecent says whether the delivery must still be remembered: it is under way, or what is said of it could be told again within the back-dating period.
func isRecent(d *state.Delivery, oldest schemas.Date) bool {
	return d.Stage == state.DeliveryStageOpen || d.Began >= oldest
}

// keptDeliveries copies the deliveries that must still be remembered, or says that there is no room for another one.
func keptDeliveries(deliveries []state.Delivery, oldest schemas.Date) ([]state.Delivery, refusal) {
	kept := remembered(deliveries, func(d *state.Delivery) bool { return isRecent(d, oldest) })
	if len(kept) >= deliveriesMax {
		return nil, refusal{codeTooManyDeliveries, fmt.Sprintf("more than %d deliveries under way or within the back-dating period", deliveriesMax)}
	}
	return kept, refusal{}
}

// announced adds units that will be delivered to the pot: they are pending until then.
func (a *advice) announced(before *state.PotState) (*state.PotState, []streams.Out) {
	quanta, why := a.checkAnnounced(before)
	if why.code != "" {
		return before, a.refuse(why)
	}
	kept, why := keptDeliveries(before.Deliveries, a.reference.OldestDate(a.today))
	if why.code != "" {
		return before, a.refuse(why)
	}
	d := newDraft(before, 1)
	kept = append(kept, state.Delivery{
		ID: a.id, Asset: a.Asset, Custodian: a.custodian, Units: quanta, Incoming: true, Began: a.On, On: a.On,
	})
	d.state.Deliveries = kept
	held := d.holding(a.Asset)
	if unitsOf(held.Holding) == 0 {
		held.Event = a.reference.kept[a.Asset].Event // it takes no part in what came before it
	}
	p := purpose{stage: stageAnnounced, effectiveOn: a.On, order: &a.id}
	move(d, p, a.Asset, a.reference.Latest(a.Asset).UnitsScale, outside[schemas.Units](ledger.UnitsOwed(a.custodian)), held.pending(), quanta)
	// The date belongs to the identity: the custodian may use an id again once the pot has forgotten it.
	return &d.state, d.journal(nil, a.place, a.Pot, a.cause, "announced/"+a.id.String()+"/"+a.On.String())
}

// checkAnnounced returns how many quanta are announced, or says why they cannot be the pot's: the pot first, then the day, then the asset.
func (a *advice) checkAnnounced(before *state.PotState) (schemas.Units, refusal) {
	switch oldest := a.reference.OldestDate(a.today); {
	case before.ClosedOn != nil:
		return 0, refusal{codeClosed, fmt.Sprintf("pot %s was closed on %s", a.Pot, before.ClosedOn)}
	case a.On > a.today:
		return 0, refusal{codeDatedInFuture, fmt.Sprintf("announced on %s, received on %s", a.On, a.today)}
	case a.On < oldest:
		return 0, refusal{codeDatedTooFarBack, fmt.Sprintf("announced on %s, before %s", a.On, oldest)}
	case !a.reference.Knows(a.Asset):
		return 0, unknownAsset(a.Asset)
	}
	asset := a.reference.Asset(a.Asset, a.today)
	if asset == nil || asset.Custodian != a.custodian {
		return 0, refusal{codeWrongCustodian, fmt.Sprintf("%s does not hold asset %s", a.custodian, a.Asset)}
	}
	if why := a.reference.refuseOldUnits(a.Asset, a.On); why.code != "" {
		return 0, why
	}
	if kept := a.reference.kept[a.Asset]; a.place.Released && kept.Counted > kept.Event {
		// Dealing holds back what is announced from the count on. This came before it, waited with the pot, and was missed by nobody: the event is done
		// for what was counted without it.
		return 0, refusal{codeCounted, fmt.Sprintf("units of %s were counted for event %d without these, and it is not done", a.Asset, kept.Counted)}
	}
	quanta, exact := a.Units.Quanta(int(asset.UnitsScale))
	if !exact {
		return 0, refusal{codeUnitsScale, fmt.Sprintf("%s units of %s have more than %d decimals", a.Units, a.Asset, asset.UnitsScale)}
	}
	if !a.reference.hasRoomFor(before, a.Asset, 0, schemas.Units(quanta)) {
		return 0, noRoom(a.Asset)
	}
	return schemas.Units(quanta), refusal{}
}

// refuseOldUnits refuses units as they were on a day before the asset was split or merged, and those of the days after a split that is still to be done.
func (r *Reference) refuseOldUnits(asset schemas.AssetCode, on schemas.Date) refusal {
	if converted := r.kept[asset].ConvertedOn; converted != nil && on < *converted {
		return refusal{codeOldUnits, fmt.Sprintf("units of %s of %s are no more: it was split or merged on %s", asset, on, converted)}
	}
	return r.refuseHalted(asset, on)
}

// noticed tells a delivery that is known its end.
func (a *advice) noticed(before *state.PotState, at int) (*state.PotState, []streams.Out) {
	known := &before.Deliveries[at]
	units, exact := a.Units.Quanta(int(a.reference.Latest(known.Asset).UnitsScale))
	switch {
	case known.Custodian != a.custodian:
		return before, a.refuse(refusal{codeWrongCustodian, fmt.Sprintf("delivery %s is with %s, not with %s", a.id, known.Custodian, a.custodian)})
	case known.Asset != a.Asset || !exact || schemas.Units(units) != known.Units || a.stage == state.DeliveryStageOpen && (!known.Incoming || a.On != known.Began):
		return before, a.refuse(refusal{codeDeliveryDiffers, fmt.Sprintf("delivery %s is not of %s units of %s, or was not announced so", a.id, a.Units, a.Asset)})
	case a.stage == known.Stage || a.stage == state.DeliveryStageOpen:
		return before, nil
	case known.Stage != state.DeliveryStageOpen:
		return before, a.refuse(refusal{codeDeliveryOrder, fmt.Sprintf("delivery %s is %s: it cannot be %s", a.id, known.Stage, a.stage)})
	}
	d := newDraft(before, 2)
	d.state.Deliveries = slices.Clone(before.Deliveries)
	end := &d.state.Deliveries[at]
	// The custodian's own day counts, but no later than today, and never before the delivery's last step.
	end.Stage, end.On = a.stage, max(min(a.On, a.today), end.On)
	a.post(d, end)
	kind := a.stage.String() + "/" + a.id.String() + "/" + end.Began.String()
	outs := d.journal(make([]streams.Out, 0, 2), a.place, a.Pot, a.cause, kind)
	if !end.Incoming {
		outs = append(outs, a.told(d, end))
	}
	return &d.state, outs
}

// post moves the units of a delivery that has ended. What the custodian holds for the shard moves with them: a delivery concerns one pot alone, and needs no sweep.
func (a *advice) post(d *draft, end *state.Delivery) {
	p := purpose{stage: stageDelivered, effectiveOn: end.On, order: &a.id}
	scale, held := a.reference.Latest(end.Asset).UnitsScale, d.holding(end.Asset)
	owed, settled := outside[schemas.Units](ledger.UnitsOwed(end.Custodian)), outside[schemas.Units](ledger.UnitsSettled(end.Custodian))
	failed := end.Stage == state.DeliveryStageFailed
	if failed {
		p.stage = stageUndelivered
	}
	switch {
	case end.Incoming && failed:
		move(d, p, end.Asset, scale, held.pending(), owed, end.Units)
	case end.Incoming:
		move(d, p, end.Asset, scale, held.pending(), held.settled(), end.Units)
		move(d, p, end.Asset, scale, settled, owed, end.Units)
	case failed:
		move(d, p, end.Asset, scale, held.reserved(), held.settled(), end.Units)
	default:
		move(d, p, end.Asset, scale, held.reserved(), owed, end.Units)
		move(d, p, end.Asset, scale, owed, settled, end.Units)
	}
}

// told tells who asked for a delivery how it ended.
func (a *advice) told(d *draft, end *state.Delivery) streams.Out {
	s, why := stateDelivered, refusal{}
	switch {
	case end.Stage == state.DeliveryStageFailed && end.Recalled:
		s = stateCancelled
	case end.Stage == state.DeliveryStageFailed:
		s, why = stateRejected, refusal{codeDeliveryRefused, "the custodian does not deliver: " + a.reason}
	}
	moveOn(d.state.Seen, end.Source, end.Instruction, s, why.code)
	return progressOut(a.place, a.Pot, end.Source, end.Instruction, s, why, a.cause)
}

func (a *advice) refuse(why refusal) []streams.Out {
	return []streams.Out{rejectionOut(a.place, a.cause, a.Pot, why)}
}
