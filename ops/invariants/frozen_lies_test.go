package invariants_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// frozenLies are of the orders that shards froze.
func frozenLies() []lie {
	return []lie{
		{20, "nothing was frozen at all", func(in *invariants.Input) bool {
			lied := len(in.Frozen) > 0
			in.Frozen = nil
			return lied && filled(in)
		}},
		{20, "an order was frozen in place of another one", func(in *invariants.Input) bool {
			return frozenOf(in, func(b *audit.FrozenBatch) bool {
				if len(b.Orders) < 2 {
					return false
				}
				b.Orders[1].ID = b.Orders[0].ID
				return true
			})
		}},
		{20, "an order was frozen with another weight", func(in *invariants.Input) bool {
			return frozenOf(in, func(b *audit.FrozenBatch) bool {
				if len(b.Orders) > 0 {
					b.Orders[0].Weight++
				}
				return len(b.Orders) > 0
			})
		}},
	}
}

// filled says whether a trade was dealt, and nothing was taken back.
func filled(in *invariants.Input) bool {
	dealt := false
	for _, event := range in.Trades {
		dealt = dealt || event.Event == "priced"
		if event.Event == "rejected" {
			return false
		}
	}
	return dealt
}

// frozenOf lies of the first list that can be lied of, of a trade that was dealt.
func frozenOf(in *invariants.Input, change func(*audit.FrozenBatch) bool) bool {
	if !filled(in) {
		return false
	}
	for _, event := range in.Trades {
		if event.Event != "settled" {
			continue
		}
		for _, told := range in.Frozen {
			for i := range told.Batches {
				if b := &told.Batches[i]; b.Trade == event.Trade && change(b) {
					return true
				}
			}
		}
	}
	return false
}

// TestJudgesOfFrozenOrdersNoticeLies tells each lie of the first history that it can be told of.
func TestJudgesOfFrozenOrdersNoticeLies(t *testing.T) { tellAll(t, frozenLies()) }
