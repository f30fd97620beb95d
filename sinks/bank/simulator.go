package bank

import (
	"bytes"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/payment"
)

// Name is the bank's name in what it says.
const Name schemas.CustodianID = "BANK"

// reasonRecalled is why a payment comes back that was stopped in time.
const reasonRecalled = "recalled"

// Behaviour says what the simulated bank does out of the ordinary. The zero Behaviour pays everybody.
type Behaviour struct {
	// Bounces are the payees whose payments come back on the day on which they would have been paid, and why.
	Bounces map[string]string
}

// Simulator plays the bank. It is a fold over payment orders and the time, told in any order; each method returns the confirmations
// that have become due. It does no input or output, and is for one goroutine. It remembers only payments that have not ended.
type Simulator struct {
	behaviour Behaviour
	zone      *time.Location
	// now is the time by the ticks, ordered the latest recorded time of an order, which may run ahead of it.
	now, ordered schemas.Instant
	open         map[schemas.ID]*open
	// said is what was confirmed of payments whose order has not been read yet; only a restart fills it.
	said map[schemas.ID]progress
}

// open is a payment that has not ended.
type open struct {
	order payment.PaymentOrder
	progress
}

// progress is how much of a payment was confirmed.
type progress struct {
	sent, ended bool
	sentOn      schemas.Date
}

// NewSimulator makes a simulator. The bank's days begin at midnight in the zone.
func NewSimulator(behaviour Behaviour, zone *time.Location) *Simulator {
	return &Simulator{behaviour: behaviour, zone: zone, open: make(map[schemas.ID]*open), said: make(map[schemas.ID]progress)}
}

// Now returns the latest time that the simulator was told by ticks or orders, 0 before the first.
func (s *Simulator) Now() schemas.Instant { return max(s.now, s.ordered) }

// Said tells of a confirmation that was sent before a restart. All of them must be told before the first order. What others
// wrote to the same topic is passed over.
func (s *Simulator) Said(c *ingest.Confirmation) {
	p := s.said[c.Trade]
	switch body := c.Body.(type) {
	case *ingest.PaymentSent:
		if c.ID != sentID(c.Trade) {
			return
		}
		p.sent, p.sentOn = true, body.On
	case *ingest.PaymentPaid, *ingest.PaymentBounced:
		if c.ID != endedID(c.Trade) {
			return
		}
		p.ended = true
	default:
		return
	}
	s.said[c.Trade] = p
}

// Ordered takes in an order: to pay, or to stop a payment that was not sent yet.
func (s *Simulator) Ordered(order *payment.PaymentOrder) []ingest.Confirmation {
	s.ordered = max(s.ordered, order.OrderedAt)
	known := s.open[order.Payment]
	if order.Action == payment.PaymentActionRecall {
		if known == nil || known.sent {
			return nil
		}
		delete(s.open, order.Payment)
		return []ingest.Confirmation{known.says(endedID(order.Payment), &ingest.PaymentBounced{
			Pot: order.Pot, Cash: order.Cash, On: s.dateOf(s.Now()), Reason: reasonRecalled,
		})}
	}
	p := s.said[order.Payment]
	delete(s.said, order.Payment)
	if known == nil && !p.ended {
		s.open[order.Payment] = &open{order: *order, progress: p}
	}
	return nil
}

// Reached takes in the time. An earlier time than one told before changes nothing.
func (s *Simulator) Reached(at schemas.Instant) []ingest.Confirmation {
	s.now = max(s.now, at)
	var waiting []*open
	for _, o := range s.open {
		waiting = append(waiting, o)
	}
	slices.SortFunc(waiting, func(a, b *open) int { return bytes.Compare(a.order.Payment[:], b.order.Payment[:]) })
	var due []ingest.Confirmation
	for _, o := range waiting {
		due = s.decide(o, due)
	}
	return due
}

// decide appends what is due of one payment.
func (s *Simulator) decide(o *open, due []ingest.Confirmation) []ingest.Confirmation {
	today, id := s.dateOf(s.now), o.order.Payment
	switch reason, bounces := s.behaviour.Bounces[o.order.Payee]; {
	case !o.sent && s.now > o.order.OrderedAt:
		o.sent, o.sentOn = true, today
		return append(due, o.says(sentID(id), &ingest.PaymentSent{Pot: o.order.Pot, Cash: o.order.Cash, On: today}))
	case !o.sent || today <= o.sentOn:
		return due
	case bounces:
		delete(s.open, id)
		return append(due, o.says(endedID(id), &ingest.PaymentBounced{Pot: o.order.Pot, Cash: o.order.Cash, On: today, Reason: reason}))
	}
	delete(s.open, id)
	return append(due, o.says(endedID(id), &ingest.PaymentPaid{Pot: o.order.Pot, Cash: o.order.Cash, On: today}))
}

func (o *open) says(id string, body ingest.ConfirmationBody) ingest.Confirmation {
	return ingest.Confirmation{Custodian: Name, ID: id, Trade: o.order.Payment, Body: body}
}

func (s *Simulator) dateOf(at schemas.Instant) schemas.Date {
	local := at.Time().In(s.zone)
	return schemas.DateOf(local.Year(), local.Month(), local.Day())
}

func sentID(payment schemas.ID) string  { return payment.String() + "/sent" }
func endedID(payment schemas.ID) string { return payment.String() + "/ended" }
