package pot

import (
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// hasRoom says whether the pot could still say what it holds of the asset if every trade that it has an order in gave it all the units
// that a trade may move. A balance that cannot be said would stop the shard in the middle of a sweep.
func (r *Reference) hasRoom(before *state.PotState, asset schemas.AssetCode, day schemas.Date) bool {
	return r.hasRoomFor(before, asset, day, 0)
}

// hasRoomFor says whether it could with so many units more.
func (r *Reference) hasRoomFor(before *state.PotState, asset schemas.AssetCode, day schemas.Date, more schemas.Units) bool {
	held := more
	if h := findHolding(before, asset); h != nil {
		held += unitsOf(h)
	}
	quantity, err := schemas.QuantityOf(int64(held), int(r.Latest(asset).UnitsScale))
	if err != nil {
		return false
	}
	trades := schemas.Quantity(1)
	for i := range before.Orders {
		o := &before.Orders[i]
		if o.Asset != asset || o.Day == day || o.Side == inbox.SideSell {
			continue
		}
		if !slices.ContainsFunc(before.Orders[:i], func(p state.Order) bool {
			return p.Asset == asset && p.Day == o.Day && p.Side == o.Side
		}) {
			trades++
		}
	}
	return quantity <= schemas.QuantityMax-trades*batch.UnitsMax
}
