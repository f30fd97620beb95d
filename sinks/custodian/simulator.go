package custodian

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

const (
	// priceDaysMax is how many days of an asset's closes are remembered, counted back from the newest one.
	priceDaysMax = 400
	// pencePerPound converts closes that are quoted in pence.
	pencePerPound = 100
)

// Simulator plays all custodians. It is a fold over orders, published closes and the time, told in any order; each method
// returns the confirmations that have become due. It does no input or output, and is for one goroutine.
//
// It remembers open trades and deliveries, the closes of the last 400 days, and of ended trades nothing.
type Simulator struct {
	behaviour Behaviour
	zone      *time.Location
	// now is the time by the ticks; placed is the latest recorded time of an order, which may run ahead of it.
	now, placed schemas.Instant
	open        map[schemas.ID]*trade
	prices      map[schemas.AssetCode]map[schemas.Date]schemas.Price
	// said is what was confirmed of trades whose order has not been read yet; only a restart fills it.
	said       map[schemas.ID]progress
	deliveries deliveries
}

// trade is an external trade that has not ended.
type trade struct {
	order custodian.CustodianOrder
	progress
}

// progress is how much of a trade was confirmed.
type progress struct {
	pieces int
	// dealt says that no piece follows: the last one was said, or what the pieces leave was rejected or deferred. Nothing at all follows what ended.
	dealt, ended bool
}

// NewSimulator makes a simulator. Settlement days begin at midnight in the zone.
func NewSimulator(behaviour Behaviour, zone *time.Location) *Simulator {
	return &Simulator{
		behaviour: behaviour, zone: zone, open: make(map[schemas.ID]*trade),
		prices: make(map[schemas.AssetCode]map[schemas.Date]schemas.Price), said: make(map[schemas.ID]progress),
		deliveries: newDeliveries(),
	}
}

// Now returns the latest time that the simulator was told by ticks or orders, 0 before the first.
func (s *Simulator) Now() schemas.Instant { return max(s.now, s.placed) }

// Said tells of a confirmation that was sent before a restart. All of them must be told before the first order. What
// others wrote to the same topic is passed over.
func (s *Simulator) Said(c *ingest.Confirmation) {
	s.deliveries.said(c)
	p := s.said[c.Trade]
	switch body := c.Body.(type) {
	case *ingest.FillPriced:
		if c.ID != pricedID(c.Trade, int(body.Piece)) || int(body.Piece) != p.pieces+1 {
			return
		}
		p.pieces++
		p.dealt = body.Final
	case *ingest.TradeSettled:
		if c.ID != settledID(c.Trade) {
			return
		}
		p.ended = true
	case *ingest.TradeRejected:
		if c.ID != rejectedID(c.Trade) {
			return
		}
		p.leave()
	case *ingest.TradeDeferred:
		if c.ID != deferredID(c.Trade) {
			return
		}
		p.leave()
	}
	s.said[c.Trade] = p
}

// leave notes that no more of the trade is dealt. What was dealt of it will settle.
func (p *progress) leave() { p.dealt, p.ended = true, p.pieces == 0 }

// Ordered takes in an external trade.
func (s *Simulator) Ordered(order *custodian.CustodianOrder) []ingest.Confirmation {
	s.placed = max(s.placed, order.PlacedAt)
	p := s.said[order.Trade]
	delete(s.said, order.Trade)
	if p.ended {
		return nil
	}
	t := &trade{order: *order, progress: p}
	s.open[order.Trade] = t
	return s.decide(t, nil)
}

// Published takes in a vendor's close and when it came. A later one for the same asset and day replaces it, for trades not dealt
// yet. A close of a day that had not begun then is nobody's close, and is passed over.
func (s *Simulator) Published(p *ingest.Price, at schemas.Instant) []ingest.Confirmation {
	if p.Date > s.dateOf(at) {
		return nil
	}
	pounds := p.Close
	if p.Quotation == reference.QuotationPence {
		pounds /= pencePerPound
	}
	if pounds <= 0 {
		return nil
	}
	days := s.prices[p.Asset]
	if days == nil {
		days = make(map[schemas.Date]schemas.Price)
		s.prices[p.Asset] = days
	}
	days[p.Date] = pounds
	for len(days) > priceDaysMax {
		delete(days, oldest(days))
	}
	return s.decideAll(func(o *custodian.CustodianOrder) bool { return o.Asset == p.Asset && o.DealingDay == p.Date })
}

