package rebalance

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/schemas"
)

// weighed is what positions are worth, and should be.
type weighed struct {
	// whole is the value of all positions and of the cash to invest.
	whole schemas.Money
	// values, targets and lacks are those of each position; one of which there is too much lacks less than nothing. Lacks sum to the cash.
	values, targets, lacks []schemas.Money
	cash                   schemas.Money
}

// weigh values the positions and shares the whole among them, by running sums of weights rounded down, so that the targets sum to it exactly.
func weigh(positions []Position, cash schemas.Money) (*weighed, error) {
	w := &weighed{whole: cash, cash: cash, values: make([]schemas.Money, len(positions)), targets: make([]schemas.Money, len(positions)), lacks: make([]schemas.Money, len(positions))}
	var weights []schemas.Weight
	for i := range positions {
		p := &positions[i]
		value, err := schemas.Worth(p.Units, p.Price, p.Scale)
		if err == nil {
			value, err = schemas.AddChecked(value, p.Coming)
		}
		if err == nil {
			w.whole, err = schemas.AddChecked(w.whole, value)
		}
		if err != nil {
			return nil, fmt.Errorf("valuing %d quanta of %s at %s: %w", p.Units, p.Asset, p.Price, err)
		}
		w.values[i] = value
		if p.Weight != 0 {
			weights = append(weights, p.Weight)
		}
	}
	parts, err := allocation.Split(w.whole, weights)
	if err != nil {
		return nil, fmt.Errorf("sharing what a pot is worth: %w", err)
	}
	for i := range positions {
		if positions[i].Weight != 0 {
			w.targets[i], parts = parts[0], parts[1:]
		}
		w.lacks[i] = w.targets[i] - w.values[i]
	}
	return w, nil
}

// isOut says whether a position is outside one of its bands.
func (w *weighed) isOut(i int, weight schemas.Weight, terms Terms) bool {
	return terms.Absolute != nil && w.isFarFromWeight(i, weight, *terms.Absolute) || terms.Relative != nil && w.isFarFromTarget(i, *terms.Relative)
}

// isFarFromWeight says whether the position's part of the whole is further from its weight than the band, exactly.
func (w *weighed) isFarFromWeight(i int, weight, band schemas.Weight) bool {
	part, rest, err := schemas.MulDivRest(int64(w.values[i]), int64(schemas.WeightOne), int64(w.whole))
	if err != nil {
		panic(fmt.Sprintf("rebalance: %s are no part of %s: %v", w.values[i], w.whole, err))
	}
	above := schemas.Weight(part) - weight
	if above < 0 {
		return -above > band // less the rest, which is below one quantum
	}
	return above > band || above == band && rest > 0
}

// isFarFromTarget says whether the position's value is further from its target than the band allows, as a part of the target.
func (w *weighed) isFarFromTarget(i int, band schemas.Weight) bool {
	allowed, err := schemas.MulDivFloor(int64(w.targets[i]), int64(band), int64(schemas.WeightOne))
	return err == nil && distance(w.lacks[i]) > schemas.Money(allowed) // whole pennies are more than a fraction where they are more than its whole part
}

// distance is how far an amount is from nothing.
func distance(amount schemas.Money) schemas.Money { return max(amount, -amount) }

// pair walks along what there is too much of, cash first, and what there is too little of, and trades each piece that both have in common, if it is worth it.
func (w *weighed) pair(positions []Position, terms Terms) []Trade {
	var trades []Trade
	into, lack := -1, schemas.Money(0)
	for from := FromCash; from < len(positions); from++ {
		excess, free := w.cash, schemas.Units(0)
		if from != FromCash {
			excess, free = -w.lacks[from], positions[from].Free
		}
		for excess > 0 {
			for lack <= 0 {
				into++
				lack = w.lacks[into] // all lacks sum to all excesses: there is one
			}
			piece := min(excess, lack)
			excess, lack = excess-piece, lack-piece
			if t, ok := trade(positions, from, into, piece, free); ok && t.Cash >= terms.Minimum {
				free -= t.Units
				trades = append(trades, t)
			}
		}
	}
	return trades
}

// trade makes a trade of a piece: as many units as are worth no more than it and are free, or the cash. There is none where nothing would be bought for it.
func trade(positions []Position, from, into int, piece schemas.Money, free schemas.Units) (Trade, bool) {
	t := Trade{From: from, Into: into, Cash: piece}
	if from != FromCash {
		sold := &positions[from]
		units, err := schemas.UnitsFor(piece, sold.Price, sold.Scale)
		if err != nil {
			units = free // more than can be counted are worth the piece
		}
		t.Units = min(units, free)
		t.Cash, _ = schemas.Worth(t.Units, sold.Price, sold.Scale) // no more than the position, of which the value is known
	}
	bought, err := schemas.UnitsFor(t.Cash, positions[into].Price, positions[into].Scale)
	return t, err == nil && bought > 0
}
