package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/processors/internal/glidepath"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// Reference is what a shard knows besides its pots: reference data, how far each asset's days are closed, and its last prices.
type Reference struct {
	*book.Book
	closed map[schemas.AssetCode]schemas.Date
	prices []state.LastPrice
	kept   map[schemas.AssetCode]state.Kept
	// charged is the number of the last charge.
	charged int32
	// rebalanced is the number of the last re-balancing.
	rebalanced int32
	held       []state.HeldBatch
	paths      map[schemas.PathCode][]path
}

// NewReference makes the reference data ready for look-ups.
func NewReference(stored *state.PotReference) (*Reference, error) {
	b, err := book.New(stored.Settings, stored.Assets, stored.Calendars)
	if err != nil {
		return nil, fmt.Errorf("reading reference data: %w", err)
	}
	for i := range stored.Rules {
		// Batches that are closed from here on need it. To stop where it starts, the same in every shard, is better than to fail when the first of
		// them is priced.
		if rule := &stored.Rules[i]; rule.Rule != allocation.Rule || !allocation.Known(rule.Version) {
			return nil, fmt.Errorf("rule %s, version %s, is not known to this program: install one that knows it", rule.Rule, rule.Version)
		}
	}
	r := &Reference{b, make(map[schemas.AssetCode]schemas.Date, len(stored.Closed)), stored.Prices, make(map[schemas.AssetCode]state.Kept, len(stored.Kept)), stored.Charged, stored.Rebalanced, stored.Held, pathsOf(stored.Paths)}
	for _, k := range stored.Kept {
		r.kept[k.Asset] = k
	}
	for _, c := range stored.Closed {
		r.closed[c.Asset] = c.Day
	}
	return r, nil
}

// isClosed says whether orders of the asset for the day are frozen.
func (r *Reference) isClosed(asset schemas.AssetCode, day schemas.Date) bool {
	through, ok := r.closed[asset]
	return ok && day <= through
}

// ruleActivated notes which version of a rule holds from here on. Which one a batch is decided by is frozen with the batch; what is known here is that
// this program can decide by it.
func ruleActivated(stored *state.PotReference, m *inbox.RuleActivated) *state.PotReference {
	next := *stored
	next.Rules = book.Put(stored.Rules, state.ActiveRule{Rule: m.Rule, Version: m.Version}, func(a, b state.ActiveRule) int { return cmp.Compare(a.Rule, b.Rule) })
	if slices.Equal(next.Rules, stored.Rules) {
		return stored
	}
	return &next
}

// referenceChanged returns the reference data with the entry in its place.
func referenceChanged(stored *state.PotReference, m *inbox.ReferenceChanged) *state.PotReference {
	next := *stored
	switch entry := m.Entry.Body.(type) {
	case *reference.Asset:
		next.Assets = book.PutAsset(stored.Assets, entry)
		if m.ClosedThrough != nil {
			next.Closed = closedThrough(stored.Closed, entry.Code, *m.ClosedThrough)
		}
	case *reference.Calendar:
		next.Calendars = book.PutCalendar(stored.Calendars, entry)
	case *reference.Settings:
		next.Settings = book.PutSettings(stored.Settings, entry)
	case *reference.GlidePath:
		next.Paths = glidepath.Put(stored.Paths, entry)
	case *reference.Custodian:
		return stored
	}
	return &next
}

// closedThrough returns the list with the asset's last closed day set.
func closedThrough(closed []state.ClosedThrough, asset schemas.AssetCode, day schemas.Date) []state.ClosedThrough {
	return book.Put(closed, state.ClosedThrough{Asset: asset, Day: day}, func(a, b state.ClosedThrough) int { return cmp.Compare(a.Asset, b.Asset) })
}
