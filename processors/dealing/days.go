package dealing

import (
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// reached notes how far a partition of the instruction topic has come. When all of them have passed a cut-off, the day is
// closed in every shard, for no instruction that is in time for it can still come.
func (d *dealing) reached(r *Reference, cause *inbox.Cause, m *inbox.Reached) (*state.DealingReference, []streams.Out) {
	next := *r.stored
	next.Reached = slices.Clone(r.stored.Reached)
	for len(next.Reached) < int(d.shards) {
		next.Reached = append(next.Reached, 0)
	}
	if m.Partition < 0 || m.Partition >= d.shards || m.Time <= next.Reached[m.Partition] {
		return r.stored, nil
	}
	next.Reached[m.Partition] = m.Time
	least := slices.Min(next.Reached)
	if least <= r.stored.Announced {
		return &next, nil
	}
	next.Announced = least
	outs := d.closeDays(r, &next, cause, least)
	if len(outs) > 0 {
		outs = d.countAgain(r, &next, outs) // an order that was cancelled ends with its day
	} else {
		outs = d.advance(r, &next, nil)
	}
	id := schemas.DeriveID("time", least.String()).String()
	outs = tellAll(outs, d.shards, id, cause, &inbox.TimeReached{Time: least, Began: r.began(r.stored.Announced, least)})
	return &next, d.followCharges(r, &next, cause, outs)
}

// beganDaysMax bounds the days that a shard is told to have begun at once. Nothing waits for a day that is further away, unless the clock stood still for so long:
// what was held meanwhile ends by an operator's word.
const beganDaysMax = 366

// began returns the platform's days that begin after one time and by another. With the first time of all that is known of the platform they are the days since
// its first settings hold: shards may hold instructions by then, which they received under those settings, and none ends before the day after it came.
func (r *Reference) began(after, by schemas.Instant) []schemas.Date {
	to, ok := r.LocalDate(by)
	if !ok {
		return nil
	}
	from, known := r.LocalDate(after)
	if !known {
		from = r.stored.Settings[0].EffectiveFrom - 1
	}
	var days []schemas.Date
	for day := max(from+1, to-beganDaysMax); day <= to; day++ {
		days = append(days, day)
	}
	return days
}

// closeDays closes every day of every asset whose cut-off has passed everywhere, the earliest day first. The day of settlement is
// counted here, once, and travels with the day: a calendar that changes before the last shard has given its total moves nothing.
func (d *dealing) closeDays(r *Reference, next *state.DealingReference, cause *inbox.Cause, least schemas.Instant) []streams.Out {
	closing := make(map[schemas.Date][]inbox.ClosedAsset)
	for _, code := range r.Codes() {
		through, _ := r.closedThrough(code)
		for _, day := range r.passedDays(code, through, least) {
			asset := r.Asset(code, day)
			settlesOn, err := r.SettlementDate(code, day)
			if err != nil {
				panic(fmt.Sprintf("dealing: %s deals on %s without a day of settlement: %v", code, day, err))
			}
			closing[day] = append(closing[day], inbox.ClosedAsset{Asset: code, Custodian: asset.Custodian, UnitsScale: asset.UnitsScale, SettlesOn: &settlesOn, Policy: r.policy()})
			next.Closed, next.Carried = setClosed(next.Closed, code, day), uncarried(next.Carried, code, day)
		}
	}
	var outs []streams.Out
	for _, day := range slices.Sorted(maps.Keys(closing)) {
		parts := []string{"closed", day.String()}
		for _, asset := range closing[day] {
			parts = append(parts, string(asset.Asset))
		}
		outs = tellAll(outs, d.shards, schemas.DeriveID(parts...).String(), cause, &inbox.DayClosed{Day: day, Assets: closing[day]})
	}
	return outs
}

// passedDays returns the asset's dealing days after the last closed one whose cut-off nothing can be in time for any more.
func (r *Reference) passedDays(code schemas.AssetCode, through schemas.Date, least schemas.Instant) []schemas.Date {
	today, ok := r.LocalDate(least)
	if !ok {
		return nil
	}
	var days []schemas.Date
	for day := through + 1; day <= today; day++ {
		deals, err := r.Deals(code, day)
		if err != nil || !deals {
			// A day that no calendar knows, or of which the settlement is not known, is not dealt: nobody is given an order for it, so
			// there is nothing to close. The days after it, of a calendar that begins later, must not wait for it.
			continue
		}
		cutOff, _ := r.CutOff(code, day)
		if !cutOff.Passed(least, day) {
			return days
		}
		days = append(days, day)
	}
	return days
}
