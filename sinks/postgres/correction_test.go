package postgres

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

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
	plan, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13958, price, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []PlannedPot{
		{Pot: schemas.PotID(p1), What: "units bought", Orders: 1, Postings: 3, Was: "0.05", Would: "0.0333", Missing: "0.0067"},
		{Pot: schemas.PotID(p2), What: "units bought", Orders: 1, Postings: 3, Was: "0.0251", Would: "0.0166", Missing: "0"},
	}
	slices.SortFunc(want, func(a, b PlannedPot) int { return strings.Compare(string(a.Pot), string(b.Pot)) })
	if !slices.Equal(plan.Lines, want) {
		t.Errorf("the plan is %+v, want %+v", plan.Lines, want)
	}
	other, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13959, price, 0)
	if err != nil || len(other.Lines) != 0 || other.LinesInAll != 0 || other.Pots != 0 || other.MissingUnits != "0" || other.MissingCash != "0" {
		t.Errorf("of another day the plan is %+v, error %v", other, err)
	}
}

// TestAPlanSaysWhatACorrectionOfSellsWouldChange books a trade that sold 0.0600 units for 120.00, and one that sold 0.0500 for cash of 100.00, both at 2000.00.
// At 1500.00 the first would have brought 90.00, and the second have taken 0.0667 units.
func TestAPlanSaysWhatACorrectionOfSellsWouldChange(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	p1, p2 := potIn(0, 1), potIn(0, 2)
	sell := func(pot, cause, trade string, reserved, units, pence int64) []ledger.Journal {
		order, of := testID(pot+cause), testID(trade)
		return []ledger.Journal{
			chain.journal(pot, cause,
				testMove{"merged", testAsset, reserved, ledger.UnitsOwed(testCustodian), ledger.PotSettled, nil, nil},
				testMove{"reserved", testAsset, reserved, ledger.PotSettled, ledger.PotReserved, order, nil}),
			chain.journal(pot, cause+"-priced",
				testMove{"priced", testAsset, units, ledger.PotReserved, ledger.UnitsOwed(testCustodian), order, of},
				testMove{"priced", schemas.Cash, pence, ledger.CashOwed(testCustodian), ledger.PotPending, order, of}),
			chain.journal(pot, cause+"-settled", testMove{"settled", schemas.Cash, pence, ledger.PotPending, ledger.PotAvailable, order, of}),
		}
	}
	journals := slices.Concat(sell(p1, "u1", "by-units", 400, 400, 8000), sell(p2, "u2", "by-units", 200, 200, 4000),
		sell(p1, "k1", "for-cash", 400, 300, 6000), sell(p2, "k2", "for-cash", 300, 200, 4000))
	journals = append(journals,
		chain.journal(p1, "paid", testMove{"withdrawn", schemas.Cash, 13_000, ledger.PotAvailable, ledger.PotPayable, testID("paid"), nil}),
		chain.journal(p2, "back", testMove{"contributed", testAsset, 100, ledger.PotReserved, ledger.PotSettled, nil, nil}))
	test.mustBook(t, test.claim(t, 0), journals...)
	at, err := test.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var events []TradeEvent
	for n, trade := range []string{"by-units", "for-cash"} {
		sold := ledger.Trade{
			ID: *testID(trade), Trade: *testID(trade), Event: "priced", Day: 13958, Custodian: testCustodian, Asset: testAsset, UnitsScale: testScale,
			Side: ledger.TradeSideSell, Orders: 2, SettlesOn: 13962, Piece: 1, Basis: ledger.TradeBasisUnits, Ordered: 60_000, Units: 60_000, Cash: 120_000_000,
		}
		if n == 1 {
			sold.Basis, sold.Ordered, sold.Units, sold.Cash = ledger.TradeBasisCash, 100_000_000, 50_000, 100_000_000
		}
		events = append(events, TradeEvent{sold, int64(n)})
	}
	if _, err := test.BookTrades(t.Context(), at, events, 2); err != nil {
		t.Fatal(err)
	}
	price, err := schemas.ParsePrice("1500.00")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13958, price, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []PlannedPot{
		{Pot: schemas.PotID(p1), What: "cash brought", Orders: 1, Postings: 3, Was: "80", Would: "60", Missing: "10"},
		{Pot: schemas.PotID(p1), What: "units sold", Orders: 1, Postings: 3, Was: "0.03", Would: "0.0401", Missing: "0.0101"},
		{Pot: schemas.PotID(p2), What: "cash brought", Orders: 1, Postings: 3, Was: "40", Would: "30", Missing: "0"},
		{Pot: schemas.PotID(p2), What: "units sold", Orders: 1, Postings: 3, Was: "0.02", Would: "0.0267", Missing: "0"},
	}
	slices.SortFunc(want, func(a, b PlannedPot) int { return strings.Compare(string(a.Pot)+a.What, string(b.Pot)+b.What) })
	if !slices.Equal(plan.Lines, want) {
		t.Errorf("the plan is %+v, want %+v", plan.Lines, want)
	}
	wantCut(t, test, price, want, CorrectionPlan{nil, 4, 2, 4, 12, "0.0101", "10"})
}

