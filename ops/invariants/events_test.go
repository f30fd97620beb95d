package invariants

import (
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// A pot's income of 3.33 and what the close books: right as it stands, wrong where one of the amounts is changed.
func distributedJournals(income, rounding, received schemas.Quantity) []*ledger.Journal {
	pot := schemas.PotID("p1")
	owed := ledger.CashOwed("CREST")
	return []*ledger.Journal{
		{Cause: "e1", Pot: &pot, Postings: []ledger.Posting{{Leg: 1, Stage: stageDistributed, Asset: schemas.Cash, Quantity: income, From: owed, To: ledger.PotAvailable}}},
		{Cause: "e1", Postings: []ledger.Posting{
			{Leg: 1, Stage: stageDistributed, Asset: schemas.Cash, Quantity: rounding, From: owed, To: ledger.SchemeRounding},
			{Leg: 2, Stage: stageDistributed, Asset: schemas.Cash, Quantity: received, From: ledger.BankClientMoney, To: owed},
		}},
	}
}

func splitJournals(got, delivered schemas.Quantity, asset schemas.AssetCode) []*ledger.Journal {
	pot := schemas.PotID("p1")
	owed := ledger.UnitsOwed("CREST")
	return []*ledger.Journal{
		{Cause: "e2", Pot: &pot, Postings: []ledger.Posting{{Leg: 1, Stage: stageSplit, Asset: asset, Quantity: got, From: owed, To: ledger.PotSettled}}},
		{Cause: "e2", Postings: []ledger.Posting{{Leg: 1, Stage: stageSplit, Asset: asset, Quantity: delivered, From: ledger.UnitsSettled("CREST"), To: owed}}},
	}
}

func TestDeclaredEventsAreJudgedByWhatTheyLeave(t *testing.T) {
	for name, test := range map[string]struct {
		journals []*ledger.Journal
		wrong    int // the number of the invariant that does not hold; 0: all do
	}{
		"a distribution":              {distributedJournals(3_330_000, 10_000, 3_340_000), 0},
		"a penny is lost":             {distributedJournals(3_330_000, 10_000, 3_350_000), 27},
		"a penny is made":             {distributedJournals(3_340_000, 10_000, 3_340_000), 27},
		"a split":                     {splitJournals(5_000_000, 5_000_000, "GB00X"), 0},
		"units that were not counted": {splitJournals(5_000_000, 4_999_000, "GB00X"), 26},
		"a split of cash":             {splitJournals(5_000_000, 5_000_000, schemas.Cash), 26},
	} {
		f := gather(&Input{Shards: 1, Journals: test.journals})
		for _, c := range f.checkDeclared() {
			if got, want := c.result().OK, c.number != test.wrong; got != want {
				t.Errorf("%s: invariant %d holds is %t, want %t: %s", name, c.number, got, want, c.result().Detail)
			}
		}
	}
}
