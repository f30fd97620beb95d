package proof

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
)

const (
	// derivedDaysMax and derivedLegsMax bound the search for what an order's id is derived from: how long before it was booked it may have been asked for,
	// and how many orders one instruction may make.
	derivedDaysMax = 400
	derivedLegsMax = 64
	// derivedStepsMax bounds how many orders came before it.
	derivedStepsMax = 16
	// derivedRestsMax bounds how many rests of an order may lie between two of which something was booked: an order that goes on twice names its second rest
	// as the rest of the first, which may still wait.
	derivedRestsMax = 4
)

// Origin is an instruction that an order may come from.
type Origin struct {
	Source      schemas.SourceID
	Pot         schemas.PotID
	Instruction string
	// BookedOn is the day on which it was booked; the day that its sender named is not much later, and may be long before.
	BookedOn schemas.Date
}

// Derivation finds what the order's id is derived from: an instruction's source, pot, id, the day that its sender named and a letter; and, for the rest of
// an order or a part of a switch's buy, the orders before it. It is nil where nothing fits.
func Derivation(order schemas.ID, origins []Origin, orders []schemas.ID) [][]string {
	firsts := make(map[schemas.ID][]string)
	for _, o := range origins {
		for day := o.BookedOn + 1; day > o.BookedOn-derivedDaysMax; day-- {
			for leg := range derivedLegsMax {
				words := []string{"order", string(o.Source), string(o.Pot), o.Instruction, day.String(), string(rune('a' + leg))}
				if id := schemas.DeriveID(words...); id == order || slices.Contains(orders, id) {
					firsts[id] = words
				}
			}
		}
	}
	return derive(order, firsts, orders, derivedStepsMax)
}

func derive(order schemas.ID, firsts map[schemas.ID][]string, orders []schemas.ID, stepsMax int) [][]string {
	if words, ok := firsts[order]; ok {
		return [][]string{words}
	}
	if stepsMax == 0 {
		return nil
	}
	for _, before := range orders {
		if rests := restsTo(before, order); rests != nil {
			if steps := derive(before, firsts, orders, stepsMax-1); steps != nil {
				return append(steps, rests...)
			}
		}
		for _, sell := range orders {
			words := []string{"part", before.String(), sell.String()}
			if schemas.DeriveID(words...) != order {
				continue
			}
			if steps := derive(before, firsts, orders, stepsMax-1); steps != nil {
				return append(steps, words)
			}
		}
	}
	return nil
}

// restsTo is how an order follows from another one as its rest, or the rest of that, and so on. It is nil where it does not.
func restsTo(before, order schemas.ID) (steps [][]string) {
	for id, n := before, 0; n < derivedRestsMax; n++ {
		steps = append(steps, []string{"rest", id.String()})
		if id = schemas.RestOf(id); id == order {
			return steps
		}
	}
	return nil
}
