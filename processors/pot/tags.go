package pot

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// tagOpen is borne by every open pot: what concerns all of them finds them by it.
const tagOpen = "open"

// tagChoice is borne by every open pot with a standing choice: what re-balances finds them by it.
const tagChoice = "choice"

// heldTag is borne by every pot that has units of the asset, in whatever account, or an order in it that is open or may still be corrected. A pot that only has such an order has
// no units, but may be told of some by what waits in its queue, or of the residue of its batch: what counts units must know that it is missing.
func heldTag(asset schemas.AssetCode) string { return "held/" + string(asset) }

// tags shows in which batches the pot has orders, what it holds, until when instructions are held for review, that it is open,
// and that it has a standing choice.
func tags(pot *state.PotState) []string {
	t := make([]string, 0, 1+2*len(pot.Orders)+len(pot.Dealt)+len(pot.Holdings)+len(pot.Review))
	for i := range pot.Orders {
		order := &pot.Orders[i]
		if order.Awaits == state.AwaitsNothing {
			t = append(t, batchOf(order).tag())
		}
		if findHolding(pot, order.Asset) == nil {
			t = append(t, heldTag(order.Asset))
		}
	}
	for i := range pot.Dealt {
		dealt := &pot.Dealt[i]
		t = append(t, dealtBatch(dealt).tag())
		if findHolding(pot, dealt.Asset) == nil {
			t = append(t, heldTag(dealt.Asset))
		}
	}
	for i := range pot.Holdings {
		t = append(t, heldTag(pot.Holdings[i].Asset))
	}
	if pot.ClosedOn == nil && pot.Suspense == nil {
		t = append(t, tagOpen)
		if pot.Choice != nil {
			t = append(t, tagChoice)
		}
	}
	for i := range pot.Review {
		t = append(t, reviewTag(pot.Review[i].ExpiresOn))
	}
	slices.Sort(t)
	return slices.Compact(t)
}