// wantCut asks for the plan of the test's day with lists of several lengths: however short it is, the totals are those of all.
func wantCut(t *testing.T, test *testLedger, price schemas.Price, want []PlannedPot, totals CorrectionPlan) {
	t.Helper()
	for _, linesMax := range []int{1, 3, 4, 5} {
		cut, err := PlanCorrection(t.Context(), test.auditor, testAsset, 13958, price, linesMax)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(cut.Lines, want[:min(linesMax, len(want))]) {
			t.Errorf("the first %d of the plan are %+v, want them of %+v", linesMax, cut.Lines, want)
		}
		cut.Lines = nil
		if !reflect.DeepEqual(*cut, totals) {
			t.Errorf("the totals of the first %d are %+v, want %+v", linesMax, *cut, totals)
		}
	}
}

// askedAfter calls before each time a pool is about to send a query that contains a text.
type askedAfter struct {
	text   string
	before func()
}

func (a askedAfter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, query pgx.TraceQueryStartData) context.Context {
	if strings.Contains(query.SQL, a.text) {
		a.before()
	}
	return ctx
}

func (askedAfter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestMonthsAreNotDroppedInTheMiddleOfAPlan tries to drop a trade's month after the plan has looked whether it is there, and before it reads the postings.
func TestMonthsAreNotDroppedInTheMiddleOfAPlan(t *testing.T) {
	a := openArchived(t)
	pot := potIn(1, 7)
	var bought []func(*testChain) ledger.Journal
	var journals []ledger.Journal
	for n := range 3 {
		bought = append(bought, func(c *testChain) ledger.Journal {
			if n == 0 {
				journals = c.buy(pot, "i1", 10_000, 500)
			}
			return journals[n]
		})
	}
	a.lives(t, time.March, bought...)
	a.lives(t, time.April)
	at, err := a.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.BookTrades(t.Context(), at, settledTrade(), 3); err != nil {
		t.Fatal(err)
	}
	drop := a.exported(t, testMarch)
	drop.Patience = Patience{Attempts: 1}
	tries := 0
	config, err := pgxpool.ParseConfig(a.url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = askedAfter{"with traded as", func() {
		tries++
		if _, err := DropMonths(t.Context(), a.owner, drop, true, nil); !errors.Is(err, errBeingRead) {
			t.Errorf("in the middle of a plan, dropping ends with %v", err)
		}
	}}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	price, err := schemas.ParsePrice("2999.60")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := PlanCorrection(t.Context(), pool, testAsset, 13958, price, 0)
	if err != nil || len(plan.Lines) != 1 || plan.Postings != 3 || tries != 1 {
		t.Errorf("the plan is %+v, %v, after %d tries to drop", plan, err, tries)
	}
}
