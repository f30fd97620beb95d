package demo

import (
	"github.com/shopspring/decimal"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// addUp makes the totals from the journals and the fills.
func addUp(in *invariants.Input) Totals {
	held := balancesOf(in.Journals)
	cash := func(account schemas.Account) string {
		return moneyText(held[account][schemas.Cash])
	}
	var totals Totals
	spent := schemas.Quantity(0)
	for _, fund := range Funds() {
		t := AssetTotal{Asset: fund.Code}
		var units, paid schemas.Quantity
		for _, e := range in.Trades {
			if e.Asset != fund.Code {
				continue
			}
			switch e.Event {
			case "priced":
				units += e.Units
				paid += e.Cash
			case "settled":
				t.Trades++
				t.Orders += e.Orders
			}
		}
		if t.Trades == 0 {
			continue
		}
		spent += paid
		text := func(q schemas.Quantity) string { return unitsText(q, int(fund.UnitsScale)) }
		t.Bought, t.Spent = text(units), moneyText(paid)
		t.Members = text(held[ledger.PotSettled][fund.Code] + held[ledger.PotPending][fund.Code])
		t.Rounding = text(held[ledger.SchemeRounding][fund.Code])
		totals.Assets = append(totals.Assets, t)
	}
	totals.Cash = CashTotal{
		PaidIn: moneyText(paidIn(in.Journals)), Spent: moneyText(spent), Available: cash(ledger.PotAvailable), Reserved: cash(ledger.PotReserved),
		Rounding: cash(ledger.SchemeRounding),
	}
	return totals
}

func unitsText(q schemas.Quantity, scale int) string {
	return decimal.New(int64(q), -schemas.QuantityScale).StringFixed(int32(scale)) //nolint:gosec // at most 6
}

func moneyText(q schemas.Quantity) string { return unitsText(q, schemas.MoneyScale) }

// balances are quantities by account and asset.
type balances map[schemas.Account]map[schemas.AssetCode]schemas.Quantity

// balancesOf sums the journals over all pots and shards.
func balancesOf(journals []*ledger.Journal) balances {
	sums := make(balances)
	add := func(account schemas.Account, asset schemas.AssetCode, q schemas.Quantity) {
		if sums[account] == nil {
			sums[account] = make(map[schemas.AssetCode]schemas.Quantity)
		}
		sums[account][asset] += q
	}
	for _, j := range journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			add(p.From, p.Asset, -p.Quantity)
			add(p.To, p.Asset, p.Quantity)
		}
	}
	return sums
}

func paidIn(journals []*ledger.Journal) schemas.Quantity {
	sum := schemas.Quantity(0)
	for _, j := range journals {
		for i := range j.Postings {
			if j.Postings[i].Stage == "contributed" {
				sum += j.Postings[i].Quantity
			}
		}
	}
	return sum
}
