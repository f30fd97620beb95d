package pot

import (
	"cmp"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// lastPricesMax is how many closes of an asset a shard knows: the last one, and those that may still be corrected before it is used. Of an asset that is halted it
// knows so many of before and so many since: until the asset is split, or for good where it is merged into another.
const lastPricesMax = 3

// priceReleased keeps a close, and forgets the asset's oldest beyond those that are kept. A version that is known already changes nothing. While an asset is halted,
// closes of before are kept apart from those since: pots are valued by them until its units are others.
func priceReleased(stored *state.PotReference, m *inbox.PriceReleased) *state.PotReference {
	row := state.LastPrice{Asset: m.Asset, Date: m.Date, Price: m.Price, Version: m.Version}
	halted := keptOf(stored, m.Asset).HaltedFrom
	from, _ := slices.BinarySearchFunc(stored.Prices, m.Asset, func(p state.LastPrice, asset schemas.AssetCode) int { return cmp.Compare(p.Asset, asset) })
	first, count := from, 0
	for n, p := range stored.Prices[from:] {
		if p.Asset != m.Asset {
			break
		}
		switch {
		case halted != nil && (p.Date >= *halted) != (m.Date >= *halted):
			continue
		case p.Date == m.Date && p.Version >= m.Version:
			return stored
		case count == 0:
			first = from + n
		}
		count++
	}
	if count >= lastPricesMax && m.Date < stored.Prices[first].Date {
		return stored
	}
	next := *stored
	next.Prices = book.Put(stored.Prices, row, comparePrices)
	if len(next.Prices) > len(stored.Prices) && count >= lastPricesMax {
		next.Prices = slices.Delete(next.Prices, first, first+count+1-lastPricesMax)
	}
	return &next
}

func comparePrices(a, b state.LastPrice) int {
	return cmp.Or(cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Date, b.Date))
}

// LastPrice returns the asset's last close that the shard knows, or nil. Those since the asset is halted do not count: they may be of units that pots do not have yet.
func (r *Reference) LastPrice(asset schemas.AssetCode) *state.LastPrice {
	i, _ := slices.BinarySearchFunc(r.prices, asset, func(p state.LastPrice, asset schemas.AssetCode) int {
		if p.Asset > asset {
			return 1
		}
		return -1 // an equal one too: the search ends behind the asset's last
	})
	for i > 0 && r.prices[i-1].Asset == asset && r.isHalted(asset, r.prices[i-1].Date) {
		i--
	}
	if i == 0 || r.prices[i-1].Asset != asset {
		return nil
	}
	return &r.prices[i-1]
}
