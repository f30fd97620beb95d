package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const requeued schemas.Money = 75_00

// requeue has a member buy what the custodian will not deal on the day: the order goes on to the next one, as it is.
func (g *generator) requeue(p *potModel) {
	w := g.atBuying()
	id := g.place(w, p, requeuedAsset, requeued)
	w.show("a buy whose external trade is rejected, and queued again")
	fund, next := fundNamed(requeuedAsset), g.nextDay(requeuedAsset, g.day.Date)
	order := g.orderID(p, id, "a")
	step := func(words, stage string, to schemas.Account, trade schemas.ID, on schemas.Date) Move {
		from := ledger.PotReserved
		if to == from {
			from = ledger.PotAvailable
		}
		return Move{
			Words: words, Pot: p.id, Stage: stage, Order: order, Trade: trade, On: on, Asset: schemas.Cash, From: from, To: to, Quantity: cashOf(requeued),
		}
	}
	g.tell(Story{
		Title: "a rejected and re-queued batch", Means: "for the rejection nothing is posted: the cash stays reserved, for one trade at a time",
		Asked: fmt.Sprintf("on %s %s asked to buy %s for %s; %s rejected that day's trade", g.day.Date, p.id, requeuedAsset, requeued, fund.Custodian),
		Moves: []Move{
			step("reserved, and it stays so", "reserved", ledger.PotReserved, schemas.ID{}, g.day.Date),
			step("dealt with the next day's batch", "priced", ledger.CashOwed(fund.Custodian), TradeID(next, fund), next),
		},
	})
}
