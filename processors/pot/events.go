package pot

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// eventKey names an event in tallies and among what a shard owes.
func eventKey(event int32) schemas.ID { return schemas.DeriveID("event", strconv.Itoa(int(event))) }

// countedTags are the tags of all pots that may have units of the asset when they are counted. One that still has units of an asset that was merged into it waits
// with its merger: until it is released nobody knows what it will have.
func countedTags(m *inbox.HoldingsCounted) []string {
	t := make([]string, 0, 1+len(m.Merged))
	t = append(t, heldTag(m.Asset))
	for _, asset := range m.Merged {
		t = append(t, heldTag(asset))
	}
	return t
}

// count adds what a pot holds of the asset. No pot is written: dealing tells of nothing that would change it before the event is done.
func count(pot *state.PotState, m *inbox.HoldingsCounted, tally *state.PotTally) {
	entry := tallyOf(tally, eventKey(m.Event), m.Round)
	open := slices.ContainsFunc(pot.Orders, func(o state.Order) bool { return o.Asset == m.Asset })
	if h := findHolding(pot, m.Asset); h != nil {
		entry.Weight += int64(unitsOf(h))
		open = open || h.Pending != 0 || h.Reserved != 0
	}
	if open {
		entry.Orders++
	}
}

// holdingsCounted ends a count: the shard's total goes to dealing. Where pots are set aside it is withheld until a repeated sweep finds all of them.
func holdingsCounted(place streams.Place, stored *state.PotReference, cause *inbox.Cause, m *inbox.HoldingsCounted, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	c, key := newClosing(place, stored), eventKey(m.Event)
	if !c.due(c.missing(countedTags(m)), key, m.Round, &state.BatchTally{}) {
		next := c.after(stored)
		if !place.Released { // an earlier count of the event counts no more
			next = withKept(next, m.Asset, func(k *state.Kept) { k.Counted = 0 })
		}
		return next, nil
	}
	entry, kept := tallyOf(tally, key, m.Round), keptOf(stored, m.Asset)
	return withKept(c.after(stored), m.Asset, func(k *state.Kept) { k.Counted = m.Event }), []streams.Out{{Topic: streams.DealingInbox, Key: streams.ControlKey(0), Value: &inbox.DealingMessage{Cause: *cause, Body: &inbox.EventTotal{
		Shard: place.Shard, Event: m.Event, Round: m.Round, Weight: entry.Weight, Rounding: kept.Rounding, Compensation: kept.Compensation, Open: entry.Orders,
	}}}}
}

// distributed gives a pot its part of a distribution: what all units got, times its units, by all units, rounded down.
func distributed(place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.IncomeDistributed, tally *state.PotTally) (*state.PotState, []streams.Out) {
	held := findHolding(before, m.Asset)
	if held == nil || held.Event >= m.Event {
		return before, nil
	}
	d := newDraft(before, 1)
	d.holding(m.Asset).Event = m.Event
	units := int64(unitsOf(held))
	income := mustPortion(int64(m.Cash), units, m.Weight)
	entry := tallyOf(tally, eventKey(m.Event), HeldSettlement)
	entry.Weight += units
	entry.Got += income
	p := purpose{stage: stageDistributed, effectiveOn: m.EffectiveOn}
	d.moveCash(p, outside[schemas.Money](ledger.CashOwed(m.Custodian)), d.available(), schemas.Money(income))
	if m.Reinvest && income > 0 {
		d.reinvest(making(place, r, cause, sourceIncome, pot, m.Event), m.Asset, schemas.Money(income))
	}
	return &d.state, d.journal(nil, place, pot, cause, "distributed")
}

// incomeDistributed ends a distribution in a shard: the shard's part is paid in, and what its pots did not get goes to rounding.
func incomeDistributed(place streams.Place, stored *state.PotReference, cause *inbox.Cause, m *inbox.IncomeDistributed, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	c, key := newClosing(place, stored), eventKey(m.Event)
	shares := tallyOf(tally, key, HeldSettlement)
	due := c.due(heldTag(m.Asset), key, HeldSettlement, shares)
	next := eventSeen(c.after(stored), place, m.Event, m.Asset)
	if !due {
		return next, nil
	}
	checkCounted(m.Event, shares, m.WeightThrough-m.WeightBefore-m.Rounding-m.Compensation)
	d := newDraft(&state.PotState{}, 2)
	p := purpose{stage: stageDistributed, effectiveOn: m.EffectiveOn}
	part := mustPortion(m.WeightThrough, int64(m.Cash), m.Weight) - mustPortion(m.WeightBefore, int64(m.Cash), m.Weight)
	owed := outside[schemas.Money](ledger.CashOwed(m.Custodian))
	shift(d, p, schemas.Cash, schemas.MoneyScale, owed, outside[schemas.Money](ledger.SchemeRounding), schemas.Money(part-shares.Got))
	shift(d, p, schemas.Cash, schemas.MoneyScale, outside[schemas.Money](ledger.BankClientMoney), owed, schemas.Money(part))
	return next, d.closed(place, cause, c)
}

// checkCounted panics where the pots of an event are not those that were counted for it.
func checkCounted(event int32, shares *state.BatchTally, counted int64) {
	if shares.Weight != counted {
		panic(fmt.Sprintf("pot: event %d counted %d quanta in this shard, its pots have %d", event, counted, shares.Weight))
	}
}

func mustPortion(amount, weight, whole int64) int64 {
	portion, err := allocation.Portion(amount, weight, whole)
	if err != nil {
		panic(fmt.Sprintf("pot: %v", err))
	}
	return portion
}

// findHolding returns the pot's holding of the asset, or nil.
func findHolding(pot *state.PotState, asset schemas.AssetCode) *state.Holding {
	for i := range pot.Holdings {
		if pot.Holdings[i].Asset == asset {
			return &pot.Holdings[i]
		}
	}
	return nil
}
