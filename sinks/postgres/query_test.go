package postgres

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func (l *testLedger) balances(t *testing.T, filter BalanceFilter, asOf AsOf) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := Balances(t.Context(), l.auditor, filter, asOf, func(b Balance) error {
		found[string(b.Pot)+" "+string(b.Account)+" "+string(b.Asset)] = b.Amount
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func expect(t *testing.T, what string, got map[string]string, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got[want[i]] != want[i+1] {
			t.Errorf("%s: %q is %q, want %q; all: %v", what, want[i], got[want[i]], want[i+1], got)
		}
	}
}

func TestBalancesAddUpWhatWasBooked(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	p1, p2 := potIn(0, 1), potIn(0, 2)
	journals := append(chain.buy(p1, "i1", 10_000, 123_456), chain.buy(p2, "i2", 5000, 7)...)
	test.mustBook(t, test.claim(t, 0), journals...)
	expect(t, "pot", test.balances(t, BalanceFilter{Pot: schemas.PotID(p1)}, AsOf{}),
		p1+" pot:available GBP", "0.01", p1+" pot:settled GB00A", "12.3456", p1+" pot:pending GB00A", "0.0000", " bank:client-money GBP", "")
	expect(t, "totals", test.balances(t, BalanceFilter{}, AsOf{}),
		" pot:available GBP", "0.02", " pot:settled GB00A", "12.3463", " bank:client-money GBP", "-150.00")
	expect(t, "filtered", test.balances(t, BalanceFilter{ByPot: true, Account: "pot:settled", Asset: testAsset}, AsOf{}),
		p2+" pot:settled GB00A", "0.0007", p2+" pot:available GBP", "")
	for asset, sum := range sums(t, test) {
		if sum != 0 {
			t.Errorf("%s adds up to %s", asset, sum)
		}
	}
}

func sums(t *testing.T, test *testLedger) map[schemas.AssetCode]schemas.Quantity {
	t.Helper()
	totals := map[schemas.AssetCode]schemas.Quantity{}
	err := Balances(t.Context(), test.auditor, BalanceFilter{}, AsOf{}, func(b Balance) error { totals[b.Asset] += b.Quantity; return nil })
	if err != nil || len(totals) == 0 {
		t.Fatalf("totals %v, error %v", totals, err)
	}
	return totals
}

func TestAnAsOfReadOfACompleteTimeNeverChanges(t *testing.T) {
	test := openTestLedger(t)
	var ends [testShards]Position
	for shard := range int32(testShards) {
		chain := newTestChain(shard)
		journals := chain.buy(potIn(shard, 1), "i1", 10_000, 500)
		at, err := test.Book(t.Context(), test.claim(t, shard), Batch{
			Journals: journals, JournalOffset: 3, ProgressOffset: 1,
			Progress: &ledger.Progress{Shard: shard, Sequence: 3, RecordedBefore: chain.at + 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		ends[shard] = at
	}
	through, err := CompleteThrough(t.Context(), test.auditor)
	if err != nil || through != ends[0].RecordedBefore {
		t.Fatalf("complete through %s, %v; want %s", through, err, ends[0].RecordedBefore)
	}
	last := through - 1
	before := test.balances(t, BalanceFilter{}, AsOf{RecordedAt: &last})

	late := newTestChain(1)
	late.sequence, late.head, late.at = 3, ends[1].Head, through
	pot := potIn(1, 2)
	test.mustBook(t, ends[1], late.buy(pot, "i2", 700, 3)...)
	after := test.balances(t, BalanceFilter{}, AsOf{RecordedAt: &last})
	if len(before) == 0 || len(after) != len(before) {
		t.Fatalf("before %v, after %v", before, after)
	}
	for key := range before {
		expect(t, "the same moment, later", after, key, before[key])
	}
	if now := test.balances(t, BalanceFilter{}, AsOf{}); now[" bank:client-money GBP"] != "-307.00" {
		t.Errorf("without a time the later journals are missing: %v", now)
	}
}

func TestAnAsOfReadBeyondWhatIsCompleteIsRefused(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	_, err := test.Book(t.Context(), test.claim(t, 0), Batch{
		Journals: chain.buy(potIn(0, 1), "i1", 10_000, 500), JournalOffset: 3, ProgressOffset: 1,
		Progress: &ledger.Progress{Shard: 0, Sequence: 3, RecordedBefore: chain.at + 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	// The other shards have not told how far they are, so nothing is complete yet.
	at := schemas.InstantOf(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC))
	err = Balances(t.Context(), test.auditor, BalanceFilter{}, AsOf{RecordedAt: &at}, func(Balance) error { return nil })
	if !errors.Is(err, ErrNotComplete) {
		t.Errorf("got %v, want ErrNotComplete", err)
	}
}

func TestBalancesAsOfAnEffectiveDay(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	contribution := testMove{"contributed", schemas.Cash, 500, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}
	pot := potIn(0, 1)
	journals := []ledger.Journal{chain.journal(pot, "i1", contribution), chain.journal(pot, "i2", contribution)}
	journals[1].Postings[0].EffectiveOn += 5
	journals[1].Link(2, journals[0].Hash)
	test.mustBook(t, test.claim(t, 0), journals...)
	day := journals[0].Postings[0].EffectiveOn
	for offset, want := range map[schemas.Date]string{-1: "", 0: "5.00", 4: "5.00", 5: "10.00"} {
		on := day + offset
		expect(t, "as of "+on.String(), test.balances(t, BalanceFilter{Pot: schemas.PotID(pot)}, AsOf{EffectiveOn: &on}), pot+" pot:available GBP", want)
	}
}

func TestTraceFollowsAnInstructionToItsTrade(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := append(chain.buy("p1", "a/b", 10_000, 500), chain.buy("p1", "other", 10_000, 500)...)
	journals = append(journals, chain.close("close", 5000, 7000))
	var head [32]byte
	for i := range journals {
		journals[i].Source = "web/portal"
		head = journals[i].Link(int64(i+1), head)
	}
	test.mustBook(t, test.claim(t, 0), journals...)
	test.mustBookTrade(t, chain.at)
	order := *testID("p1a/b")
	for id, want := range map[string]struct {
		kind      string
		sequences []int64
	}{
		"web/portal/p1/a/b":      {"instruction", []int64{1, 2, 3}},
		journals[1].ID.String():  {"journal", []int64{1, 2, 3}},
		order.String():           {"order", []int64{1, 2, 3}},
		testID("trade").String(): {"trade", []int64{1, 2, 3, 4, 5, 6, 7}},
		journals[6].ID.String():  {"journal", []int64{7}},
		"0/2":                    {"journal", []int64{1, 2, 3}},
		"0/3/1":                  {"posting", []int64{1, 2, 3}},
	} {
		trace, err := FindTrace(t.Context(), test.auditor, id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		var sequences []int64
		for i := range trace.Journals {
			sequences = append(sequences, trace.Journals[i].Sequence)
		}
		if trace.Kind != want.kind || !slices.Equal(sequences, want.sequences) {
			t.Errorf("%s is %s with journals %v, want %s with %v", id, trace.Kind, sequences, want.kind, want.sequences)
		}
		if len(trace.Events) != 1 || trace.Events[0].Event != "placed" || trace.Events[0].Ordered != "100.00" {
			t.Errorf("%s: events %+v", id, trace.Events)
		}
	}
	for _, unknown := range []string{"web/portal/p1/nothing", testID("nothing").String(), "nothing", "0/99", "0/3/99", "1/2/3/4"} {
		if _, err := FindTrace(t.Context(), test.auditor, unknown); !errors.Is(err, ErrNothingTraced) {
			t.Errorf("%s: got %v, want ErrNothingTraced", unknown, err)
		}
	}
}

// TestTraceFollowsAnOrderToItsRestAndBack has an order that was dealt in part: nothing was reserved for the rest, and nothing names both.
func TestTraceFollowsAnOrderToItsRestAndBack(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	first, trade, next := testID("first"), testID("trade"), testID("next trade")
	rest := schemas.RestOf(*first)
	buy, sell := testID("buy"), testID("sell")
	cash := func(stage string, quantity int64, from, to schemas.Account, order, trade *schemas.ID) testMove {
		return testMove{stage, schemas.Cash, quantity, from, to, order, trade}
	}
	owed := ledger.CashOwed(testCustodian)
	journals := []ledger.Journal{
		chain.journal("p1", "i1", cash("contributed", 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil),
			cash("reserved", 100, ledger.PotAvailable, ledger.PotReserved, first, nil)),
		chain.journal("p1", "f1", cash("priced", 40, ledger.PotReserved, owed, first, trade)),
		chain.journal("p1", "f2", cash("priced", 60, ledger.PotReserved, owed, &rest, next)),
		chain.journal("p1", "other", cash("contributed", 1, ledger.BankClientMoney, ledger.PotAvailable, nil, nil),
			cash("reserved", 1, ledger.PotAvailable, ledger.PotReserved, testID("other"), nil)),
		chain.journal("p1", "i5", cash("contributed", 7, owed, ledger.PotPending, sell, trade),
			cash("switched", 7, ledger.PotPending, ledger.PotReserved, sell, nil)),
	}
	journals[4].Postings[1].CounterOrder = buy
	journals[4].Link(5, journals[3].Hash)
	test.mustBook(t, test.claim(t, 0), journals...)
	for id, want := range map[schemas.ID][]int64{*first: {1, 2, 3}, rest: {1, 2, 3}, *buy: {5}, *sell: {5}} {
		trace, err := FindTrace(t.Context(), test.auditor, id.String())
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		var sequences []int64
		for i := range trace.Journals {
			sequences = append(sequences, trace.Journals[i].Sequence)
		}
		if trace.Kind != "order" || trace.Orders[0] != id || len(trace.Orders) != 2 || !slices.Equal(sequences, want) {
			t.Errorf("%s is %s with orders %v in journals %v, want %v", id, trace.Kind, trace.Orders, sequences, want)
		}
	}
}

// TestTraceFollowsAnOrderToItsSecondRest has an order that went on twice: for its first rest nothing is booked yet.
func TestTraceFollowsAnOrderToItsSecondRest(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	first := testID("first")
	second := schemas.RestOf(schemas.RestOf(*first))
	owed := ledger.CashOwed(testCustodian)
	priced := func(quantity int64, order *schemas.ID, trade string) testMove {
		return testMove{"priced", schemas.Cash, quantity, ledger.PotReserved, owed, order, testID(trade)}
	}
	test.mustBook(t, test.claim(t, 0),
		chain.journal("p1", "i1", testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
			testMove{"reserved", schemas.Cash, 100, ledger.PotAvailable, ledger.PotReserved, first, nil}),
		chain.journal("p1", "f1", priced(40, first, "trade")), chain.journal("p1", "f2", priced(20, &second, "next trade")))
	for _, id := range []schemas.ID{*first, second} {
		trace, err := FindTrace(t.Context(), test.auditor, id.String())
		if err != nil || len(trace.Orders) != 2 || len(trace.Journals) != 3 {
			t.Errorf("%s is traced to %+v, %v", id, trace, err)
		}
	}
}

func TestPositionsShowWhoHasWhat(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(2)
	test.mustBook(t, test.claim(t, 2), chain.buy("p", "i", 100, 5)...)
	positions, err := Positions(t.Context(), test.auditor)
	if err != nil || len(positions) != 2*testShards+1 {
		t.Fatalf("%d positions, %v", len(positions), err)
	}
	if got := positions[2]; got.Sequence != 3 || got.NextOffset != 3 || got.Epoch != 1 || got.RecordedAt != chain.at || got.ClaimedBy != t.Name() {
		t.Errorf("shard 2: %+v", got)
	}
}
