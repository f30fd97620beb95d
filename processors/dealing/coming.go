package dealing

import (
	"math"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// Bounds of what is remembered.
const (
	// comingMax bounds the entries that are remembered until a day, those of calendars among them.
	comingMax = 4000
	// custodianChangesMax bounds those of custodians, which are remembered for ever. Neither takes room from the other.
	custodianChangesMax = 1000
)

// forEver is the day until which an entry without a day is remembered: one that no day reaches, and later than any that can be written. Files give 9999-12-31 to rows and
// calendars that have no end, so it is not that one.
const forEver schemas.Date = math.MaxInt32

// entryKey names an entry, by who sent it under which id, and by what it says.
func entryKey(cause *inbox.Cause, entry *reference.Entry) schemas.ID {
	return schemas.DeriveID("reference", string(cause.Source), cause.ID, string(entry.AppendAvro(nil)))
}

// comesUntil returns the day from which an entry that is sent again can change nothing any more, because its day has begun; false for one that is not known.
func comesUntil(entry *reference.Entry) (schemas.Date, bool) {
	switch body := entry.Body.(type) {
	case *reference.Custodian:
		return forEver, true // it holds from when it comes
	case *reference.Calendar:
		return body.LastDay, true // one that ends sooner than the one that is known is refused
	case *reference.Settings:
		return body.EffectiveFrom, true
	case *reference.Asset:
		return body.EffectiveFrom, true
	case *reference.AnnualCharge:
		return body.EffectiveFrom, true
	case *reference.GlidePath:
		return body.EffectiveFrom, true
	}
	return 0, false
}

// heard says whether the entry was accepted before and its day is still to come: sent again it changes nothing, though another one may have replaced it since.
func (r *Reference) heard(key schemas.ID) bool {
	return slices.ContainsFunc(r.stored.Coming, func(c state.ComingEntry) bool { return c.Key == key })
}

// remember notes an entry until its day has begun, and forgets those whose day has: what begins then is refused, or known. A row that another id has brought already is noted as well, for it
// may be replaced. A calendar or a custodian that changes nothing is not, or one that is published each day would fill the list until it ends.
func (r *Reference) remember(next *state.DealingReference, cause *inbox.Cause, key schemas.ID, entry *reference.Entry) (*state.DealingReference, refusal) {
	until, comes := comesUntil(entry)
	if begun, known := r.begun(cause.ReceivedAt); known && until <= begun {
		comes = false
	}
	if !comes || next == nil && isKeptLong(entry) {
		return next, refusal{}
	}
	if next == nil {
		unchanged := *r.stored
		next = &unchanged
	}
	// What the shards have begun cannot be unbegun, whatever the time of an entry.
	begun, known := r.LocalDate(r.stored.Announced)
	next.Coming = slices.DeleteFunc(slices.Clone(r.stored.Coming), func(c state.ComingEntry) bool { return known && c.Until <= begun })
	if until != forEver && len(next.Coming)-r.custodianChanges() >= comingMax {
		return nil, bad("%d entries for days to come are remembered: it can be sent when days of some have begun", comingMax)
	}
	next.Coming = append(next.Coming, state.ComingEntry{Key: key, Until: until})
	return next, refusal{}
}

// isKeptLong says whether an entry holds as soon as it comes, and is remembered all the same: it may be published each day for a long time.
func isKeptLong(entry *reference.Entry) bool {
	switch entry.Body.(type) {
	case *reference.Calendar, *reference.Custodian:
		return true
	}
	return false
}

// custodianChanges counts how often custodians were new or changed.
func (r *Reference) custodianChanges() int {
	changes := 0
	for i := range r.stored.Coming {
		if r.stored.Coming[i].Until == forEver {
			changes++
		}
	}
	return changes
}

// begun returns the last day that has begun, for whom the entry was received or for the shards, which may be further. False where the trust's settings are not known.
func (r *Reference) begun(received schemas.Instant) (schemas.Date, bool) {
	return r.LocalDate(max(received, r.stored.Announced))
}
