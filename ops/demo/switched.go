package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const (
	switchOnDay                             = 3
	switchFrom, switchInto                  = schemas.AssetCode("IBM"), schemas.AssetCode("GOOG")
	switchBought           schemas.Money    = 400_00
	switchUnits            schemas.Quantity = 1_337_000
)

// switchOver has a member sell units of one fund and buy another with what they bring. The buy deals on the day after the sell is priced, among the other
// orders of that day.
func (g *generator) switchOver(p *potModel) {
	units := switchUnits
	i := g.instruct(portal, p, "switch-1", &ingest.Switch{Asset: switchFrom, Units: &units, Into: switchInto})
	g.accepted(g.atBuying(), i, g.day.Date, "settled")
	g.atBuying().show("a switch")
	day, from, into := g.nextDay(switchInto, g.day.Date), fundNamed(switchFrom), fundNamed(switchInto)
	pence := int64(units) * int64(g.market.closes[switchFrom][g.day.Date]) / schemas.Power10(schemas.QuantityScale+schemas.PriceScale-schemas.MoneyScale)
	g.expect(p, switchInto, day, 1, schemas.Money(pence))
	set, dealt, _ := g.soldAlone(p, switchFrom, units, 0)
	buy := g.orderID(p, i.ID, "b")
	step := func(words, stage string, of schemas.AssetCode, from, to schemas.Account, steps ...int) Move {
		return Move{Words: words, Pot: p.id, Stage: stage, Order: buy, Asset: of, From: from, To: to, Of: steps}
	}
	reserved := step("reserved for the buy", "switched", schemas.Cash, ledger.PotPending, ledger.PotReserved, 2)
	reserved.Order = g.orderID(p, i.ID, "a")
	paid := step("dealt with the next day's batch", "priced", schemas.Cash, ledger.PotReserved, ledger.CashOwed(into.Custodian), 3)
	paid.Trade, paid.On = TradeID(day, into), day
	got := step("got for it at "+priceText(g.market.closes[switchInto][day]), "priced", switchInto, ledger.UnitsOwed(into.Custodian), ledger.PotPending)
	story := len(g.workload.Stories)
	g.tell(Story{
		Title: "a switch", Means: "what the sell brings is what the buy spends, to the penny; it is never cash that the member could use",
		Asked: fmt.Sprintf("on %s %s asked to move %s units of %s into %s", g.day.Date, p.id, unitsText(units, int(from.UnitsScale)), switchFrom, switchInto),
		Moves: append([]Move{set}, append(dealt, reserved, paid, got,
			step("settled", "settled", switchInto, ledger.PotPending, ledger.PotSettled, 5))...),
	})
	g.onceAllIsAsked(func() {
		g.workload.Stories[story].Moves[5].Quantity = g.shareOf(switchInto, day, g.market.closes[switchInto][day], schemas.Money(pence))
	})
}
