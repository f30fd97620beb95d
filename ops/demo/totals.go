package demo

import (
	"github.com/shopspring/decimal"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// piece is a piece of a trade, whose units may be told anew when its price is corrected.
type piece struct {
	trade  schemas.ID
	number int32
}

// addUp makes the totals from the journals and the fills.
func addUp(in *invariants.Input) Totals {
	held := balancesOf(in.Journals)
	cash := func(account schemas.Account) string {
		return moneyText(held[account][schemas.Cash])
	}
	var totals Totals
	var spent, sold schemas.Quantity
	for _, fund := range Funds() {
		t := AssetTotal{Asset: fund.Code}
		var units, paid schemas.Quantity
		delivered := make(map[piece]schemas.Quantity)
		for _, e := range in.Trades {
			if e.Asset != fund.Code {
				continue
			}
			switch {
			case e.Event == "priced" && e.Side == ledger.TradeSideSell:
				units -= e.Units
				sold += e.Cash
			case e.Event == "priced", e.Event == "corrected":
				of := piece{e.Trade, e.Piece}
				units += e.Units - delivered[of]
				delivered[of] = e.Units
				if e.Event == "priced" {
					paid += e.Cash
				}
			case e.Event == "settled":
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
		if made := held[ledger.SchemeCompensation][fund.Code]; made != 0 {
			t.MadeGood = text(-made)
		}
		totals.Assets = append(totals.Assets, t)
	}
	sum := func(stage string, to schemas.Account) string { return moneyText(sumOf(in.Journals, stage, to)) }
	totals.Cash = CashTotal{
		PaidIn: sum("contributed", ledger.PotAvailable), Transferred: sum("attributed", ledger.PotAvailable), Proceeds: moneyText(sold),
		Income: sum("distributed", ledger.PotAvailable), Spent: moneyText(spent), Withdrawn: sum("paid", ledger.BankClientMoney),
		Charges: cash(ledger.SchemeCharges), Available: cash(ledger.PotAvailable), Reserved: cash(ledger.PotReserved), Rounding: cash(ledger.SchemeRounding),
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

// sumOf adds up the cash that postings of a stage have brought to an account.
func sumOf(journals []*ledger.Journal, stage string, to schemas.Account) schemas.Quantity {
	sum := schemas.Quantity(0)
	for _, j := range journals {
		for i := range j.Postings {
			if p := &j.Postings[i]; p.Stage == stage && p.To == to && p.Asset == schemas.Cash {
				sum += p.Quantity
			}
		}
	}
	return sum
}
