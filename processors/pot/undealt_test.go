package pot_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestABatchThatIsGivenUpIsAsIfItHadBeenRejected plays random batches twice: once dealt, perhaps corrected, and then given up, and once rejected before anything was
// dealt. On the effective axis nothing may tell them apart.
func TestABatchThatIsGivenUpIsAsIfItHadBeenRejected(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 27))
		opening, dealt, of := "", &strings.Builder{}, ""
		if random.IntN(3) == 0 {
			b := drawBatch(random)
			opening, of = b.opening, "day=2008-03-17"
			b.dealt(dealt, b.wrong)
		} else {
			b := drawSells(random)
			b.final = true
			opening, of = b.opening, "day=2008-03-19 sell="+b.kind
			b.pieces(dealt, b.prices[0])
			if b.twice {
				cash, units := b.dealt(b.prices[1])
				fmt.Fprintf(dealt, "given Corrected %s price=1 version=2 cash=%s units=%s\n", of, strings.Join(cash, ","), strings.Join(units, ","))
			}
		}
		rejected := effects(t, opening+"given Rejected "+of+" id=x\n")
		givenUp := effects(t, opening+dealt.String()+"given Rejected "+of+" id=x given-up\n")
		for at, amount := range rejected {
			if givenUp[at] != amount {
				t.Errorf("seed %d: %v is %d after giving up, %d where the trade was rejected", seed, at, givenUp[at], amount)
			}
		}
		if len(rejected) != len(givenUp) {
			t.Errorf("seed %d: %d balances moved after giving up, %d where the trade was rejected", seed, len(givenUp), len(rejected))
		}
	}
}
