package dealing_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

func newPlayer() *player {
	return &player{scenario.NewShard[
		inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
		*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
	](dealing.Machine(1), 0, 1)}
}

// dealtText is a day before its orders, in the words of scenarios.
const dealtText = `at 2008-03-17 12:00
given Calendar name=platform from=2008-01-01 through=2008-12-31 closed=2008-03-21,2008-03-24
given Settings from=2008-01-01
given Custodian custodian=CREST
given Asset asset=GB00X from=2008-01-01 lag=2
given Reached
`

// TestCorrectionsThatAreNotDoneAreBounded corrects one close over and over, faster than the trades are worked out again.
func TestCorrectionsThatAreNotDoneAreBounded(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString(dealtText + "at 2008-03-17 21:00\ngiven Price day=2008-03-17 close=2.50\n")
	correction := func(verb, id string, n int) {
		fmt.Fprintf(text, "%s PriceCorrection id=%s day=2008-03-17 old=2.%d new=2.%d\n", verb, id, 50+n%2, 50+(n+1)%2)
	}
	for n := range 100 {
		correction("given", fmt.Sprint("o", n), n)
	}
	correction("when", "o100", 100)
	text.WriteString("reject dealing/too-many-declarations unanswered\ngiven Flush id=o7\n")
	correction("given", "o100", 100)
	scenario.Run(t, text.String(), newPlayer())
}

// TestALastCorrectionIsAsIfTheOthersHadNotBeen corrects sells for cash at random prices, some of which take more units than are reserved, and compares what
// the last one makes of the trade with what it makes of it alone.
func TestALastCorrectionIsAsIfTheOthersHadNotBeen(t *testing.T) {
	beyond := 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 33))
		first := 1 + random.Int64N(9_998)
		text := fmt.Sprintf(`%sgiven ShardTotal day=2008-03-17 sell=cash weight=100.00 orders=2 least-reserved=45.000 least-weight=100.00
given Flush
at 2008-03-17 21:00
given Price day=2008-03-17 close=2.50
given Fill day=2008-03-17 sell=cash id=g1 piece=1 units=%s cash=%s price=2.50
given Fill day=2008-03-17 sell=cash id=g2 piece=2 units=%s cash=%s price=2.50 final
given Flush
`, dealtText, schemas.Units(first*4).Text(3), schemas.Money(first), schemas.Units(40_000-first*4).Text(3), schemas.Money(10_000-first))
		all, last := newPlayer(), newPlayer()
		scenario.Run(t, text, all)
		scenario.Run(t, text, last)
		price := schemas.Price(0)
		for version := range int32(3) {
			price = schemas.Price(180+random.Int64N(100)) * 1_000_000
			if _, cash := correctedTo(t, all, price, 2+version); version < 2 && cash > 0 && cash < 10_000 {
				beyond++
			}
		}
		got, _ := correctedTo(t, all, price, 5)
		if want, _ := correctedTo(t, last, price, 5); got != want {
			t.Errorf("seed %d: at %s the trade has %s after other corrections, %s without them", seed, price, got, want)
		}
	}
	if beyond < 50 {
		t.Errorf("only %d of the corrections went beyond what is reserved", beyond)
	}
}

// correctedTo tells the trade of a right price, and returns what each piece has then, and all its cash; "refused" where it stays as it is.
func correctedTo(t *testing.T, p *player, price schemas.Price, version int32) (pieces string, cash schemas.Money) {
	t.Helper()
	day, err := schemas.ParseDate("2008-03-17")
	if err != nil {
		t.Fatal(err)
	}
	outs := p.shard.Apply(t, &inbox.DealingMessage{
		Cause: inbox.Cause{Source: "test", ID: "Corrected"},
		Body: &inbox.PriceCorrected{
			Trade: batch.Trade(day, "CREST", "GB00X", batch.Kind{Side: inbox.SideSell, Basis: inbox.BasisCash}), Price: price, Version: version,
		},
	})
	for _, out := range outs {
		if trade, ok := out.Value.(*ledger.Trade); ok {
			pieces += fmt.Sprintf(" %s for %s", trade.Cash, trade.Units)
		}
		if told, ok := out.Value.(*inbox.PotMessage); ok {
			corrected := told.Body.(*inbox.BatchCorrected) //nolint:forcetypeassert // nothing else is told of a correction
			return pieces, schemas.Money(corrected.Pieces[len(corrected.Pieces)-1].Got)
		}
	}
	return "refused", 0
}
