package custodian

import (
	"bytes"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// reasonRecalled is why units are not delivered of which the delivery was stopped in time.
const reasonRecalled = "recalled"

// deliveries are the units in specie that custodians are to deliver. They announce none of their own accord.
type deliveries struct {
	open map[schemas.ID]*custodian.DeliveryOrder
	// ended are deliveries of which the end was confirmed and whose order has not been read yet; only a restart fills it.
	ended map[schemas.ID]bool
}

func newDeliveries() deliveries {
	return deliveries{make(map[schemas.ID]*custodian.DeliveryOrder), make(map[schemas.ID]bool)}
}

// said notes what was confirmed of a delivery before a restart.
func (d *deliveries) said(c *ingest.Confirmation) {
	switch c.Body.(type) {
	case *ingest.UnitsDelivered, *ingest.DeliveryFailed:
		if c.ID == endedID(c.Trade) {
			d.ended[c.Trade] = true
		}
	}
}

// Delivering takes in an order to deliver units, or to stop a delivery that has not happened.
func (s *Simulator) Delivering(order *custodian.DeliveryOrder) []ingest.Confirmation {
	s.placed = max(s.placed, order.OrderedAt)
	known := s.deliveries.open[order.Delivery]
	if order.Action == custodian.DeliveryActionRecall {
		if known == nil {
			return nil
		}
		delete(s.deliveries.open, order.Delivery)
		return []ingest.Confirmation{delivers(known, &ingest.DeliveryFailed{
			Pot: known.Pot, Asset: known.Asset, Units: known.Units, On: s.dateOf(s.Now()), Reason: reasonRecalled,
		})}
	}
	if known == nil && !s.deliveries.ended[order.Delivery] {
		s.deliveries.open[order.Delivery] = order
	}
	delete(s.deliveries.ended, order.Delivery)
	return nil
}

// deliver delivers what was ordered before this time, in the order of the ids.
func (s *Simulator) deliver() []ingest.Confirmation {
	var due []ingest.Confirmation
	for id, o := range s.deliveries.open {
		if s.now > o.OrderedAt {
			due = append(due, delivers(o, &ingest.UnitsDelivered{Pot: o.Pot, Asset: o.Asset, Units: o.Units, On: s.today()}))
			delete(s.deliveries.open, id)
		}
	}
	slices.SortFunc(due, func(a, b ingest.Confirmation) int { return bytes.Compare(a.Trade[:], b.Trade[:]) })
	return due
}

func delivers(o *custodian.DeliveryOrder, body ingest.ConfirmationBody) ingest.Confirmation {
	return ingest.Confirmation{Custodian: o.Custodian, ID: endedID(o.Delivery), Trade: o.Delivery, Body: body}
}

func endedID(delivery schemas.ID) string { return delivery.String() + "/ended" }
