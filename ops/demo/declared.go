package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// What an operator declares for all pots.
const (
	dutyManager schemas.SourceID = "duty-manager"
	// The fee leaves at least the floor. Whoever has cash has paid in more than that here.
	fee, feeFloor schemas.Money = 1_00, 100_00
	// So much income for each member that even the smallest holding gets a penny: who gets none has no posting.
	incomeEach schemas.Money = 5_00
	incomeOf                 = schemas.AssetCode("AAPL")
)

func operationRecord(about, id, reason string, body ingest.OperationBody) Record {
	return Record{About: about, Topic: streams.IngestOperator, Key: "operator", Value: &ingest.Operation{Operator: dutyManager, ID: id, Reason: reason, Body: body}}
}

// charge has an operator take a flat fee from every pot that has cash.
func (g *generator) charge() {
	id := "fee-" + g.day.Date.String()
	g.atHalfPast().add(operationRecord("a charge run", id, "the quarter's fee", &ingest.FlatFee{Cash: fee, Floor: feeFloor, Dated: g.day.Date}))
	pots := 0
	sum := schemas.Money(0)
	for i := range g.pots {
		p := &g.pots[i]
		if taken := min(fee, p.available); taken > 0 {
			p.available -= taken
			sum += taken
			pots++
		}
	}
	g.tell(Story{
		Title: "a charge run", Means: "members' cash becomes the scheme's; the bank's account does not move, and no pot is brought below the floor",
		Asked: fmt.Sprintf("on %s an operator asked for %s from the cash of every pot that is worth more than %s", g.day.Date, fee, feeFloor),
		Moves: []Move{{
			Words: "taken from pots with cash", Pots: pots, Stage: "charged", Asset: schemas.Cash,
			From: ledger.PotAvailable, To: ledger.SchemeCharges, Quantity: cashOf(sum),
		}},
	})
}

// distribute has an operator give what the custodian received on an asset to all who hold it.
func (g *generator) distribute() {
	income := incomeEach * schemas.Money(len(g.pots))
	id := "income-" + g.day.Date.String()
	g.atHalfPast().add(operationRecord("a distribution", id, "the fund's income", &ingest.Distribution{Asset: incomeOf, Cash: income, EffectiveOn: g.day.Date}))
	owed := ledger.CashOwed(fundNamed(incomeOf).Custodian)
	step := func(words string, pots int, from, to schemas.Account) Move {
		return Move{Words: words, Pots: pots, Shards: pots == 0, Stage: "distributed", Asset: schemas.Cash, From: from, To: to, Open: true}
	}
	received := step("received, in every shard its part", 0, ledger.BankClientMoney, owed)
	received.Open, received.Quantity = false, cashOf(income)
	g.tell(Story{
		Title: "a distribution", Means: "shares are rounded down, and with what rounding leaves they are what was received",
		Asked: fmt.Sprintf("on %s an operator asked that %s of income be given to who holds %s, by units", g.day.Date, income, incomeOf),
		Moves: []Move{
			received,
			step("given to pots, rounded down", g.holders(incomeOf), owed, ledger.PotAvailable),
			step("left by rounding, the scheme's", 0, owed, ledger.SchemeRounding),
		},
		Whole: cashOf(income),
	})
}

// holders counts the pots that have units of an asset: who has bought on a day before today.
func (g *generator) holders(asset schemas.AssetCode) int {
	n := 0
	for i := range g.pots {
		for of, orders := range g.pots[i].orders {
			if of.asset == asset && of.day < g.day.Date && orders > 0 {
				n++
				break
			}
		}
	}
	return n
}
