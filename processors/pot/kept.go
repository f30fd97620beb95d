package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// keptOf returns what the shard knows of an asset besides its pots.
func keptOf(stored *state.PotReference, asset schemas.AssetCode) state.Kept {
	i, found := slices.BinarySearchFunc(stored.Kept, state.Kept{Asset: asset}, compareKept)
	if !found {
		return state.Kept{Asset: asset}
	}
	return stored.Kept[i]
}

func compareKept(a, b state.Kept) int { return cmp.Compare(a.Asset, b.Asset) }

// withKept returns the reference data with what is known of an asset changed.
func withKept(stored *state.PotReference, asset schemas.AssetCode, change func(*state.Kept)) *state.PotReference {
	kept := keptOf(stored, asset)
	change(&kept)
	next := *stored
	next.Kept = book.Put(stored.Kept, kept, compareKept)
	return &next
}

// withBalances returns the reference data with the balances of the scheme's own accounts that later events depend on, as the journals leave them.
func withBalances(stored *state.PotReference, outs []streams.Out) *state.PotReference {
	for i := range outs {
		j, ok := outs[i].Value.(*ledger.Journal)
		if !ok {
			continue
		}
		for n := range j.Postings {
			p := &j.Postings[n]
			quanta, _ := p.Quantity.Quanta(int(p.Scale))
			stored = withBalance(stored, p.Asset, p.From, -quanta)
			stored = withBalance(stored, p.Asset, p.To, quanta)
		}
	}
	return stored
}

// withBalance adds to one of them. Events count units alone: balances of cash are for the ledger to say.
func withBalance(stored *state.PotReference, asset schemas.AssetCode, account schemas.Account, amount int64) *state.PotReference {
	if asset == schemas.Cash {
		return stored
	}
	switch account {
	case ledger.SchemeRounding:
		return withKept(stored, asset, func(k *state.Kept) { k.Rounding += amount })
	case ledger.SchemeCompensation:
		return withKept(stored, asset, func(k *state.Kept) { k.Compensation += amount })
	}
	return stored
}

// eventSeen notes the asset's last event the first time that it is swept: what a pot comes to hold later takes no part in it.
func eventSeen(stored *state.PotReference, place streams.Place, event int32, assets ...schemas.AssetCode) *state.PotReference {
	if place.Released {
		return stored
	}
	for _, asset := range assets {
		stored = withKept(stored, asset, func(k *state.Kept) { k.Event = event })
	}
	return stored
}

// runSeen notes the last run over all pots the first time that it is swept: a pot that is opened, or chosen for, later takes no part in it.
func runSeen(stored *state.PotReference, place streams.Place, note func(*state.PotReference)) *state.PotReference {
	if place.Released {
		return stored
	}
	next := *stored
	note(&next)
	return &next
}

// assetHalted notes from which day on no order of the asset is accepted.
func assetHalted(stored *state.PotReference, m *inbox.AssetHalted) *state.PotReference {
	return withKept(stored, m.Asset, func(k *state.Kept) { k.HaltedFrom = &m.From })
}

// isHalted says whether no order of the asset is accepted for the day.
func (r *Reference) isHalted(asset schemas.AssetCode, day schemas.Date) bool {
	from := r.kept[asset].HaltedFrom
	return from != nil && day >= *from
}

// refuseUnconverted refuses to give away units of a pot that was set aside when its asset was split or merged, and has not come to that yet: the asset may deal
// again, but these are old units.
func (r *Reference) refuseUnconverted(held *state.Holding) refusal {
	if by := r.kept[held.Asset].ConvertedBy; held.Event < by {
		return refusal{codeAssetHalted, fmt.Sprintf("the pot's units of %s are still to be split or merged by event %d", held.Asset, by)}
	}
	return refusal{}
}

// refuseHalted refuses an order of the asset for a day from which on none is accepted.
func (r *Reference) refuseHalted(asset schemas.AssetCode, day schemas.Date) refusal {
	if !r.isHalted(asset, day) {
		return refusal{}
	}
	return refusal{codeAssetHalted, fmt.Sprintf("asset %s does not deal on %s: it is split or merged, or about to be", asset, day)}
}
