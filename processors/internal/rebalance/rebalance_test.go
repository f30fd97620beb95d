package rebalance_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/rebalance"
	"github.com/penstock-ledger/penstock/schemas"
)

// pounds is an asset at 1.00 a unit, with units in hundredths: a quantum of it is a penny.
func pounds(asset schemas.AssetCode, weight schemas.Weight, worth schemas.Money) rebalance.Position {
	return rebalance.Position{Asset: asset, Weight: weight, Units: schemas.Units(worth), Free: schemas.Units(worth), Price: 1_00000000, Scale: 2}
}

func part(w schemas.Weight) *schemas.Weight { return &w }

// example is a pot, the terms of a run, and what comes of it.
type example struct {
	positions []rebalance.Position
	terms     rebalance.Terms
	trades    []rebalance.Trade
	why       rebalance.Why
}

func examplesOfBands() map[string]example {
	const cash = rebalance.FromCash
	return map[string]example{
		"what is exactly on the edge of a band is within it": {
			[]rebalance.Position{pounds("A", 500_000, 55_00), pounds("B", 500_000, 45_00)},
			rebalance.Terms{Absolute: part(50_000), Relative: part(100_000), Minimum: 1_00},
			nil, rebalance.WithinBands,
		},
		"a penny beyond an absolute band, all goes back to the weights": {
			[]rebalance.Position{pounds("A", 500_000, 55_01), pounds("B", 500_000, 44_99)},
			rebalance.Terms{Absolute: part(50_000), Minimum: 1_00},
			[]rebalance.Trade{{0, 1, 5_01, 5_01}},
			rebalance.Traded,
		},
		"a relative band is narrower for a small part": {
			[]rebalance.Position{pounds("A", 900_000, 88_00), pounds("B", 100_000, 12_00)},
			rebalance.Terms{Relative: part(100_000), Minimum: 1_00},
			[]rebalance.Trade{{1, 0, 2_00, 2_00}},
			rebalance.Traded,
		},
		"an asset that is not chosen any more is sold, and goes into what lacks, in the order of codes": {
			[]rebalance.Position{pounds("A", 300_000, 0), pounds("B", 0, 100_00), pounds("C", 700_000, 0)},
			rebalance.Terms{Relative: part(100_000), Minimum: 1_00},
			[]rebalance.Trade{{1, 0, 30_00, 30_00}, {1, 2, 70_00, 70_00}},
			rebalance.Traded,
		},
		"cash is invested first": {
			[]rebalance.Position{pounds("A", 500_000, 20_00), pounds("B", 250_000, 50_00), pounds("C", 250_000, 10_00)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00, Cash: 20_00},
			[]rebalance.Trade{{cash, 0, 0, 20_00}, {1, 0, 10_00, 10_00}, {1, 2, 15_00, 15_00}},
			rebalance.Traded,
		},
		"cash alone buys what was chosen": {
			[]rebalance.Position{pounds("A", 1_000_000, 0)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00, Cash: 20_00},
			[]rebalance.Trade{{cash, 0, 0, 20_00}},
			rebalance.Traded,
		},
	}
}

func examplesOfLimits() map[string]example {
	short := pounds("A", 500_000, 80_00)
	short.Free = 25_00
	coming := pounds("B", 500_000, 40_00)
	coming.Coming = 10_00
	return map[string]example{
		"a pair below the minimum is not traded": {
			[]rebalance.Position{pounds("A", 500_000, 600_00), pounds("B", 495_000, 395_10), pounds("C", 5_000, 4_90)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00},
			[]rebalance.Trade{{0, 1, 99_90, 99_90}},
			rebalance.Traded,
		},
		"nothing is worth the minimum": {
			[]rebalance.Position{pounds("A", 500_000, 55_00), pounds("B", 500_000, 45_00)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 5_01},
			nil, rebalance.BelowMinimum,
		},
		"a crumb of what is not chosen any more breaks no band": {
			[]rebalance.Position{pounds("A", 500_000, 49_00), pounds("B", 500_000, 51_50), pounds("C", 0, 99)},
			rebalance.Terms{Relative: part(100_000), Minimum: 1_00},
			nil, rebalance.BelowMinimum,
		},
		"no more is sold than is free": {
			[]rebalance.Position{short, pounds("B", 500_000, 20_00)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00},
			[]rebalance.Trade{{0, 1, 25_00, 25_00}},
			rebalance.Traded,
		},
		"what is on its way into an asset counts as there": {
			[]rebalance.Position{pounds("A", 500_000, 50_00), coming},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00},
			nil, rebalance.WithinBands,
		},
		"a pot that is worth nothing": {
			[]rebalance.Position{pounds("A", 1_000_000, 0)},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00},
			nil, rebalance.Nothing,
		},
		"units that would cost more than the pair are not bought": {
			[]rebalance.Position{pounds("A", 500_000, 100_00), {Asset: "B", Weight: 500_000, Price: 60_00000000, Scale: 0}},
			rebalance.Terms{Absolute: part(10_000), Minimum: 1_00},
			nil, rebalance.BelowMinimum,
		},
	}
}

