package postgres

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// TestVerifyComparesTradesWithPostings books a trade of two orders, placed, priced and settled, and lies about one number at a time.
func TestVerifyComparesTradesWithPostings(t *testing.T) {
	none := func([]TradeEvent) {}
	for name, c := range map[string]struct {
		cash, units int64 // what the outside leg settles beyond the truth
		lie         func([]TradeEvent)
		failed      []string
	}{
		"all true":                 {0, 0, none, nil},
		"settled too much cash":    {1, 0, none, []string{"owed-cash"}},
		"settled too few units":    {0, -1, none, []string{"owed-units"}},
		"delivered more":           {0, 0, func(e []TradeEvent) { e[1].Units += 100 }, []string{"allocated-units"}},
		"took less":                {0, 0, func(e []TradeEvent) { e[1].Cash -= 10_000 }, []string{"allocated-cash"}},
		"took more than ordered":   {0, 0, func(e []TradeEvent) { e[1].Cash += 30_000 }, []string{"trade-fills", "allocated-cash"}},
		"placed for another order": {0, 0, func(e []TradeEvent) { e[2].Orders++ }, []string{"trade-orders"}},
		"parts do not add up":      {0, 0, func(e []TradeEvent) { e[0].Shards[0].Weight -= 10_000 }, []string{"trade-parts"}},
		"never batched":            {0, 0, func(e []TradeEvent) { e[0].Event = "placed" }, []string{"trade-known"}},
	} {
		t.Run(name, func(t *testing.T) {
			test := openTestLedger(t)
			chain := newTestChain(0)
			journals := append(chain.buy(potIn(0, 1), "i1", 10_000, 500), chain.buy(potIn(0, 2), "i2", 5_000, 250)...)
			journals = append(journals, chain.close("close", 14_998+c.cash, 751+c.units))
			test.mustBook(t, test.claim(t, 0), journals...)
			events := settledTrade()
			c.lie(events)
			at, err := test.ClaimTrades(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := test.BookTrades(t.Context(), at, events, 3); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), test.auditor, VerifyOptions{AtRest: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := report.failed(); !slices.Equal(got, c.failed) {
				t.Errorf("these checks failed: %v, want %v", got, c.failed)
			}
		})
	}
}

// TestVerifyTakesACorrectedPieceForWhatItWasToldLast corrects the units of a settled trade from 751 quanta to 601.
func TestVerifyTakesACorrectedPieceForWhatItWasToldLast(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	first, second := potIn(0, 1), potIn(0, 2)
	journals := append(chain.buy(first, "i1", 10_000, 500), chain.buy(second, "i2", 5_000, 250)...)
	journals = append(journals, chain.close("close", 14_998, 751),
		chain.correct(first, "i1", 10_000, 500, 400), chain.correct(second, "i2", 5_000, 250, 200),
		chain.journal("", "corrected", testMove{"settled", testAsset, 150, ledger.UnitsOwed(testCustodian), ledger.UnitsSettled(testCustodian), nil, testID("trade")}))
	test.mustBook(t, test.claim(t, 0), journals...)
	events := settledTrade()
	corrected := events[1]
	corrected.ID, corrected.Event, corrected.Units, corrected.Offset = *testID("corrected"), "corrected", 60_100, 3
	at, err := test.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := test.BookTrades(t.Context(), at, append(events, corrected), 4); err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), test.auditor, VerifyOptions{AtRest: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := report.failed(); len(got) > 0 {
		t.Errorf("these checks failed: %v", got)
	}
}

// settledTrade is what became of a trade of 150.00, of which 149.98 bought 0.0751 units.
func settledTrade() []TradeEvent {
	var events []TradeEvent
	for offset, event := range []string{"batched", "priced", "settled"} {
		events = append(events, TradeEvent{ledger.Trade{
			ID: *testID(event), Trade: *testID("trade"), Event: event, Day: 13958, Custodian: testCustodian, Asset: testAsset,
			UnitsScale: testScale, Ordered: 150_000_000, Orders: 2, SettlesOn: 13962,
		}, int64(offset)})
	}
	events[0].Shards = []ledger.ShardPart{{Shard: 0, Weight: 150_000_000, Orders: 2}}
	events[1].Cash, events[1].Units = 149_980_000, 75_100
	return events
}

// carriedTrades are a trade of 100.00, of which 60.00 were dealt and the rest went on to another day, and that day's, of the rest and another order of 5.00.
func carriedTrades() []TradeEvent {
	var events []TradeEvent
	for n, e := range []struct{ trade, event string }{
		{"trade", "batched"}, {"trade", "priced"}, {"trade", "rest-carried"}, {"trade", "settled"}, {"next", "batched"}, {"next", "priced"}, {"next", "settled"},
	} {
		event := TradeEvent{ledger.Trade{
			ID: *testID(e.trade + e.event), Trade: *testID(e.trade), Event: e.event, Day: 13958, Custodian: testCustodian, Asset: testAsset,
			UnitsScale: testScale, Ordered: 100_000_000, Orders: 1, SettlesOn: 13962,
		}, int64(n)}
		if e.trade == "next" {
			event.Day, event.Ordered, event.Orders = 13959, 45_000_000, 2
		}
		switch e.event {
		case "batched":
			event.Shards = []ledger.ShardPart{{Shard: 0, Weight: event.Ordered, Orders: event.Orders}}
		case "priced":
			event.Cash, event.Units = event.Ordered, 1000
			if e.trade == "trade" {
				event.Cash = 60_000_000
			}
		}
		events = append(events, event)
	}
	return events
}

// carriedJournals are what the two trades made of the pots' reservations; the units go straight from owed to settled here.
func carriedJournals(chain *testChain) []ledger.Journal {
	first, other, trade, next := testID("first"), testID("other"), testID("trade"), testID("next")
	rest := schemas.DeriveID("rest", first.String())
	owed, units, settled := ledger.CashOwed(testCustodian), ledger.UnitsOwed(testCustodian), ledger.UnitsSettled(testCustodian)
	reserves := func(pot, cause string, pence int64, order *schemas.ID) ledger.Journal {
		return chain.journal(pot, cause,
			testMove{"contributed", schemas.Cash, pence, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
			testMove{"reserved", schemas.Cash, pence, ledger.PotAvailable, ledger.PotReserved, order, nil})
	}
	deals := func(pot, cause string, pence, quanta int64, order, trade *schemas.ID) ledger.Journal {
		return chain.journal(pot, cause,
			testMove{"priced", schemas.Cash, pence, ledger.PotReserved, owed, order, trade},
			testMove{"priced", testAsset, quanta, units, ledger.PotPending, order, trade},
			testMove{"settled", testAsset, quanta, ledger.PotPending, ledger.PotSettled, order, trade})
	}
	ends := func(cause string, pence, quanta int64, trade *schemas.ID) ledger.Journal {
		return chain.journal("", cause,
			testMove{"settled", schemas.Cash, pence, owed, ledger.BankClientMoney, nil, trade},
			testMove{"settled", testAsset, quanta, settled, units, nil, trade})
	}
	one, two := potIn(0, 1), potIn(0, 2)
	return []ledger.Journal{
		reserves(one, "i1", 10_000, first), deals(one, "d1", 6_000, 10, first, trade), ends("e1", 6_000, 10, trade),
		reserves(two, "i2", 500, other), deals(one, "d2", 4_000, 8, &rest, next), deals(two, "d3", 500, 2, other, next), ends("e2", 4_500, 10, next),
	}
}

func TestVerifyFollowsWhatATradeDidNotDeal(t *testing.T) {
	for name, c := range map[string]struct {
		lie    func([]TradeEvent)
		failed []string
	}{
		"true":                       {func([]TradeEvent) {}, nil},
		"more than the rest ordered": {func(e []TradeEvent) { e[6].Ordered += 10_000 }, []string{"trade-orders"}},
		"ordered by one order more":  {func(e []TradeEvent) { e[6].Orders++ }, []string{"trade-orders"}},
	} {
		t.Run(name, func(t *testing.T) {
			test := openTestLedger(t)
			test.mustBook(t, test.claim(t, 0), carriedJournals(newTestChain(0))...)
			events := carriedTrades()
			c.lie(events)
			at, err := test.ClaimTrades(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := test.BookTrades(t.Context(), at, events, int64(len(events))); err != nil {
				t.Fatal(err)
			}
			report, err := Verify(t.Context(), test.auditor, VerifyOptions{AtRest: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := report.failed(); !slices.Equal(got, c.failed) {
				t.Errorf("these checks failed: %v, want %v: %+v", got, c.failed, report)
			}
		})
	}
}
