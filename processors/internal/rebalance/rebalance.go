// Package rebalance works out what a pot trades so that it is spread over assets as it was chosen.
//
// What a pot has more of than it should is paired with what it has less of, both in the order of their assets' codes, cash to invest first: the
// north-west-corner rule. Of all ways to pair them it is the only one in which no pair crosses another, so what is left of it once some pairs are traded is what the
// rule gives for the rest. A pair that was too small to be traded is the same pair the next time, and is as small.
//
// All is exact: whole pennies, whole quanta of units, and every rounding goes down. Rounding may lift a pair that was just too small; the plan is therefore made
// again for what it would leave, until nothing is left to plan. So a second run, on what the first one comes to at the same prices, trades nothing.
//
// As long as what rounding loses in all trades is less than the minimum, no asset is both sold and bought. Where a quantum of units is worth more than that, what its rounding loses
// is itself shared again: then a later look may sell some of an asset that an earlier one bought, or that was never off.
package rebalance

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
)

// Position is what a pot has of an asset, and should have. Positions are in the order of their assets' codes, each asset once.
type Position struct {
	Asset schemas.AssetCode
	// Weight is the part of the pot's value that was chosen for the asset; 0 for one that is only held. The weights of all positions sum to 1.
	Weight schemas.Weight
	// Units is all that the pot owns of the asset, Free what of it may be sold now.
	Units, Free schemas.Units
	// Coming is cash that is already on its way into the asset.
	Coming schemas.Money
	// Price is the last released close, above zero; Scale is that of the units.
	Price schemas.Price
	Scale int32
}

// Terms are those of a run.
type Terms struct {
	// Absolute is how far an asset's part of the value may be from its weight, Relative how far its value may be from its target, as a part of that. At least one of
	// them is given.
	Absolute, Relative *schemas.Weight
	// Minimum is what a trade is worth at least, above zero.
	Minimum schemas.Money
	// Cash is what is to be invested too, at least zero.
	Cash schemas.Money
}

// FromCash stands in place of the position from which a trade comes where it comes from cash.
const FromCash = -1

// Trade moves value from one position, or from cash, into another: what is sold of the one is what is bought of the other.
type Trade struct {
	// From and Into are places in the list of positions.
	From, Into int
	// Units is how many are sold; none where the trade comes from cash.
	Units schemas.Units
	// Cash is what the units are worth, rounded down, or the cash that is spent.
	Cash schemas.Money
}

// Why says why nothing is traded.
type Why int

const (
	// Traded means that something is.
	Traded Why = iota
	// Nothing means that the pot is worth nothing.
	Nothing
	// WithinBands means that no asset is too far from what was chosen.
	WithinBands
	// BelowMinimum means that one is, but no trade would be worth the minimum.
	BelowMinimum
)

// roundsMax bounds how often the plan is made again. Each time at least the minimum more of what was free or cash at the beginning is traded, and what is bought is not free: so it ends.
// Where rounding loses less than the minimum, only pairs that were too small are left, of which there are at most as many as of positions and cash together. A plan that is not done
// by then is one for the next run to go on with.
const roundsMax = 1000

// Plan returns the trades, in the order of what they come from and go into, or says why there are none. It fails where an amount is too large to be worked with, or
// the weights do not sum to 1.
func Plan(positions []Position, terms Terms) ([]Trade, Why, error) {
	var plan []Trade
	for range roundsMax {
		more, why, err := step(After(positions, plan), Terms{terms.Absolute, terms.Relative, terms.Minimum, terms.Cash - spent(plan)})
		switch {
		case err != nil:
			return nil, 0, err
		case len(more) > 0:
			plan = merge(plan, more, positions)
		case len(plan) > 0:
			return plan, Traded, nil
		default:
			return nil, why, nil
		}
	}
	return plan, Traded, nil
}

// step pairs once what there is too much of with what there is too little of.
func step(positions []Position, terms Terms) ([]Trade, Why, error) {
	w, err := weigh(positions, terms.Cash)
	if err != nil {
		return nil, 0, err
	}
	if w.whole <= 0 {
		return nil, Nothing, nil
	}
	out, far := false, false
	for i := range positions {
		if w.isOut(i, positions[i].Weight, terms) {
			out = true
			far = far || distance(w.lacks[i]) >= terms.Minimum
		}
	}
	if !out {
		return nil, WithinBands, nil
	}
	if !far { // what is too small to be traded breaks no band: else a crumb of an asset that was given up would have all others traded at every run
		return nil, BelowMinimum, nil
	}
	trades := w.pair(positions, terms)
	if len(trades) == 0 {
		return nil, BelowMinimum, nil
	}
	return trades, Traded, nil
}

// After returns the positions as the trades leave them at the same prices: each buys as many units as its cash pays for, rounded down. What is bought is not free yet.
func After(positions []Position, trades []Trade) []Position {
	after := append([]Position(nil), positions...)
	for _, t := range trades {
		if t.From != FromCash {
			after[t.From].Units -= t.Units
			after[t.From].Free -= t.Units
		}
		bought, err := schemas.UnitsFor(t.Cash, after[t.Into].Price, after[t.Into].Scale)
		if err != nil {
			panic(fmt.Sprintf("rebalance: a trade was planned that buys more units than can be counted: %v", err))
		}
		after[t.Into].Units += bought
	}
	return after
}

// merge adds trades to a plan: what goes the same way is one trade.
func merge(plan, more []Trade, positions []Position) []Trade {
	for _, t := range more {
		plan = add(plan, t, positions)
	}
	return plan
}

func add(plan []Trade, t Trade, positions []Position) []Trade {
	at := 0
	for at < len(plan) && (plan[at].From < t.From || plan[at].From == t.From && plan[at].Into < t.Into) {
		at++
	}
	if at == len(plan) || plan[at].From != t.From || plan[at].Into != t.Into {
		return append(plan[:at:at], append([]Trade{t}, plan[at:]...)...)
	}
	same := &plan[at]
	same.Units += t.Units
	same.Cash += t.Cash
	if t.From != FromCash {
		same.Cash, _ = schemas.Worth(same.Units, positions[t.From].Price, positions[t.From].Scale) // no more than the position, of which the value is known
	}
	return plan
}

// spent is the cash that is invested.
func spent(plan []Trade) schemas.Money {
	sum := schemas.Money(0)
	for _, t := range plan {
		if t.From == FromCash {
			sum += t.Cash
		}
	}
	return sum
}
