package pot_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
)

// TestACorrectedSellIsTheOneThatTheRightPriceWouldHaveMade does for sells, of units and for cash, what the test above does for buys. Of a sell for
// cash nobody has noted whether what it gave back left the pot before it settled: what a later correction takes is always lent.
func TestACorrectedSellIsTheOneThatTheRightPriceWouldHaveMade(t *testing.T) {
	for seed := range uint64(300) {
		b := drawSells(rand.New(rand.NewPCG(seed, 26)))
		var but []string
		if b.kind == "cash" && b.settles && b.late {
			but = []string{"lent", "repaid"}
		}
		right, corrected := effects(t, b.right()), effects(t, b.corrected(), but...)
		for at, amount := range right {
			if corrected[at] != amount {
				t.Errorf("seed %d: %v is %d after the correction, %d at the right price", seed, at, corrected[at], amount)
			}
		}
		if len(right) != len(corrected) {
			t.Errorf("seed %d: %d balances moved after the correction, %d at the right price", seed, len(corrected), len(right))
		}
	}
}

// sellsText is a random batch of sells, in the words of scenarios.
type sellsText struct {
	kind, opening, whole string
	// parts are what each piece deals of what was ordered, in quanta; cash in pennies, or units.
	parts []int64
	// prices are the wrong one, perhaps another one, and the right one, in pennies.
	prices                      [3]int64
	settles, twice, late, final bool
}

func drawSells(random *rand.Rand) sellsText {
	b := sellsText{
		kind: []string{"units", "cash"}[random.IntN(2)], settles: random.IntN(4) > 0, twice: random.IntN(3) == 0, late: random.IntN(2) == 0, final: random.IntN(4) > 0,
	}
	b.settles = b.settles && b.final
	for n := range b.prices {
		b.prices[n] = 240 + random.Int64N(20)
	}
	text := &strings.Builder{}
	text.WriteString(`at 2008-03-17 09:00
given Settings from=2008-01-01
given Calendar name=platform from=2008-01-01 through=2008-12-31
given Asset asset=GB00X from=2008-01-01 cut-off=12:00 closed-through=2008-03-14
given PriceReleased day=2008-03-14 price=2.50
`)
	pots := 1 + random.IntN(6)
	for n := range pots {
		fmt.Fprintf(text, "given PotOpened pot=p%d\ngiven Contribution pot=p%d id=c%d cash=250.00 split=GB00X:1\n", n, n, n)
	}
	fmt.Fprintf(text, "given DayClosed day=2008-03-17\ngiven Priced day=2008-03-17 id=bought of=%d.00 piece=1 final cash=%d.00 units=%d price=2.50\n", 250*pots, 250*pots, 100*pots)
	fmt.Fprintf(text, "at 2008-03-19 08:00\ngiven Settled day=2008-03-17 id=delivered of=%d.00 on=2008-03-19\n", 250*pots)
	ordered := int64(0)
	for n := range pots {
		amount := 1000 + random.Int64N(20_000)
		ordered += amount
		fmt.Fprintf(text, "given Sell pot=p%d id=s%d asset=GB00X %s=%s\n", n, n, b.kind, b.ordered(amount))
	}
	text.WriteString("at 2008-03-19 12:00\ngiven DayClosed day=2008-03-19\n")
	b.opening, b.whole = text.String(), b.ordered(ordered)
	for left, n := ordered, 0; left > 0 && n < 3; n++ {
		part := left
		if n < 2 {
			part = 1 + random.Int64N(left)
		}
		left -= part
		b.parts = append(b.parts, part)
	}
	return b
}

func (b *sellsText) ordered(quanta int64) string {
	if b.kind == "units" {
		return schemas.Units(quanta).Text(3)
	}
	return schemas.Money(quanta).String()
}

// dealt is the cash and the units of each piece at a price, as a custodian has them.
func (b *sellsText) dealt(price int64) (cash, units []string) {
	through, sold := int64(0), int64(0)
	for _, part := range b.parts {
		if b.kind == "units" {
			cash, units = append(cash, schemas.Money(part*price/1000).String()), append(units, schemas.Units(part).Text(3))
			continue
		}
		through += part
		all := (through*1000 + price - 1) / price
		cash, units = append(cash, schemas.Money(part).String()), append(units, schemas.Units(all-sold).Text(3))
		sold = all
	}
	return cash, units
}

func (b *sellsText) pieces(text *strings.Builder, price int64) {
	cash, units := b.dealt(price)
	for n := range b.parts {
		final := ""
		if n == len(b.parts)-1 && b.final {
			final = " final"
		}
		fmt.Fprintf(text, "given Priced day=2008-03-19 sell=%s id=f%d of=%s piece=%d%s cash=%s units=%s price=1\n", b.kind, n, b.whole, n+1, final, cash[n], units[n])
	}
}

func (b *sellsText) settled(text *strings.Builder) {
	if b.settles {
		fmt.Fprintf(text, "at 2008-03-25 16:00\ngiven Settled day=2008-03-19 sell=%s id=e of=%s on=2008-03-25\n", b.kind, b.whole)
	}
}

func (b *sellsText) right() string {
	text := &strings.Builder{}
	text.WriteString(b.opening)
	b.pieces(text, b.prices[2])
	b.settled(text)
	return text.String()
}

func (b *sellsText) corrected() string {
	text := &strings.Builder{}
	text.WriteString(b.opening)
	b.pieces(text, b.prices[0])
	correct := func(price int64, version int) {
		cash, units := b.dealt(price)
		fmt.Fprintf(text, "given Corrected day=2008-03-19 sell=%s price=1 version=%d cash=%s units=%s\n", b.kind, version, strings.Join(cash, ","), strings.Join(units, ","))
	}
	if b.late {
		b.settled(text)
	}
	if b.twice {
		correct(b.prices[1], 2)
	}
	correct(b.prices[2], 3)
	if !b.late {
		b.settled(text)
	}
	return text.String()
}
