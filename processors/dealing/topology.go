package dealing

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Name is the process's name.
const Name = "dealing"

// Rules is the version of the rules by which this package decides.
const Rules = "dealing/4"

// dealing decides for a trust whose pots are spread over so many shards.
type dealing struct {
	shards int32
}

// Process declares the process, for pots spread over the given number of shards.
func Process(shards int32) streams.Process {
	table := streams.Changelog(Name, streams.WidthOne, state.DealingTableSchema)
	return streams.Process{
		Name: Name, Inbox: streams.TopicNamed(streams.DealingInbox), Table: table, TagsVersion: "1", Rules: Rules,
		ParkedTo: streams.TopicNamed(streams.AuditParked),
		Outputs: []streams.Topic{
			streams.TopicNamed(streams.PotInbox), streams.TopicNamed(streams.LedgerTrade), streams.TopicNamed(streams.CustodianOrder),
			streams.TopicNamed(streams.AuditRejection), streams.TopicNamed(streams.DealingInbox),
		},
		NewHandler: func(framing streams.Framing) streams.Handler {
			return streams.NewHandler(framing, table, Machine(shards))
		},
	}
}

// Machine returns the rules.
func Machine(shards int32) streams.Machine[inbox.DealingMessage, state.TradeState, state.DealingReference, *Reference, state.DealingTally] {
	d := &dealing{shards}
	return streams.Machine[inbox.DealingMessage, state.TradeState, state.DealingReference, *Reference, state.DealingTally]{
		View: NewReference, Route: route, Decide: d.decide, Visit: d.visit, Close: d.closeMessage, Dropped: dropped, Tags: tags,
	}
}

func route(m *inbox.DealingMessage) streams.Route {
	r := streams.Route{ReceivedAt: m.Cause.ReceivedAt, Control: true}
	switch body := m.Body.(type) {
	case *inbox.ShardTotal:
		r.Control, r.Key = false, body.Trade.String()
	case *inbox.Confirmed:
		if _, units := specie.Of(&body.Confirmation); !units {
			r.Control, r.Key = false, body.Confirmation.Trade.String()
		}
	case *inbox.PriceCorrected:
		r.Control, r.Key = false, body.Trade.String()
	case *inbox.Operated:
		r.Tags = priceTags(m)
		if key, unpark := unparkHere(&body.Operation); unpark != nil {
			r.Control, r.Key, r.Unpark = false, key, unpark
		}
		if trade, ok := tradeOf(&body.Operation); ok {
			r.Control, r.Key = false, trade.String()
		}
	case *inbox.PriceReceived:
		r.Tags = priceTags(m)
	case *inbox.Flush:
		r.Tags = []string{tagReady}
	case *inbox.Reached, *inbox.ReferenceReceived, *inbox.EventTotal:
	}
	return r
}

func (d *dealing) decide(place streams.Place, r *Reference, _ string, trade *state.TradeState, m *inbox.DealingMessage) (*state.TradeState, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.ShardTotal:
		return d.shardTotal(place, r, trade, &m.Cause, body)
	case *inbox.PriceCorrected:
		return d.correctTrade(place, r, trade, &m.Cause, body)
	case *inbox.Confirmed:
		return confirmed(place, r, trade, &m.Cause, &body.Confirmation)
	case *inbox.Operated:
		return operated(place, r, trade, &m.Cause, &body.Operation)
	}
	panic(fmt.Sprintf("dealing: %T is not for one trade", m.Body))
}

func (d *dealing) visit(place streams.Place, r *Reference, key string, trade *state.TradeState, m *inbox.DealingMessage, tally *state.DealingTally) (*state.TradeState, []streams.Out) {
	id, err := schemas.ParseID(key)
	if err != nil {
		panic(fmt.Sprintf("dealing: key %q: %v", key, err))
	}
	if _, ok := m.Body.(*inbox.Flush); ok {
		if trade.Stage != state.StageBatched && r.pays(trade.Asset) {
			return trade, nil
		}
		return flushTrade(place, r, id, trade, tally)
	}
	price := r.priceFor(place, m)
	if price == nil {
		return trade, nil
	}
	next, outs := newDesk(place, id, trade, m.Cause.ReceivedAt).work(r, price)
	if len(outs) == 0 {
		return trade, nil
	}
	return next, outs
}

func (d *dealing) closeMessage(place streams.Place, r *Reference, _ *state.DealingReference, m *inbox.DealingMessage, tally *state.DealingTally) (*state.DealingReference, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.Reached:
		return d.reached(r, &m.Cause, body)
	case *inbox.ReferenceReceived:
		return d.referenceReceived(place, r, &m.Cause, &body.Reference.Entry)
	case *inbox.Operated:
		if out := passOn(place, &m.Cause, &body.Operation); out != nil {
			return r.stored, []streams.Out{*out}
		}
		if _, declares := dateOf(&body.Operation); declares {
			return d.declared(place, r, &m.Cause, &body.Operation)
		}
		if act, ok := body.Operation.Body.(*ingest.RuleActivation); ok {
			return d.activate(place, r, &m.Cause, act)
		}
		if correction, ok := body.Operation.Body.(*ingest.PriceCorrection); ok {
			return d.correctPrice(place, r, &m.Cause, correction)
		}
		return d.priceJudged(place, r, m)
	case *inbox.Confirmed:
		return d.unitsConfirmed(place, r, &m.Cause, &body.Confirmation)
	case *inbox.EventTotal:
		return d.eventTotal(place, r, &m.Cause, body)
	case *inbox.PriceReceived:
		return d.priceJudged(place, r, m)
	case *inbox.Flush:
		return d.flushClosed(r, &m.Cause, tally)
	}
	panic(fmt.Sprintf("dealing: %T is not for the shard", m.Body))
}

// flushClosed ends a flush: the shards are told what was collected. Events that waited for an order that has ended now, or for a correction, may be counted.
func (d *dealing) flushClosed(r *Reference, cause *inbox.Cause, tally *state.DealingTally) (*state.DealingReference, []streams.Out) {
	outs := d.flushed(cause, tally)
	next := *r.carriedIn(tally)
	corrected := endCorrection(&next, cause)
	switch {
	case len(next.Events) > 0 && len(tally.Confirmed.Settled)+len(tally.Confirmed.Rejected) > 0:
		outs = d.countAgain(r, &next, outs)
	case corrected:
		outs = d.advance(r, &next, outs)
	default:
		return r.carriedIn(tally), outs
	}
	return &next, outs
}
