package processors_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// weigher tells pots what a scenario says, and keeps the size of the largest journal of a pot.
type weigher struct {
	*potShard
	pots   scenario.Pots
	most   int
	moving int
}

func (w *weigher) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, _ bool) []streams.Out {
	r.Helper()
	outs := w.Apply(r, w.pots.Message(r, at, steps))
	for _, out := range outs {
		if j, ok := out.Value.(*ledger.Journal); ok {
			w.most, w.moving = max(w.most, len(j.AppendAvro(nil))), max(w.moving, len(j.Postings))
		}
	}
	return outs
}

func (w *weigher) Is(scenario.Reporter, scenario.Step) scenario.Args { return nil }

// TestWhatIsTakenBackOfATradeFitsOneRecord lets one pot have as many orders as it may in one trade of as many pieces as dealing lets be corrected, and given up.
func TestWhatIsTakenBackOfATradeFitsOneRecord(t *testing.T) {
	for name, test := range map[string]struct {
		pieces int
		back   string
	}{
		"corrected": {4, "at 2008-03-25 16:00\ngiven Settled day=2008-03-19 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON sell=cash id=e of=2000.00 on=2008-03-25\ngiven Corrected day=2008-03-19 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON sell=cash price=1 version=2 cash=%s units=%s\n"},
		"given up":  {8, "given Rejected day=2008-03-19 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON sell=cash id=x given-up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text := &strings.Builder{}
			text.WriteString(`at 2008-03-17 09:00
given Settings from=2008-01-01
given Calendar name=platform from=2008-01-01 through=2008-12-31
given Asset asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON from=2008-01-01 cut-off=12:00 closed-through=2008-03-14
given PriceReleased asset=GB00B3X7QG63 day=2008-03-14 price=2.50
given PotOpened pot=p
given Contribution pot=p id=c cash=2500.00 split=GB00B3X7QG63:1
given DayClosed day=2008-03-17 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON
given Priced day=2008-03-17 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON id=bought of=2500.00 piece=1 final cash=2500.00 units=1000 price=2.50
at 2008-03-19 08:00
given Settled day=2008-03-17 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON id=delivered of=2500.00 on=2008-03-19
given Sell pot=p id=s# asset=GB00B3X7QG63 cash=10.00 times=200
at 2008-03-19 12:00
given DayClosed day=2008-03-19 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON
`)
			var cash, units []string
			for n := range test.pieces {
				amount := 200_000 / int64(test.pieces)
				cash, units = append(cash, schemas.Money(amount).String()), append(units, schemas.Units(amount*5).Text(3))
				final := ""
				if n == test.pieces-1 {
					final = " final"
				}
				fmt.Fprintf(text, "given Priced day=2008-03-19 asset=GB00B3X7QG63 custodian=CUSTODIAN-LONDON sell=cash id=f%d of=2000.00 piece=%d%s cash=%s units=%s price=1\n",
					n, n+1, final, cash[n], schemas.Units(amount*4).Text(3))
			}
			if strings.Contains(test.back, "%") {
				test.back = fmt.Sprintf(test.back, strings.Join(cash, ","), strings.Join(units, ","))
			}
			text.WriteString(test.back)
			w := &weigher{potShard: newKernel(t).pots}
			scenario.Run(t, text.String(), w)
			if w.moving < 3000 || w.most > 1<<20 {
				t.Errorf("the largest journal has %d postings and %d bytes", w.moving, w.most)
			}
		})
	}
}
