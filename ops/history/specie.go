package history

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// inSpecie is a delivery of units of which a custodian has something left to say.
type inSpecie struct {
	custodian schemas.CustodianID
	id        schemas.ID
	pot       schemas.PotID
	asset     schemas.AssetCode
	units     schemas.Quantity
	// evenings are those on which the custodian has looked at it.
	evenings int
	recalled bool
}

// deliveries lets other schemes give units to pots, and pots give units to them, and says what becomes of those under way. Each ends within some days.
func (w *World) deliveries(today schemas.Date) error {
	if !w.Rare {
		return nil
	}
	w.readDeliveries()
	var rest []*inSpecie
	for _, d := range w.delivering {
		if w.deliver(d, today) {
			rest = append(rest, d)
		}
	}
	w.delivering = rest
	// What may be given away must not depend on how what custodians said and what is asked for interleave.
	if err := w.Run(); err != nil || !w.operates(today) {
		return err
	}
	for p := range Pots - 1 { // one of them is never opened
		about := func(sides, what uint64) uint64 { return w.dice(sides, aboutSpecie, uint64(p), uint64(today), what) } //nolint:gosec // few
		asset := int(about(assetsCount, 1))                                                                            //nolint:gosec // few
		units := w.unitsOf(asset, int64(1+about(500_000, 2)))                                                          //nolint:gosec // few
		switch about(5, 0) {
		case 0:
			w.announce(p, asset, units, today)
		case 1:
			body := &ingest.TransferOutInSpecie{Asset: Assets()[asset].Code, Receiver: "other-trust", All: about(2, 3) == 0}
			if !body.All {
				body.Units = &units
			}
			w.send(&ingest.Instruction{Source: "portal", ID: giveID(today), Pot: PotName(p), InstructedOn: today, Body: body}, 0)
		case 2:
			w.send(&ingest.Instruction{Source: "portal", ID: "keep-" + giveID(today), Pot: PotName(p), InstructedOn: today, Body: &ingest.Cancel{Instruction: giveID(today - 1)}}, 0)
		}
	}
	return nil
}

func giveID(today schemas.Date) schemas.InstructionID {
	return schemas.InstructionID("give-" + today.String())
}

// unitsOf are so many quanta of the asset.
func (w *World) unitsOf(asset int, quanta int64) schemas.Quantity {
	units, err := schemas.QuantityOf(quanta, int(Assets()[asset].UnitsScale))
	if err != nil {
		panic(err)
	}
	return units
}

// announce tells of units that will come to a pot, sometimes twice.
func (w *World) announce(p, asset int, units schemas.Quantity, today schemas.Date) {
	d := &inSpecie{
		custodian: Assets()[asset].Custodian, id: schemas.DeriveID("in-specie", fmt.Sprint(p), today.String()), pot: PotName(p), asset: Assets()[asset].Code, units: units,
	}
	for again := range 1 + w.dice(2, aboutSpecie, numberOf(d.id)) {
		w.say(d, fmt.Sprintf("announced-%d", again), &ingest.UnitsAnnounced{Pot: d.pot, Asset: d.asset, Units: d.units, On: today})
	}
	w.delivering = append(w.delivering, d)
}

func (w *World) say(d *inSpecie, id string, body ingest.ConfirmationBody) {
	w.Confirm([]*ingest.Confirmation{{Custodian: d.custodian, ID: d.id.String() + "/" + id, Trade: d.id, Body: body}})
}

// readDeliveries takes in what was ordered since, in an order that no schedule changes.
func (w *World) readDeliveries() {
	known := make(map[schemas.ID]*inSpecie)
	for _, d := range w.delivering {
		known[d.id] = d
	}
	var fresh []*inSpecie
	for _, o := range Decoded(w.Topic(streams.CustodianDelivery), streams.CustodianDelivery, func() *custodian.DeliveryOrder { return new(custodian.DeliveryOrder) }) {
		switch {
		case o.Action == custodian.DeliveryActionRecall && known[o.Delivery] != nil:
			known[o.Delivery].recalled = true
		case o.Action == custodian.DeliveryActionDeliver && !w.seen[o.Delivery]:
			d := &inSpecie{custodian: o.Custodian, id: o.Delivery, pot: o.Pot, asset: o.Asset, units: o.Units}
			known[o.Delivery], w.seen[o.Delivery] = d, true
			fresh = append(fresh, d)
		}
	}
	slices.SortFunc(fresh, func(a, b *inSpecie) int { return slices.Compare(a.id[:], b.id[:]) })
	w.delivering = append(w.delivering, fresh...)
}

// deliver says the next thing of a delivery, and whether there is more to say. Now and then the custodian repeats or contradicts itself, which must change nothing.
func (w *World) deliver(d *inSpecie, today schemas.Date) (more bool) {
	delivered := &ingest.UnitsDelivered{Pot: d.pot, Asset: d.asset, Units: d.units, On: today}
	failed := &ingest.DeliveryFailed{Pot: d.pot, Asset: d.asset, Units: d.units, On: today, Reason: "not in our books"}
	number := numberOf(d.id)
	choice := w.dice(4, aboutSpecie, number, 1)
	d.evenings++
	switch {
	case d.evenings < 3 && w.dice(2, aboutSpecie, number, 2, uint64(d.evenings)) == 0: //nolint:gosec // few
		w.say(d, fmt.Sprintf("too-much-%d", d.evenings), &ingest.UnitsDelivered{Pot: d.pot, Asset: d.asset, Units: d.units * 2, On: today})
		return true
	case choice == 0 || d.recalled && choice < 3:
		w.say(d, "failed", failed)
		w.say(d, "delivered", delivered)
	default:
		w.say(d, "delivered", delivered)
		w.say(d, "failed", failed)
		w.say(d, "delivered-again", delivered)
	}
	return false
}
