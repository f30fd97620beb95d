package pot

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// TestWhatIsFreeWasThereOnTheDay moves cash in and out of a pot, back-dated or not, and asks each time how much is free from some day on: no more than the
// least that the postings leave on that day or any day after it, and mostly just that.
func TestWhatIsFreeWasThereOnTheDay(t *testing.T) {
	asked, exact := 0, 0
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test that can be repeated
		d, moved := newDraft(&state.PotState{}, 1), make(map[schemas.Date]int64)
		today := schemas.Date(100)
		for range 40 {
			today += schemas.Date(r.IntN(2))
			d = newDraft(&d.state, 1)
			q := &question{today: max(today-schemas.Date(r.IntN(3)), 1)}
			on, free := q.from(&d.state), q.freeCash(&d.state)
			least := leastFrom(moved, on)
			if int64(free) > least {
				t.Fatalf("seed %d: %d are free from %d on, %d were there: %v", seed, free, on, least, moved)
			}
			if asked++; int64(free) == least {
				exact++
			}
			p := purpose{stage: stageContributed, effectiveOn: today - schemas.Date(r.IntN(4))}
			amount, in := schemas.Money(1+r.IntN(50)), r.IntN(2) == 0
			if in {
				d.moveCash(p, outside[schemas.Money](ledger.BankClientMoney), d.available(), amount)
			} else if amount = min(amount, free); amount > 0 {
				p.effectiveOn = on
				d.state.Since = on // an instruction takes it
				d.moveCash(p, d.available(), outside[schemas.Money](ledger.BankClientMoney), amount)
			}
			for i := range d.postings {
				if sign := int64(amount); in {
					moved[d.postings[i].EffectiveOn] += sign
				} else {
					moved[d.postings[i].EffectiveOn] -= sign
				}
			}
			d.noteArrivals()
			if least := leastFrom(moved, 0); least < 0 {
				t.Fatalf("seed %d: the pot is at %d as of some day: %v", seed, least, moved)
			}
			if n := len(d.state.Arrived); n > arrivalsMax {
				t.Fatalf("seed %d: %d arrivals are told apart", seed, n)
			}
		}
	}
	if exact < asked*9/10 {
		t.Errorf("of %d answers %d were exact", asked, exact)
	}
}

// leastFrom is the least balance on the day and on all after it.
func leastFrom(moved map[schemas.Date]int64, on schemas.Date) int64 {
	balance := int64(0)
	days := slices.Sorted(maps.Keys(moved))
	for _, day := range days {
		if day <= on {
			balance += moved[day]
		}
	}
	least := balance
	for _, day := range days {
		if day > on {
			balance += moved[day]
			least = min(least, balance)
		}
	}
	return least
}
