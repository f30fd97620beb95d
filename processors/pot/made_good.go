package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// goodwill is what a correction leaves of one account of the pot, for the scheme to make good.
type goodwill[T ~int64] struct {
	asset schemas.AssetCode
	scale int32
	pot   end[T]
	// noted is where the close will see what the scheme's account got, nil where it need not: balances of cash are not kept.
	noted *int64
	// less is what was taken out of the account although it may have left the pot, from the given date on.
	less T
	on   schemas.Date
}

// makeGood lets the scheme make good what the pot has no more of, because it left: what is missing for good, and, from the effective date of the
// correction until today, what the pot has again by now, but may not have had in between.
func (c *correction) makeGood(place streams.Place) {
	b, today := c.batch, c.reference.today(place)
	entry := tallyOf(c.tally, b.Trade, tallyCompensation)
	settledOn := b.Day
	if b.SettledOn != nil {
		settledOn = *b.SettledOn
	}
	unitsOn, cashOn := b.Day, settledOn
	if c.spentMore {
		cashOn = b.Day
	}
	if b.Side == inbox.SideBuy {
		unitsOn = settledOn
	}
	good(c, &goodwill[schemas.Units]{b.Asset, b.UnitsScale, c.holding(b.Asset).settled(), &entry.Got, c.lessUnits, unitsOn}, today)
	good(c, &goodwill[schemas.Money]{schemas.Cash, schemas.MoneyScale, c.pending(), nil, c.lessPending, b.Day}, today)
	good(c, &goodwill[schemas.Money]{schemas.Cash, schemas.MoneyScale, c.available(), nil, c.lessCash, cashOn}, today)
	h := c.holding(b.Asset)
	if min(h.Settled, h.Pending, h.Reserved) < 0 || min(c.state.Available, c.state.Pending, c.state.Reserved) < 0 {
		panic(fmt.Sprintf("pot: the correction of batch %s leaves units %d settled, %d pending, %d reserved, and cash %d available, %d pending, %d reserved",
			b.Trade, h.Settled, h.Pending, h.Reserved, c.state.Available, c.state.Pending, c.state.Reserved))
	}
}

func good[T ~int64](c *correction, g *goodwill[T], today schemas.Date) {
	missing := max(0, -*g.pot.balance)
	g.give(c, stageCompensated, g.on, missing)
	if lent := g.less - missing; lent > 0 && g.on < today {
		g.give(c, stageLent, g.on, lent)
		g.give(c, stageRepaid, today, -lent)
	}
	if over := *g.pot.balance; over > 0 && c.state.ClosedOn != nil {
		// A closed pot stays empty: what the right price gives it is owed to the member by the scheme, outside of the pot.
		g.give(c, stageCompensated, today, -over)
	}
}

// give moves an amount from the scheme's compensation to the pot, or back where it is below zero, and adds it to what the close will know of that account.
func (g *goodwill[T]) give(c *correction, stage string, on schemas.Date, amount T) {
	if g.noted != nil {
		*g.noted -= int64(amount)
	}
	shift(c.draft, purpose{stage: stage, effectiveOn: on, trade: &c.batch.Trade}, g.asset, g.scale, outside[T](ledger.SchemeCompensation), g.pot, amount)
}