// Reached takes in the time. An earlier time than one told before changes nothing.
func (s *Simulator) Reached(at schemas.Instant) []ingest.Confirmation {
	before := s.today()
	s.now = max(s.now, at)
	due := s.deliver()
	if s.today() == before {
		return due
	}
	return append(due, s.decideAll(func(o *custodian.CustodianOrder) bool { return o.SettlesOn <= s.today() })...)
}

// decideAll looks at the open trades of which concerned is true, in the order of their ids.
func (s *Simulator) decideAll(concerned func(*custodian.CustodianOrder) bool) []ingest.Confirmation {
	var found []*trade
	for _, t := range s.open {
		if concerned(&t.order) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b *trade) int { return bytes.Compare(a.order.Trade[:], b.order.Trade[:]) })
	var due []ingest.Confirmation
	for _, t := range found {
		due = s.decide(t, due)
	}
	return due
}

// decide appends what is due of one trade.
func (s *Simulator) decide(t *trade, due []ingest.Confirmation) []ingest.Confirmation {
	if reason := t.refusal(); reason != "" {
		return s.leave(t, due, Rule{Reject: reason})
	}
	if !t.dealt {
		due = s.deal(t, due)
	}
	if t.dealt && !t.ended && s.now > 0 && s.today() >= t.order.SettlesOn {
		due = append(due, t.says(settledID(t.order.Trade), &ingest.TradeSettled{SettledOn: t.order.SettlesOn}))
		delete(s.open, t.order.Trade)
	}
	return due
}

// deal appends what is due of a trade of which pieces are to come.
func (s *Simulator) deal(t *trade, due []ingest.Confirmation) []ingest.Confirmation {
	rule := s.behaviour.rule(t.order.Asset, t.order.DealingDay)
	if rule.ends() && len(rule.Pieces) == 0 {
		return s.leave(t, due, rule)
	}
	price, known := s.prices[t.order.Asset][t.order.DealingDay]
	if !known {
		return due
	}
	pieces, err := deal(&t.order, price, rule, s.behaviour.Digits)
	if err != nil {
		return s.leave(t, due, Rule{Reject: err.Error()})
	}
	for ; t.pieces < len(pieces); t.pieces++ {
		due = append(due, t.says(pricedID(t.order.Trade, t.pieces+1), &pieces[t.pieces]))
		t.dealt = pieces[t.pieces].Final
	}
	if rule.ends() {
		due = s.leave(t, due, rule)
	}
	return due
}

// refusal returns why the trade cannot be dealt at all, or "".
func (t *trade) refusal() string {
	buy := t.order.Side == custodian.OrderSideBuy
	if buy && t.order.Cash == nil || t.order.Cash == nil && t.order.Units == nil {
		return "the order says neither cash nor units that it could be dealt for"
	}
	return ""
}

// leave rejects or defers, as the rule has it, what is not dealt of the trade.
func (s *Simulator) leave(t *trade, due []ingest.Confirmation, rule Rule) []ingest.Confirmation {
	if t.leave(); t.ended {
		delete(s.open, t.order.Trade)
	}
	if rule.Gate == "" {
		return append(due, t.says(rejectedID(t.order.Trade), &ingest.TradeRejected{Reason: rule.Reject}))
	}
	until := rule.through() + 1
	return append(due, t.says(deferredID(t.order.Trade), &ingest.TradeDeferred{Reason: rule.Gate, Until: &until}))
}

func (t *trade) says(id string, body ingest.ConfirmationBody) ingest.Confirmation {
	return ingest.Confirmation{Custodian: t.order.Custodian, ID: id, Trade: t.order.Trade, Body: body}
}

// today is the date that the zone's clocks show by the ticks.
func (s *Simulator) today() schemas.Date { return s.dateOf(s.now) }

func (s *Simulator) dateOf(at schemas.Instant) schemas.Date {
	local := at.Time().In(s.zone)
	return schemas.DateOf(local.Year(), local.Month(), local.Day())
}

func oldest(days map[schemas.Date]schemas.Price) schemas.Date {
	first := true
	var least schemas.Date
	for day := range days {
		if first || day < least {
			least, first = day, false
		}
	}
	return least
}

func pricedID(trade schemas.ID, piece int) string {
	return trade.String() + "/priced/" + strconv.Itoa(piece)
}
func settledID(trade schemas.ID) string  { return trade.String() + "/settled" }
func rejectedID(trade schemas.ID) string { return trade.String() + "/rejected" }
func deferredID(trade schemas.ID) string { return trade.String() + "/deferred" }
