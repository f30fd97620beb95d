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

// sell has a member sell so many units, or all where units is 0. Nobody else sells the asset on the day: the pot gets all that the custodian pays.
func (g *generator) sell(p *potModel, asset schemas.AssetCode, units schemas.Quantity) {
	w, fund := g.atBuying(), fundNamed(asset)
	body, title, what := &ingest.Sell{Asset: asset, All: units == 0}, "a sell of all", "all units"
	if units != 0 {
		body.Units, title, what = &units, "a sell by units", unitsText(units, int(fund.UnitsScale))+" units"
	}
	i := g.instruct(portal, p, "sell-"+string(asset), body)
	g.accepted(w, i, g.day.Date, "settled")
	w.show(title)
	g.sells[g.day.Date] = append(g.sells[g.day.Date], ExpectedTrade{Asset: asset, Sell: true, Orders: 1, Units: units})
	order := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), "a")
	price := g.market.closes[asset][g.day.Date]
	step := func(words, stage string, of schemas.AssetCode, from, to schemas.Account) Move {
		return Move{Words: words, Pot: p.id, Stage: stage, Order: order, Asset: of, From: from, To: to, Quantity: units, Open: units == 0}
	}
	set := step("set aside", "reserved", asset, ledger.PotSettled, ledger.PotReserved)
	set.Empties = units == 0
	gone := step("given to the custodian", "priced", asset, ledger.PotReserved, ledger.UnitsOwed(fund.Custodian))
	paid := step("got at "+priceText(price)+", not settled", "priced", schemas.Cash, ledger.CashOwed(fund.Custodian), ledger.PotPending)
	paid.Price = price
	settled := step("settled, and available", "settled", schemas.Cash, ledger.PotPending, ledger.PotAvailable)
	gone.Same, settled.Same = true, true
	g.tell(Story{
		Title: title, Asked: fmt.Sprintf("on %s %s asked to sell %s of %s", g.day.Date, p.id, what, asset), Moves: []Move{set, gone, paid, settled},
	})
}
