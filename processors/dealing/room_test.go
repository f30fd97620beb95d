package dealing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// dealtIn is a trade in an asset that was dealt in so many pieces, of which all were told.
func dealtIn(asset string, orders, pieces int) string {
	return fmt.Sprintf(`at 2008-03-17 12:00
given Asset asset=%[1]s from=2008-01-01 lag=2
given ShardTotal day=2008-03-17 asset=%[1]s weight=100.00 orders=%[2]d
given Flush
at 2008-03-17 21:00
given Price day=2008-03-17 asset=%[1]s close=2.50
given Fill day=2008-03-17 asset=%[1]s id=f# piece=# cash=0.05 units=0.020 price=2.50 times=%[3]d
given Fill day=2008-03-17 asset=%[1]s id=last piece=%[4]d cash=0.05 units=0.020 price=2.50 final
given Flush times=30
`, asset, orders, pieces-1, pieces)
}

// The last line of each is played by itself: what is given must not be refused.
const (
	closeCorrected = "given PriceCorrection day=2008-03-17 old=2.50 new=2.60\n%s Corrected day=2008-03-17 old=2.50 price=2.60 version=2\n"
	tradeGivenUp   = "given SettlementFailed day=2008-03-17 id=x\n%s GiveUp day=2008-03-17 id=o\n"
)

// TestWhatAPotCouldNotTakeBackIsRefused corrects and gives up trades of as many pieces as a pot's journal holds for certain, and of one more.
func TestWhatAPotCouldNotTakeBackIsRefused(t *testing.T) {
	for _, test := range []struct {
		orders, pieces int
		told, refused  string
	}{
		{5000, 4, closeCorrected, "reject dealing/trade-not-correctable unanswered\n"},
		{50, 19, closeCorrected, "reject dealing/trade-not-correctable unanswered\n"},
		{5000, 8, tradeGivenUp, "reject dealing/too-many-pieces unanswered\n"},
		{20, 98, tradeGivenUp, "reject dealing/too-many-pieces unanswered\n"},
	} {
		settling := dealtText + dealtIn("GB00X", test.orders, test.pieces) + "at 2008-03-19 16:00\n"
		scenario.Run(t, settling+fmt.Sprintf(test.told, "given"), newPlayer())
		settling = dealtText + dealtIn("GB00X", test.orders, test.pieces+1) + "at 2008-03-19 16:00\n"
		scenario.Run(t, settling+fmt.Sprintf(test.told, "when")+test.refused, newPlayer())
	}
}

// TestASweepTellsOfOneTradeThatIsGivenUp gives up four trades of a hundred pieces each, and looks how many pieces each sweep tells of.
func TestASweepTellsOfOneTradeThatIsGivenUp(t *testing.T) {
	text := &strings.Builder{}
	text.WriteString(dealtText)
	for _, asset := range []string{"A", "B", "C", "D"} {
		text.WriteString(dealtIn(asset, 1, 100))
	}
	text.WriteString("at 2008-03-19 16:00\n")
	for _, asset := range []string{"A", "B", "C", "D"} {
		fmt.Fprintf(text, "given SettlementFailed asset=%s day=2008-03-17 id=x%s\ngiven GiveUp asset=%s day=2008-03-17 id=o%s\n", asset, asset, asset, asset)
	}
	p := newPlayer()
	scenario.Run(t, text.String(), p)
	var told []int
	for range 5 {
		pieces := 0
		for _, out := range p.shard.Apply(t, &inbox.DealingMessage{Body: &inbox.Flush{}}) {
			if m, ok := out.Value.(*inbox.PotMessage); ok {
				for _, batch := range m.Body.(*inbox.BatchesConfirmed).Rejected { //nolint:forcetypeassert // a flush tells nothing else
					pieces += len(batch.Pieces)
				}
			}
		}
		told = append(told, pieces)
	}
	if !slices.Equal(told, []int{100, 100, 100, 100, 0}) {
		t.Errorf("the sweeps tell of %v pieces", told)
	}
}
