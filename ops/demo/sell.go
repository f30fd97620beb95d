package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const (
	sellOnDay = 5
	// Half a unit of one fund is sold, and all that a pot has of another.
	soldAsset, soldOutAsset                  = schemas.AssetCode("AAPL"), schemas.AssetCode("IBM")
	soldUnits               schemas.Quantity = 500_000
)

// SellID is the id of the external trade of a day's sells by units.
func SellID(day schemas.Date, fund Fund) schemas.ID {
	return schemas.DeriveID("trade", day.String(), string(fund.Custodian), string(fund.Code), "SELL/UNITS")
}

// sell has a member sell so many units, or all where units is 0, and returns the steps of it.
func (g *generator) sell(p *potModel, asset schemas.AssetCode, units schemas.Quantity) []Move {
	body := &ingest.Sell{Asset: asset, All: units == 0}
	if units != 0 {
		body.Units = &units
	}
	i := g.instruct(portal, p, "sell-"+string(asset), body)
	g.accepted(g.atBuying(), i, g.day.Date, "settled")
	set, dealt, settled := g.soldAlone(p, asset, units, 0)
	return append(append([]Move{set}, dealt...), settled)
}

// soldAlone expects the external trade of a pot that sells units, or all where units is 0, and returns its steps: what is set aside, which must become the
// story's step of that number, what the custodian deals, right behind it, and what settles. Nobody else sells the asset on the day: the pot gets all that
// the custodian pays.
func (g *generator) soldAlone(p *potModel, asset schemas.AssetCode, units schemas.Quantity, first int) (set Move, dealt []Move, settled Move) {
	g.sells[g.day.Date] = append(g.sells[g.day.Date], ExpectedTrade{Asset: asset, Sell: true, Orders: 1, Units: units})
	fund, price := fundNamed(asset), g.market.closes[asset][g.day.Date]
	trade := SellID(g.day.Date, fund)
	set = Move{
		Words: "set aside", Pot: p.id, Stage: "reserved", On: g.day.Date, Asset: asset, From: ledger.PotSettled, To: ledger.PotReserved,
		Quantity: units, Open: units == 0, Empties: units == 0,
	}
	gone := Move{
		Words: "given to the custodian", Pot: p.id, Stage: "priced", Trade: trade, Asset: asset,
		From: ledger.PotReserved, To: ledger.UnitsOwed(fund.Custodian), Of: []int{first},
	}
	paid := Move{
		Words: "got at " + priceText(price) + ", not settled", Pot: p.id, Stage: "priced", Trade: trade, Asset: schemas.Cash,
		From: ledger.CashOwed(fund.Custodian), To: ledger.PotPending, Of: []int{first}, Price: price,
	}
	settled = Move{
		Words: "settled, and available", Pot: p.id, Stage: "settled", Trade: trade, Asset: schemas.Cash,
		From: ledger.PotPending, To: ledger.PotAvailable, Of: []int{first + 2},
	}
	return set, []Move{gone, paid}, settled
}

// sellStories has two members sell: half a unit, and all that there is.
func (g *generator) sellStories() {
	p, all := &g.pots[0], &g.pots[5]
	g.tell(Story{
		Title: "a sell by units", Means: "units leave as they are, and cash comes for their worth at the day's close: the two postings of one journal",
		Asked: fmt.Sprintf("on %s %s asked to sell %s units of %s", g.day.Date, p.id, unitsText(soldUnits, int(fundNamed(soldAsset).UnitsScale)), soldAsset),
		Moves: g.sell(p, soldAsset, soldUnits),
	})
	g.atBuying().show("a sell by units")
	g.tell(Story{
		Title: "a sell of all", Means: "the same, and no unit stays behind: what rounding kept when the pot bought was never the pot's",
		Asked: fmt.Sprintf("on %s %s asked to sell all units of %s", g.day.Date, all.id, soldOutAsset),
		Moves: g.sell(all, soldOutAsset, 0),
	})
	g.atBuying().show("a sell of all")
}
