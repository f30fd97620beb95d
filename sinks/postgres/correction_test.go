package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// TestAPlanSaysWhatACorrectionWouldChange books a trade of 149.98 over 100.00 and 50.00, lets most of one pot's units go, and asks what a price of 2999.60
// would have bought: 0.0500 units, of which a third each is rounded down.
func TestAPlanSaysWhatACorrectionWouldChange(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	p1, p2 := potIn(0, 1), potIn(0, 2)
	journals := append(chain.buy(p1, "i1", 10_000, 500), chain.buy(p2, "i2", 5000, 251)...)
	journals = append(journals, chain.journal(p1, "sell", testMove{"reserved", testAsset, 400, ledger.PotSettled, ledger.PotReserved, testID("sell"), nil}))
	test.mustBook(t, test.claim(t, 0), journals...)
	at, err := test.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := test.BookTrades(t.Context(), at, settledTrade(), 3); err != nil {
		t.Fatal(err)
	}
	price, err := schemas.ParsePrice("2999.60")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13958, price)
	if err != nil {
		t.Fatal(err)
	}
	want := []PlannedPot{
		{Pot: schemas.PotID(p1), Orders: 1, Postings: 3, Got: "0.0500", Would: "0.0333", Missing: "0.0067"},
		{Pot: schemas.PotID(p2), Orders: 1, Postings: 3, Got: "0.0251", Would: "0.0166", Missing: "0"},
	}
	slices.SortFunc(want, func(a, b PlannedPot) int { return strings.Compare(string(a.Pot), string(b.Pot)) })
	if !slices.Equal(plan, want) {
		t.Errorf("the plan is %+v, want %+v", plan, want)
	}
	other, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13959, price)
	if err != nil || len(other) != 0 {
		t.Errorf("of another day the plan is %+v, error %v", other, err)
	}
}