func TestWhatAPotTrades(t *testing.T) {
	all := examplesOfBands()
	maps.Copy(all, examplesOfLimits())
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			trades, why, err := rebalance.Plan(c.positions, c.terms)
			if err != nil || why != c.why || !slices.Equal(trades, c.trades) {
				t.Errorf("trades %v, why %d, %v; want %v, why %d", trades, why, err, c.trades, c.why)
			}
		})
	}
}

// TestWhatRoundingLiftsIsTradedAtOnce has a pair that is a penny too small until others are traded: units of C that their cash does not pay for in full leave it larger.
func TestWhatRoundingLiftsIsTradedAtOnce(t *testing.T) {
	at := func(asset schemas.AssetCode, weight schemas.Weight, price schemas.Price, units schemas.Units) rebalance.Position {
		return rebalance.Position{Asset: asset, Weight: weight, Price: price, Scale: 2, Units: units, Free: units}
	}
	const price = 1_000_001
	value := func(pennies int64) schemas.Units { return schemas.Units(pennies * 100_000_000 / price) }
	positions := []rebalance.Position{
		at("C", 131_733, 1_000_000, 0), at("D", 481, price, value(1_27)), at("E", 0, price, value(2)), at("F", 0, price, value(40_99)), at("G", 867_786, price, value(4)),
	}
	trades := plan(t, positions, rebalance.Terms{Relative: part(0), Minimum: 1_23})
	if len(trades) != 3 || trades[0].From != 1 {
		t.Errorf("traded is %+v", trades)
	}
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	huge := pounds("A", 1_000_000, 1<<62)
	huge.Price = 1_000_00000000
	if _, _, err := rebalance.Plan([]rebalance.Position{huge}, rebalance.Terms{Absolute: part(0), Minimum: 1}); err == nil {
		t.Error("a value beyond all bounds was worked with")
	}
	if _, _, err := rebalance.Plan([]rebalance.Position{pounds("A", 900_000, 1_00)}, rebalance.Terms{Absolute: part(0), Minimum: 1}); err == nil {
		t.Error("weights that do not sum to 1 were worked with")
	}
}

func drawPositions(t *rapid.T, free bool) []rebalance.Position {
	count := rapid.IntRange(1, 7).Draw(t, "assets")
	positions := make([]rebalance.Position, count)
	left := schemas.WeightOne
	for i := range positions {
		p := &positions[i]
		p.Asset = schemas.AssetCode(rune('A' + i))
		// A quantum of units is worth 5p at most: what rounding loses in all trades of a pot is less than the least minimum.
		p.Scale = rapid.Int32Range(2, 6).Draw(t, "scale")
		p.Price = schemas.Price(rapid.Int64Range(1_000_000, 5_00000000).Draw(t, "price"))
		worth := rapid.Int64Range(0, 50_00).Draw(t, "worth")
		quanta, err := schemas.MulDivFloor(worth, schemas.Power10(6+int(p.Scale)), int64(p.Price))
		if err != nil {
			t.Fatal(err)
		}
		p.Units, p.Free = schemas.Units(quanta), schemas.Units(quanta)
		if !free {
			p.Free = schemas.Units(rapid.Int64Range(0, quanta).Draw(t, "free"))
			p.Coming = schemas.Money(rapid.Int64Range(0, 5_00).Draw(t, "coming"))
		}
		p.Weight = left
		if i < count-1 {
			p.Weight = schemas.Weight(rapid.Int64Range(0, int64(left)).Draw(t, "weight"))
		}
		left -= p.Weight
	}
	return positions
}

func drawTerms(t *rapid.T) rebalance.Terms {
	terms := rebalance.Terms{Minimum: schemas.Money(rapid.Int64Range(1_00, 5_00).Draw(t, "minimum")), Cash: schemas.Money(rapid.Int64Range(0, 20_00).Draw(t, "cash"))}
	if rapid.Bool().Draw(t, "absolute") {
		terms.Absolute = part(schemas.Weight(rapid.Int64Range(0, 100_000).Draw(t, "band")))
	}
	if terms.Absolute == nil || rapid.Bool().Draw(t, "relative") {
		terms.Relative = part(schemas.Weight(rapid.Int64Range(0, 300_000).Draw(t, "band")))
	}
	return terms
}

