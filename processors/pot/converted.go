package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// conversion is a split or a merger while it is booked, on a pot or at the close.
type conversion struct {
	*draft
	*inbox.AssetConverted
	purpose purpose
}

func newConversion(d *draft, place streams.Place, r *Reference, m *inbox.AssetConverted) *conversion {
	stage := stageMerged
	if m.Into == m.Asset {
		stage = stageSplit
	}
	return &conversion{d, m, purpose{stage: stage, effectiveOn: max(m.EffectiveOn, r.today(place))}}
}

// becomes is what so many quanta of the asset become, rounded down. It is monotone, so that shards' parts, taken from running sums, add up to what the whole becomes.
func (c *conversion) becomes(quanta int64) int64 {
	after, err := schemas.MulDivSigned(quanta, c.Numerator, c.Denominator)
	if err != nil {
		panic(fmt.Sprintf("pot: event %d: %d quanta of %s times %d by %d: %v", c.Event, quanta, c.Asset, c.Numerator, c.Denominator, err))
	}
	return after
}

// exchange posts what an account's units become. In a split only the difference moves.
func (c *conversion) exchange(from, to end[schemas.Units], before, after int64) {
	if c.Into == c.Asset {
		shift(c.draft, c.purpose, c.Asset, c.UnitsScale, outside[schemas.Units](ledger.UnitsOwed(c.Custodian)), to, schemas.Units(after-before))
		return
	}
	shift(c.draft, c.purpose, c.Asset, c.UnitsScale, from, outside[schemas.Units](ledger.UnitsOwed(c.Custodian)), schemas.Units(before))
	shift(c.draft, c.purpose, c.Into, c.IntoScale, outside[schemas.Units](ledger.UnitsOwed(c.IntoCustodian)), to, schemas.Units(after))
}

// converted exchanges a pot's units. All of them are settled: dealing has waited for every order of the asset to finish.
func converted(place streams.Place, r *Reference, before *state.PotState, pot schemas.PotID, cause *inbox.Cause, m *inbox.AssetConverted, tally *state.PotTally) (*state.PotState, []streams.Out) {
	held := findHolding(before, m.Asset)
	if held == nil || held.Event >= m.Event {
		return before, nil
	}
	if held.Pending != 0 || held.Reserved != 0 {
		panic(fmt.Sprintf("pot: event %d finds units of %s pending or reserved", m.Event, m.Asset))
	}
	c := newConversion(newDraft(before, 2), place, r, m)
	old := int64(held.Settled)
	entry := tallyOf(tally, eventKey(m.Event), HeldSettlement)
	entry.Weight += old
	entry.Got += c.becomes(old)
	c.holding(m.Into) // both exist before either is pointed to
	from, to := c.holding(m.Asset), c.holding(m.Into)
	from.Event, to.Event = m.Event, m.Event
	c.exchange(from.settled(), to.settled(), old, c.becomes(old))
	return &c.state, c.journal(nil, place, pot, cause, c.purpose.stage)
}

// assetConverted ends a conversion in a shard: the scheme's own units are exchanged, rounding gets what the pots' shares leave, and the holding with the
// custodian follows. An asset that is split deals again.
func assetConverted(place streams.Place, r *Reference, stored *state.PotReference, cause *inbox.Cause, m *inbox.AssetConverted, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	closing, key := newClosing(place, stored), eventKey(m.Event)
	shares := tallyOf(tally, key, HeldSettlement)
	due := closing.due(heldTag(m.Asset), key, HeldSettlement, shares)
	next := eventSeen(closing.after(stored), place, m.Event, m.Asset, m.Into)
	if !place.Released {
		next = withKept(next, m.Asset, func(k *state.Kept) { k.ConvertedOn, k.ConvertedBy = &m.EffectiveOn, m.Event })
	}
	if !place.Released && m.Into == m.Asset {
		next = rescaled(withKept(next, m.Asset, func(k *state.Kept) { k.HaltedFrom = nil }), m)
	}
	if !due {
		return next, nil
	}
	counted := m.WeightThrough - m.WeightBefore
	checkCounted(m.Event, shares, counted-m.Rounding-m.Compensation)
	c := newConversion(newDraft(&state.PotState{}, 6), place, r, m)
	part := c.becomes(m.WeightThrough) - c.becomes(m.WeightBefore)
	compensation, rounding := outside[schemas.Units](ledger.SchemeCompensation), outside[schemas.Units](ledger.SchemeRounding)
	c.exchange(compensation, compensation, m.Compensation, c.becomes(m.Compensation))
	c.exchange(rounding, rounding, m.Rounding, part-shares.Got-c.becomes(m.Compensation))
	c.deliver(counted, part)
	return next, c.closed(place, cause, closing)
}

// deliver books the outside leg: what the custodian holds for the shard.
func (c *conversion) deliver(before, after int64) {
	owed, settled := outside[schemas.Units](ledger.UnitsOwed(c.Custodian)), outside[schemas.Units](ledger.UnitsSettled(c.Custodian))
	if c.Into == c.Asset {
		shift(c.draft, c.purpose, c.Asset, c.UnitsScale, settled, owed, schemas.Units(after-before))
		return
	}
	shift(c.draft, c.purpose, c.Asset, c.UnitsScale, owed, settled, schemas.Units(before))
	intoOwed, intoSettled := outside[schemas.Units](ledger.UnitsOwed(c.IntoCustodian)), outside[schemas.Units](ledger.UnitsSettled(c.IntoCustodian))
	shift(c.draft, c.purpose, c.Into, c.IntoScale, intoSettled, intoOwed, schemas.Units(after))
}

// rescaled returns the reference data with the closes of the days before a split in new units: what pots hold is valued by them.
func rescaled(stored *state.PotReference, m *inbox.AssetConverted) *state.PotReference {
	next := *stored
	for i := range stored.Prices {
		p := stored.Prices[i]
		if p.Asset != m.Asset || p.Date >= m.EffectiveOn {
			continue
		}
		if price, err := schemas.MulDivFloor(int64(p.Price), m.Denominator, m.Numerator); err == nil {
			p.Price = schemas.Price(max(price, 1))
			next.Prices = book.Put(next.Prices, p, comparePrices)
		}
	}
	return &next
}
