package allocation_test

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
)

func TestThreeEqualOrdersShareOneHundredPounds(t *testing.T) {
	fill := allocation.Amounts{Got: 100_00}
	sum := int64(0)
	for range 3 {
		share, err := allocation.Share(fill, 1, 3)
		if err != nil || share.Got != 33_33 {
			t.Fatalf("got %d, %v; want 33.33", share.Got, err)
		}
		sum += share.Got
	}
	if rest := fill.Got - sum; rest != 1 {
		t.Fatalf("rounding takes %d quanta, want 1", rest)
	}
}

// frozen is a batch as the properties see it: weights of orders, spread over shards.
type frozen struct {
	shards [][]int64
	whole  int64
}

func drawFrozen(t *rapid.T) frozen {
	var f frozen
	for range rapid.IntRange(1, 6).Draw(t, "shards") {
		weights := rapid.SliceOfN(rapid.Int64Range(1, 1_000_000_00), 0, 8).Draw(t, "weights")
		for _, w := range weights {
			f.whole += w
		}
		f.shards = append(f.shards, weights)
	}
	if f.whole == 0 {
		f.shards[0], f.whole = []int64{1}, 1
	}
	return f
}

func drawFills(t *rapid.T, whole int64) []allocation.Amounts {
	fills := []allocation.Amounts{{}}
	for range rapid.IntRange(1, 4).Draw(t, "pieces") {
		last := fills[len(fills)-1]
		fills = append(fills, allocation.Amounts{
			Got:   last.Got + rapid.Int64Range(0, 1_000_000_000_000).Draw(t, "got"),
			Given: last.Given + rapid.Int64Range(0, whole-last.Given).Draw(t, "given"),
		})
	}
	return fills
}

func must(t *rapid.T, a allocation.Amounts, err error) allocation.Amounts {
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPartsSumToTheFillAndResidueStaysInItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrozen(t)
		for _, fill := range drawFills(t, f.whole) {
			var parts allocation.Amounts
			before := int64(0)
			for _, weights := range f.shards {
				through := before
				var shares allocation.Amounts
				for _, w := range weights {
					through += w
					share, err := allocation.Share(fill, w, f.whole)
					share = must(t, share, err)
					if share.Given > w {
						t.Fatalf("an order of %d gives %d", w, share.Given)
					}
					shares.Got += share.Got
					shares.Given += share.Given
				}
				part, err := allocation.Part(fill, before, through, f.whole)
				part = must(t, part, err)
				parts.Got += part.Got
				parts.Given += part.Given
				checkResidue(t, part, shares, int64(len(weights)))
				before = through
			}
			if parts != fill {
				t.Fatalf("parts sum to %+v, the fill is %+v", parts, fill)
			}
		}
	})
}

func checkResidue(t *rapid.T, part, shares allocation.Amounts, orders int64) {
	for _, residue := range []int64{part.Got - shares.Got, shares.Given - part.Given} {
		if residue < -1 || residue > orders || (orders == 0 && residue != 0) {
			t.Fatalf("residue %d of %d orders", residue, orders)
		}
	}
}

func TestAShareIsTheExactRationalRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, 1<<60).Draw(t, "whole")
		weight := rapid.Int64Range(0, whole).Draw(t, "weight")
		amount := rapid.Int64Range(0, 1<<60).Draw(t, "amount")
		share, err := allocation.Share(allocation.Amounts{Got: amount, Given: amount}, weight, whole)
		share = must(t, share, err)
		product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(weight))
		floor, rest := new(big.Int).QuoRem(product, big.NewInt(whole), new(big.Int))
		ceil := floor.Int64()
		if rest.Sign() > 0 {
			ceil++
		}
		if share.Got != floor.Int64() || share.Given != ceil {
			t.Fatalf("%d*%d/%d: got %+v, want %v and %d", amount, weight, whole, share, floor, ceil)
		}
	})
}

func TestALaterPieceTakesNothingBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrozen(t)
		weight := rapid.Int64Range(0, f.whole).Draw(t, "weight")
		var last allocation.Amounts
		for _, fill := range drawFills(t, f.whole) {
			share, err := allocation.Share(fill, weight, f.whole)
			share = must(t, share, err)
			if share.Got < last.Got || share.Given < last.Given {
				t.Fatalf("%+v after %+v", share, last)
			}
			last = share
		}
	})
}

func TestSplitIsExactAndKeepsTheOrderOfItsWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cash := schemas.Money(rapid.Int64Range(1, 1<<50).Draw(t, "cash"))
		cuts := rapid.SliceOfNDistinct(rapid.Int64Range(1, int64(schemas.WeightOne)-1), 0, 7, rapid.ID).Draw(t, "cuts")
		slices.Sort(cuts)
		var weights []schemas.Weight
		last := int64(0)
		for _, cut := range append(cuts, int64(schemas.WeightOne)) {
			weights = append(weights, schemas.Weight(cut-last))
			last = cut
		}
		parts, err := allocation.Split(cash, weights)
		if err != nil {
			t.Fatal(err)
		}
		sum := schemas.Money(0)
		for i, part := range parts {
			exact := new(big.Rat).SetFrac64(int64(weights[i]), int64(schemas.WeightOne))
			exact.Mul(exact, new(big.Rat).SetInt64(int64(cash)))
			off := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(part)))
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d quanta, exactly %s", i, part, exact.FloatString(3))
			}
			sum += part
		}
		if sum != cash {
			t.Fatalf("parts sum to %s, want %s", sum, cash)
		}
	})
}

func TestWhatIsNotAPartIsRefused(t *testing.T) {
	for name, call := range map[string]func() error{
		"weight above the whole": func() error { _, err := allocation.Share(allocation.Amounts{Got: 1}, 2, 1); return err },
		"negative weight":        func() error { _, err := allocation.Share(allocation.Amounts{Got: 1}, -1, 1); return err },
		"nothing to share by":    func() error { _, err := allocation.Share(allocation.Amounts{Got: 1}, 0, 0); return err },
		"negative fill":          func() error { _, err := allocation.Share(allocation.Amounts{Got: -1}, 1, 1); return err },
		"shard runs backwards":   func() error { _, err := allocation.Part(allocation.Amounts{}, 2, 1, 3); return err },
		"weights below 1":        func() error { _, err := allocation.Split(1, []schemas.Weight{999_999}); return err },
		"weights above 1":        func() error { _, err := allocation.Split(1, []schemas.Weight{600_000, 600_000}); return err },
		"zero weight":            func() error { _, err := allocation.Split(1, []schemas.Weight{0, schemas.WeightOne}); return err },
	} {
		if call() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkShare(b *testing.B) {
	source := rand.New(rand.NewPCG(1, 2))
	whole := int64(1 << 40)
	weight := source.Int64N(whole)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := allocation.Share(allocation.Amounts{Got: whole * 3, Given: whole}, weight, whole); err != nil {
			b.Fatal(err)
		}
	}
}
