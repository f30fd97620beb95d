package postgres

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// potIn returns a pot that belongs to the shard.
func potIn(shard int32, number int) string {
	for i := number * 1000; ; i++ {
		pot := "p" + string(rune('a'+number%26)) + schemas.Units(i).Text(0)
		if streams.PartitionOf(pot, testShards) == shard {
			return pot
		}
	}
}

// bookLives books something in every shard.
func (l *testLedger) bookLives(t *testing.T) [testShards][]ledger.Journal {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	var lives [testShards][]ledger.Journal
	for shard := range int32(testShards) {
		chain := newTestChain(shard)
		for pot := range 4 {
			lives[shard] = append(lives[shard], chain.buy(potIn(shard, pot), "i", 1000+random.Int64N(5000), 1+random.Int64N(9000))...)
		}
		lives[shard] = append(lives[shard], chain.close("close", 5000, 7000))
		l.mustBook(t, l.claim(t, shard), lives[shard]...)
	}
	return lives
}

func (l *testLedger) verify(t *testing.T) *Report {
	t.Helper()
	report, err := Verify(context.Background(), l.auditor, VerifyOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (r *Report) failed() []string {
	var names []string
	for i := range r.Checks {
		if !r.Checks[i].OK() {
			names = append(names, r.Checks[i].Name)
		}
	}
	return names
}

func TestVerifyFindsNothingWrongInWhatWasBooked(t *testing.T) {
	test := openTestLedger(t)
	lives := test.bookLives(t)
	var done, total int64
	report, err := Verify(t.Context(), test.auditor, VerifyOptions{}, func(d, n int64) { done, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range report.Checks {
		if !check.OK() {
			t.Errorf("%s: %+v", check.Name, check.Findings)
		}
		if check.Checked == 0 && !strings.HasPrefix(check.Name, "trade-") {
			t.Errorf("%s was checked on nothing", check.Name)
		}
	}
	if want := int64(testShards * len(lives[0])); done != want || total != want {
		t.Errorf("progress ended at %d of %d, want %d", done, total, want)
	}
}

// tampering is a change that somebody could make who may switch triggers off. Of the checks in failed, the first has its first finding
// at place.
type tampering struct {
	name, change string
	failed       []string
	place        string
}

func tamperings() []tampering {
	return []tampering{
		{
			"changed quantity", "update ledger.posting_1_2008_03 set quantity = quantity + 1 where sequence = 4 and leg = 1",
			[]string{"chain", "balances", "sum-zero"},
			"shard 1 journal 4",
		},
		{
			"changed balance", "update ledger.posting_1_2008_03 set to_balance = to_balance + 1 where sequence = 6 and leg = 1",
			[]string{"chain", "balances", "sum-zero"},
			"shard 1 journal 6",
		},
		{"changed cause", "update ledger.journal_1_2008_03 set cause = 'x' where sequence = 5", []string{"chain"}, "shard 1 journal 5"},
		{"changed pot", "update ledger.journal_2_2008_03 set pot = pot || 'x' where sequence = 5", []string{"chain"}, "shard 2 journal 5"},
		{"renamed account", "update ledger.account set code = 'bank:mine' where code = 'bank:client-money'", []string{"chain"}, "shard 0 journal 1"},
		{
			"dropped journal", "delete from ledger.journal_0_2008_03 where sequence = 3; delete from ledger.posting_0_2008_03 where sequence = 3",
			[]string{"sequence", "chain"},
			"shard 0 journal 4",
		},
		{
			"dropped last journal",
			"delete from ledger.journal_0_2008_03 where sequence = 13; delete from ledger.posting_0_2008_03 where sequence = 13",
			[]string{"position"},
			"shard 0",
		},
		{"dropped posting", "delete from ledger.posting_0_2008_03 where sequence = 5 and leg = 3", []string{"chain"}, "shard 0 journal 5"},
		{"dropped row of a journal", "delete from ledger.journal_0_2008_03 where sequence = 3", []string{"sequence", "chain"}, "shard 0 journal 4"},
		{
			"swapped journals",
			`update ledger.journal_0_2008_03 set sequence = case sequence when 3 then 1004 else 1003 end where sequence in (3, 4);
			update ledger.posting_0_2008_03 set sequence = case sequence when 3 then 4 else 3 end where sequence in (3, 4);
			update ledger.journal_0_2008_03 set sequence = sequence - 1000 where sequence > 1000`,
			[]string{"chain", "recorded"},
			"shard 0 journal 3",
		},
		{
			"inserted journal",
			`insert into ledger.journal_0_2008_03 select (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'sequence', 14))).*
				from ledger.journal_0_2008_03 j where sequence = 13;
			insert into ledger.posting_0_2008_03 select (jsonb_populate_record(p, '{"sequence": 14}')).* from ledger.posting_0_2008_03 p where sequence = 13`,
			[]string{"chain", "position"},
			"shard 0 journal 14",
		},
		{
			"inserted posting", "insert into ledger.posting_0_2008_03 select (jsonb_populate_record(p, '{\"leg\": 4}')).* from ledger.posting_0_2008_03 p where sequence = 13 and leg = 3",
			[]string{"chain"},
			"shard 0 journal 13",
		},
		{
			"doubled posting", "insert into ledger.posting_0_2008_03 select * from ledger.posting_0_2008_03 where sequence = 13 and leg = 3",
			[]string{"chain", "postings"},
			"shard 0 journal 13",
		},
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	for _, c := range tamperings() {
		t.Run(c.name, func(t *testing.T) {
			test := openTestLedger(t)
			test.bookLives(t)
			if _, err := test.super.Exec(t.Context(), unprotected(c.change), pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			report := test.verify(t)
			for _, name := range c.failed {
				if !slices.Contains(report.failed(), name) {
					t.Errorf("check %s noticed nothing; these did: %v", name, report.failed())
				}
			}
			first := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == c.failed[0] })]
			if len(first.Findings) == 0 || !strings.HasPrefix(first.Findings[0].Place, c.place) {
				t.Errorf("%s: want the first finding at %s: %+v", first.Name, c.place, first.Findings)
			}
		})
	}
}

// unprotected runs statements with all triggers of the tables off, which only their owner or a superuser can do.
func unprotected(statements string) string {
	const loop = `do $$ declare r record; begin
		for r in select distinct tgrelid::regclass as name from pg_trigger where tgname = 'append_only' loop
			execute 'alter table ' || r.name || ' %s trigger append_only';
		end loop; end $$;`
	return strings.Replace(loop, "%s", "disable", 1) + statements + ";" + strings.Replace(loop, "%s", "enable always", 1)
}

func TestVerifyFindsAnAccountBelowZeroOnTheEffectiveAxis(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	pot := potIn(0, 1)
	journals := []ledger.Journal{
		chain.journal(pot, "in", testMove{"contributed", schemas.Cash, 500, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}),
		chain.journal(pot, "out", testMove{"reserved", schemas.Cash, 500, ledger.PotAvailable, ledger.PotReserved, nil, nil}),
	}
	// Spent for the day before it came in.
	journals[1].Postings[0].EffectiveOn--
	journals[1].Link(2, journals[0].Hash)
	test.mustBook(t, test.claim(t, 0), journals...)
	report := test.verify(t)
	if got := report.failed(); !slices.Equal(got, []string{"not-negative-effective"}) {
		t.Fatalf("these checks failed: %v", got)
	}
	check := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == "not-negative-effective" })]
	if !strings.Contains(check.Note, "-5.000000 GBP as of 2008-03-19") {
		t.Errorf("the worst dip is told as %q", check.Note)
	}
}

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

