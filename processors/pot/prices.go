package pot

import (
	"cmp"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// lastPricesMax is how many closes of an asset a shard knows: the last one, and those that may still be corrected before it is used.
const lastPricesMax = 3

// priceReleased keeps a close, and forgets the asset's oldest beyond those that are kept. A version that is known already changes nothing.
func priceReleased(stored *state.PotReference, m *inbox.PriceReleased) *state.PotReference {
	row := state.LastPrice{Asset: m.Asset, Date: m.Date, Price: m.Price, Version: m.Version}
	first, _ := slices.BinarySearchFunc(stored.Prices, m.Asset, func(p state.LastPrice, asset schemas.AssetCode) int { return cmp.Compare(p.Asset, asset) })
	count := 0
	for _, p := range stored.Prices[first:] {
		if p.Asset != m.Asset {
			break
		}
		if p.Date == m.Date && p.Version >= m.Version {
			return stored
		}
		count++
	}
	if count >= lastPricesMax && m.Date < stored.Prices[first].Date {
		return stored
	}
	next := *stored
	next.Prices = book.Put(stored.Prices, row, comparePrices)
	if len(next.Prices) > len(stored.Prices) && count >= lastPricesMax {
		next.Prices = slices.Delete(next.Prices, first, first+1)
	}
	return &next
}

func comparePrices(a, b state.LastPrice) int {
	return cmp.Or(cmp.Compare(a.Asset, b.Asset), cmp.Compare(a.Date, b.Date))
}

// LastPrice returns the asset's last close that the shard knows, or nil.
func (r *Reference) LastPrice(asset schemas.AssetCode) *state.LastPrice {
	i, _ := slices.BinarySearchFunc(r.prices, asset, func(p state.LastPrice, asset schemas.AssetCode) int {
		if p.Asset > asset {
			return 1
		}
		return -1 // an equal one too: the search ends behind the asset's last
	})
	if i == 0 || r.prices[i-1].Asset != asset {
		return nil
	}
	return &r.prices[i-1]
}
