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
		Name: Name, Inbox: streams.TopicNamed(streams.PotInbox), Table: table, TagsVersion: "4", Rules: Rules,
		ParkedTo: streams.TopicNamed(streams.AuditParked),
		Outputs: []streams.Topic{
			streams.TopicNamed(streams.LedgerJournal), streams.TopicNamed(streams.LedgerProgress),
			streams.TopicNamed(streams.StatusInstruction), streams.TopicNamed(streams.AuditRejection), streams.TopicNamed(streams.DealingInbox),
			streams.TopicNamed(streams.PaymentOrder), streams.TopicNamed(streams.CustodianDelivery), streams.TopicNamed(streams.PotInbox), streams.TopicNamed(streams.AuditBatch),
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
	case *inbox.BatchCorrected:
		r.Control, r.Tags = true, correctedTags(body)
	case *inbox.ReferenceChanged, *inbox.RuleActivated, *inbox.PriceReleased, *inbox.AssetHalted:
		r.Control = true
	case *inbox.HoldingsCounted:
		r.Control, r.Tags = true, countedTags(body)
	case *inbox.IncomeDistributed:
		r.Control, r.Tags = true, []string{heldTag(body.Asset)}
	case *inbox.AssetConverted:
		r.Control, r.Tags = true, []string{heldTag(body.Asset)}
	case *inbox.FeeCharged, *inbox.ChargeAccrued, *inbox.ChargeCollected:
		r.Control, r.Tags = true, []string{tagOpen}
	case *inbox.PotsRebalanced:
		r.Control, r.Tags = true, []string{tagChoice}
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

func visitPot(place streams.Place, r *Reference, key string, pot *state.PotState, m *inbox.PotMessage, tally *state.PotTally) (*state.PotState, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.DayClosed:
		return pot, freeze(place, r, pot, body, tally)
	case *inbox.BatchesConfirmed:
		return confirmed(place, r, pot, schemas.PotID(key), &m.Cause, body, tally)
	case *inbox.TimeReached:
		return expireHeld(place, pot, schemas.PotID(key), &m.Cause, body)
	case *inbox.HoldingsCounted:
		count(pot, body, tally)
		return pot, nil
	case *inbox.IncomeDistributed:
		return distributed(place, r, pot, schemas.PotID(key), &m.Cause, body, tally)
	case *inbox.AssetConverted:
		return converted(place, r, pot, schemas.PotID(key), &m.Cause, body, tally)
	case *inbox.FeeCharged:
		return feeCharged(place, r, pot, schemas.PotID(key), &m.Cause, body)
	case *inbox.ChargeAccrued:
		return chargeAccrued(r, pot, body), nil
	case *inbox.ChargeCollected:
		return chargeCollected(place, r, pot, schemas.PotID(key), &m.Cause, body)
	case *inbox.PotsRebalanced:
		return rebalanced(place, r, pot, schemas.PotID(key), &m.Cause, body)
	case *inbox.BatchCorrected:
		return corrected(place, r, pot, schemas.PotID(key), &m.Cause, body, tally)
	}
	panic(fmt.Sprintf("pot: %T visits no pots", m.Body))
}

// closeShard ends a control message. Whatever it books on the scheme's own accounts is kept with the reference data.
func closeShard(place streams.Place, r *Reference, stored *state.PotReference, m *inbox.PotMessage, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	next, outs := closed(place, r, stored, m, tally)
	return withBalances(next, outs), outs
}

func closed(place streams.Place, r *Reference, stored *state.PotReference, m *inbox.PotMessage, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.ReferenceChanged:
		return referenceChanged(stored, body), nil
	case *inbox.RuleActivated:
		return ruleActivated(stored, body), nil
	case *inbox.DayClosed:
		return dayClosed(place, stored, &m.Cause, body, tally)
	case *inbox.BatchesConfirmed:
		return batchesConfirmed(place, stored, &m.Cause, body, tally)
	case *inbox.BatchCorrected:
		return batchCorrected(place, stored, &m.Cause, body, tally)
	case *inbox.TimeReached:
		return stored, timeReached(place, body)
	case *inbox.PriceReleased:
		return priceReleased(stored, body), nil
	case *inbox.HoldingsCounted:
		return holdingsCounted(place, stored, &m.Cause, body, tally)
	case *inbox.IncomeDistributed:
		return incomeDistributed(place, stored, &m.Cause, body, tally)
	case *inbox.AssetHalted:
		return assetHalted(stored, body), nil
	case *inbox.AssetConverted:
		return assetConverted(place, r, stored, &m.Cause, body, tally)
	case *inbox.FeeCharged:
		return runSeen(stored, place, func(r *state.PotReference) { r.Charged = body.Event }), nil
	case *inbox.ChargeAccrued:
		return runSeen(stored, place, func(r *state.PotReference) { r.Charged = body.Event }), nil
	case *inbox.ChargeCollected:
		return runSeen(stored, place, func(r *state.PotReference) { r.Charged = body.Event }), nil
	case *inbox.PotsRebalanced:
		return runSeen(stored, place, func(r *state.PotReference) { r.Rebalanced = body.Event }), nil
	}
	panic(fmt.Sprintf("pot: %T is not for a shard", m.Body))
}