func plan(t rapid.TB, positions []rebalance.Position, terms rebalance.Terms) []rebalance.Trade {
	trades, _, err := rebalance.Plan(positions, terms)
	if err != nil {
		t.Fatal(err)
	}
	return trades
}

// spentOf is the cash that trades invest.
func spentOf(trades []rebalance.Trade) schemas.Money {
	sum := schemas.Money(0)
	for _, trade := range trades {
		if trade.From == rebalance.FromCash {
			sum += trade.Cash
		}
	}
	return sum
}

// TestTradesAreWorthTheirMinimumAndSellWhatIsFree: a trade is worth the minimum, what is bought for it is what was sold for it, no more is sold than is free, no more cash is
// spent than there is, and nothing is both sold and bought.
func TestTradesAreWorthTheirMinimumAndSellWhatIsFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positions, terms := drawPositions(t, false), drawTerms(t)
		trades := plan(t, positions, terms)
		sold, bought := make(map[int]schemas.Units), make(map[int]bool)
		for _, trade := range trades {
			if trade.Cash < terms.Minimum {
				t.Fatalf("%+v is below the minimum %s", trade, terms.Minimum)
			}
			bought[trade.Into] = true
			if trade.From == rebalance.FromCash {
				continue
			}
			from := positions[trade.From]
			if value, err := schemas.Worth(trade.Units, from.Price, from.Scale); err != nil || value != trade.Cash {
				t.Fatalf("%+v: the units are worth %s, %v", trade, value, err)
			}
			sold[trade.From] += trade.Units
		}
		for i, units := range sold {
			if units > positions[i].Free || bought[i] {
				t.Fatalf("of %+v %d are sold, and it is bought: %v", positions[i], units, bought[i])
			}
		}
		if spent := spentOf(trades); spent > terms.Cash {
			t.Fatalf("%s are spent of %s", spent, terms.Cash)
		}
	})
}

// TestASecondRunTradesNothing: on what the first run comes to at the same prices, whatever is rounded, and whether what was bought is free or not.
func TestASecondRunTradesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positions, terms := drawPositions(t, rapid.Bool().Draw(t, "all free")), drawTerms(t)
		trades := plan(t, positions, terms)
		after := rebalance.After(positions, trades)
		terms.Cash -= spentOf(trades)
		if again := plan(t, after, terms); len(again) != 0 {
			t.Fatalf("after %+v the second run trades %+v", trades, again)
		}
		for i := range after {
			after[i].Free += after[i].Units - (positions[i].Units - (positions[i].Free - after[i].Free)) // what was bought
		}
		if again := plan(t, after, terms); len(again) != 0 {
			t.Fatalf("after %+v, once what was bought is free, the second run trades %+v", trades, again)
		}
	})
}

// TestWithoutRoundingTheWeightsAreMet: where every quantum is a penny, all is free and no pair is too small, each asset comes to its target exactly.
func TestWithoutRoundingTheWeightsAreMet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positions := drawPositions(t, true)
		whole := schemas.Money(rapid.Int64Range(0, 1_000_00).Draw(t, "cash"))
		terms := rebalance.Terms{Absolute: part(0), Relative: part(0), Minimum: 1, Cash: whole}
		for i := range positions {
			positions[i] = pounds(positions[i].Asset, positions[i].Weight, schemas.Money(positions[i].Units))
			whole += schemas.Money(positions[i].Units)
		}
		through, before := schemas.Weight(0), int64(0)
		for i, p := range rebalance.After(positions, plan(t, positions, terms)) {
			through += positions[i].Weight
			upTo, err := schemas.MulDivFloor(int64(whole), int64(through), int64(schemas.WeightOne))
			if err != nil || int64(p.Units) != upTo-before {
				t.Fatalf("%s is worth %d of %s, its target is %d, %v", p.Asset, p.Units, whole, upTo-before, err)
			}
			before = upTo
		}
	})
}

// FuzzPlan lets no bytes crash the calculation, and judges them as the properties do.
func FuzzPlan(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		positions, terms := drawPositions(t, false), drawTerms(t)
		trades := plan(t, positions, terms)
		terms.Cash -= spentOf(trades)
		if again := plan(t, rebalance.After(positions, trades), terms); len(again) != 0 {
			t.Fatalf("after %+v the second run trades %+v", trades, again)
		}
	}))
}
