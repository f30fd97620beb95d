package hledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/hledger"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func journal() *ledger.Journal {
	pot := schemas.PotID("p1")
	return &ledger.Journal{Shard: 2, Sequence: 7, Pot: &pot, Postings: []ledger.Posting{
		{Stage: "priced", Asset: schemas.Cash, Scale: 2, Quantity: 1_000_000, From: ledger.PotReserved, To: ledger.CashOwed("CREST"), EffectiveOn: 13955},
		{Stage: "priced", Asset: "GB00X", Scale: 3, Quantity: 2_500_000, From: ledger.UnitsOwed("CREST"), To: ledger.PotPending, EffectiveOn: 13955},
		{Stage: "settled", Asset: "GB00X", Scale: 3, Quantity: 2_500_000, From: ledger.PotPending, To: ledger.PotSettled, EffectiveOn: 13957},
	}}
}

func TestAJournalIsATransactionForEachDayThatItBooksFor(t *testing.T) {
	var text strings.Builder
	w := hledger.NewWriter(&text)
	if err := errors.Join(w.Add(journal()), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2008-03-17 (2/7) priced\n", "2008-03-19 (2/7) settled\n",
		"    shard-2:custodian/CREST:cash-owed  1.000000 \"GBP\"\n    pot/p1:reserved  -1.000000 \"GBP\"\n",
		"    pot/p1:settled  2.500000 \"GB00X\"\n    pot/p1:pending  -2.500000 \"GB00X\"\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
}

func TestNamesThatHledgerCannotReadAreRefused(t *testing.T) {
	for _, change := range []func(*ledger.Journal){
		func(j *ledger.Journal) { j.Postings[0].Asset = `A"B` },
		func(j *ledger.Journal) { pot := schemas.PotID("p;1"); j.Pot = &pot },
	} {
		j := journal()
		change(j)
		if err := hledger.NewWriter(&strings.Builder{}).Add(j); !errors.Is(err, hledger.ErrUnsayable) {
			t.Errorf("got %v, want ErrUnsayable", err)
		}
	}
}
