package allocation_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
)

// TestTheSecondVersionRoundsCashInTheMembersFavour holds the shares of a buy to what the version says: units as before, never more cash than the exact
// share, nothing taken back by a later piece, and at most a penny per order that the scheme bears, in each shard.
func TestTheSecondVersionRoundsCashInTheMembersFavour(t *testing.T) {
	rounding, err := allocation.RoundingOf(allocation.PolicyForMembers, true)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrozen(t)
		fills := drawFills(t, f.whole)
		before := int64(0)
		for _, weights := range f.shards {
			through := before
			for _, w := range weights {
				through += w
			}
			last := make([]allocation.Amounts, len(weights))
			for _, fill := range fills {
				part, err := allocation.Part(fill, before, through, f.whole)
				must(t, part, err)
				rest := -part.Given
				for i, w := range weights {
					share, err := rounding.Share(fill, w, f.whole)
					must(t, share, err)
					first, err := allocation.Share(fill, w, f.whole)
					must(t, first, err)
					if share.Got != first.Got || share.Given > first.Given || share.Given < first.Given-1 || share.Given > w {
						t.Fatalf("weight %d of %d shares %+v, by the first version %+v", w, f.whole, share, first)
					}
					if share.Given < last[i].Given || share.Got < last[i].Got {
						t.Fatalf("weight %d of %d: %+v after %+v", w, f.whole, share, last[i])
					}
					last[i] = share
					rest += share.Given
				}
				if rest > 0 || rest < -int64(len(weights)) {
					t.Fatalf("%d orders leave %d pennies to the scheme", len(weights), rest)
				}
			}
			before = through
		}
	})
}

func TestSellsArePaidNoPennyLessByTheSecondVersion(t *testing.T) {
	fill := allocation.Amounts{Got: 100, Given: 100}
	for policy, want := range map[string]allocation.Amounts{
		"":                          {Got: 33, Given: 34},
		allocation.Policy:           {Got: 33, Given: 34},
		allocation.PolicyForMembers: {Got: 34, Given: 34},
	} {
		rounding, err := allocation.RoundingOf(policy, false)
		if err != nil {
			t.Fatal(err)
		}
		if share, err := rounding.Share(fill, 1, 3); err != nil || share != want {
			t.Errorf("by %q a third of %+v is %+v, %v; want %+v", policy, fill, share, err, want)
		}
	}
	if _, err := allocation.RoundingOf("largest-remainder/1", false); err == nil {
		t.Error("a policy that nobody knows allocates")
	}
}