func TestCanonicalHashDoesNotDependOnTheOrderOfBooking(t *testing.T) {
	contribution := func(chain *testChain, pot string) ledger.Journal {
		return chain.journal(pot, "i", testMove{"contributed", schemas.Cash, 500, ledger.BankClientMoney, ledger.PotAvailable, testID(pot), nil})
	}
	var sums [3][32]byte
	for i, pots := range [][]string{{"p1", "p2", "p3"}, {"p3", "p1", "p2"}, {"p3", "p1"}} {
		test := openTestLedger(t)
		chain := newTestChain(0)
		var journals []ledger.Journal
		var inMemory Canonical
		for _, pot := range pots {
			journals = append(journals, contribution(chain, pot))
			inMemory.Add(&journals[len(journals)-1])
		}
		test.mustBook(t, test.claim(t, 0), journals...)
		sum, postings, err := CanonicalHash(t.Context(), test.auditor)
		if err != nil || postings != int64(len(pots)) {
			t.Fatalf("%d postings, %v", postings, err)
		}
		if sum != inMemory.Sum() {
			t.Errorf("stored %x, in memory %x", sum, inMemory.Sum())
		}
		sums[i] = sum
	}
	if sums[0] != sums[1] || sums[0] == sums[2] {
		t.Errorf("the same in another order: %x and %x; without one: %x", sums[0], sums[1], sums[2])
	}
}

func TestStoredJournalsAreTheOnesThatWereBooked(t *testing.T) {
	test := openTestLedger(t)
	lives := test.bookLives(t)
	err := eachShard(t.Context(), test.auditor, testShards, func(ctx context.Context, snapshot *shardSnapshot) error {
		var head ledger.Hash
		return snapshot.windows(ctx, func(current *window) error {
			for i := range current.journals {
				stored, booked := &current.journals[i].Journal, &lives[snapshot.shard][i]
				stored.Previous, head = head, stored.Hash
				if string(stored.AppendAvro(nil)) != string(booked.AppendAvro(nil)) {
					t.Errorf("booked %+v, stored %+v", booked, stored)
				}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
