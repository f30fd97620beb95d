package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const requeued, gated schemas.Money = 75_00, 60_00

// requeue has a member buy what the custodian rejects on the day: the order goes on to the next one, as it is.
func (g *generator) requeue(p *potModel) {
	s := g.goOn(p, requeuedAsset, requeued)
	g.atBuying().show("a buy whose external trade is rejected, and queued again")
	s.Title, s.Means = "a rejected and re-queued batch", "for the rejection nothing is posted: the cash stays reserved, for one trade at a time"
	s.Asked += fmt.Sprintf("; %s rejected that day's trade", fundNamed(requeuedAsset).Custodian)
	g.tell(s)
}

// gate has a member buy into a fund that is gated: the order goes on to the first day after.
func (g *generator) gate(p *potModel) {
	s := g.goOn(p, gatedAsset, gated)
	g.atBuying().show("a buy into a fund that is gated for two days")
	s.Title, s.Means = "a gated fund", "whoever ordered while it was gated deals on one day and at one price; who came first has no advantage"
	s.Asked += fmt.Sprintf("; %s dealt nothing in it until %s", fundNamed(gatedAsset).Custodian, *g.carriedTo(gatedAsset, g.day.Date))
	g.tell(s)
}

// goOn has a member buy what the custodian does not deal on the day, and returns what becomes of it.
func (g *generator) goOn(p *potModel, asset schemas.AssetCode, cash schemas.Money) Story {
	id := g.place(g.atBuying(), p, asset, cash)
	next, order := *g.carriedTo(asset, g.day.Date), g.orderID(p, id, "a")
	dealt := Move{
		Words: "dealt with the batch of that day", Pot: p.id, Stage: "priced", Order: order, Trade: TradeID(next, fundNamed(asset)), On: next,
		Asset: schemas.Cash, From: ledger.PotReserved, To: ledger.CashOwed(fundNamed(asset).Custodian), Of: []int{0},
	}
	return Story{
		Asked: fmt.Sprintf("on %s %s asked to buy %s for %s", g.day.Date, p.id, asset, cash),
		Moves: []Move{{
			Words: "reserved, and it stays so", Pot: p.id, Stage: "reserved", Order: order, On: g.day.Date,
			Asset: schemas.Cash, From: ledger.PotAvailable, To: ledger.PotReserved, Quantity: cashOf(cash),
		}, dealt},
	}
}
