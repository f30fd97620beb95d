package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Name is the process's name.
const Name = "pot"

// Process declares the process.
func Process() streams.Process {
	table := streams.Changelog(Name, streams.WidthShards, state.PotTableSchema)
	return streams.Process{
		Name: Name, Inbox: streams.TopicNamed(streams.PotInbox), Table: table, TagsVersion: "2", Rules: Rules,
		ParkedTo: streams.TopicNamed(streams.AuditParked),
		Outputs: []streams.Topic{
			streams.TopicNamed(streams.LedgerJournal), streams.TopicNamed(streams.LedgerProgress),
			streams.TopicNamed(streams.StatusInstruction), streams.TopicNamed(streams.AuditRejection), streams.TopicNamed(streams.DealingInbox),
			streams.TopicNamed(streams.PaymentOrder), streams.TopicNamed(streams.PotInbox),
		},
		NewHandler: func(framing streams.Framing) streams.Handler { return streams.NewHandler(framing, table, Machine()) },
	}
}

// Machine returns the rules.
func Machine() streams.Machine[inbox.PotMessage, state.PotState, state.PotReference, *Reference, state.PotTally] {
	return streams.Machine[inbox.PotMessage, state.PotState, state.PotReference, *Reference, state.PotTally]{
		View: NewReference, Route: route, Decide: decide, Visit: visitPot, Close: closeShard, Dropped: dropped, Tags: tags,
	}
}

func route(m *inbox.PotMessage) streams.Route {
	r := streams.Route{ReceivedAt: m.Cause.ReceivedAt}
	switch body := m.Body.(type) {
	case *inbox.DayClosed:
		r.Control, r.Tags = true, dayClosedTags(body)
	case *inbox.BatchesConfirmed:
		r.Control, r.Tags = true, confirmedTags(body)
	case *inbox.TimeReached:
		r.Control, r.Tags = true, timeTags(body)
	case *inbox.ReferenceChanged, *inbox.PriceReleased:
		r.Control = true
	case *inbox.Unparked:
		r.Key, r.Unpark = string(body.Pot), &streams.Unpark{Operator: body.Operator, Reason: body.Reason}
		if body.Drop != nil {
			r.Unpark.Drop, r.Unpark.Offset = true, *body.Drop
		}
	default:
		r.Key = keyOf(m)
	}
	return r
}

func visitPot(place streams.Place, _ *Reference, key string, pot *state.PotState, m *inbox.PotMessage, tally *state.PotTally) (*state.PotState, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.DayClosed:
		freeze(pot, body, tally)
		return pot, nil
	case *inbox.BatchesConfirmed:
		return confirmed(place, pot, schemas.PotID(key), &m.Cause, body, tally)
	case *inbox.TimeReached:
		return expireHeld(place, pot, schemas.PotID(key), &m.Cause, body)
	}
	panic(fmt.Sprintf("pot: %T visits no pots", m.Body))
}

func closeShard(place streams.Place, _ *Reference, stored *state.PotReference, m *inbox.PotMessage, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.ReferenceChanged:
		return referenceChanged(stored, body), nil
	case *inbox.DayClosed:
		return dayClosed(place, stored, &m.Cause, body, tally)
	case *inbox.BatchesConfirmed:
		return batchesConfirmed(place, stored, &m.Cause, body, tally)
	case *inbox.TimeReached:
		return stored, timeReached(place, body)
	case *inbox.PriceReleased:
		return priceReleased(stored, body), nil
	}
	panic(fmt.Sprintf("pot: %T is not for a shard", m.Body))
}
