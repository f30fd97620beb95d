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
		{
			"changed microsecond", "update ledger.journal_1_2008_03 set recorded_at = recorded_at + interval '1 microsecond' where sequence = 5",
			[]string{"chain"},
			"shard 1 journal 5",
		},
		// It goes to the end of its table, after the legs that follow on it.
		{"rewritten posting", "update ledger.posting_1_2008_03 set trade = null where sequence = 5 and leg = 1", []string{"chain"}, "shard 1 journal 5"},
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
			"posting of no journal",
			"insert into ledger.posting_0_2008_03 select (jsonb_populate_record(p, '{\"sequence\": -5}')).* from ledger.posting_0_2008_03 p where sequence = 13 and leg = 3",
			[]string{"sequence"},
			"shard 0 journal -5",
		},
		{
			"doubled posting", "insert into ledger.posting_0_2008_03 select * from ledger.posting_0_2008_03 where sequence = 13 and leg = 3",
			[]string{"chain", "postings"},
			"shard 0 journal 13",
		},
	}
}

// foreignRows are rows of shards that the ledger does not have, which every reader would add up.
func foreignRows() []tampering {
	return []tampering{
		{
			"journal of no shard",
			`create table ledger.journal_9 partition of ledger.journal for values in (9);
			insert into ledger.journal_9 select (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'shard', 9))).* from ledger.journal_0_2008_03 j where sequence = 13`,
			[]string{"shards"},
			"shard 9",
		},
		{
			"posting of no shard",
			`create table ledger.posting_9 partition of ledger.posting default;
			insert into ledger.posting_9 select (jsonb_populate_record(p, '{"shard": -1}')).* from ledger.posting_0_2008_03 p where sequence = 13`,
			[]string{"shards"},
			"shard -1",
		},
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	for _, c := range append(tamperings(), foreignRows()...) {
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

// TestRowsWrittenAnewAsTheyWereAreNoTampering: restoring a table may leave its rows in any order.
func TestRowsWrittenAnewAsTheyWereAreNoTampering(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	const rewrite = "update ledger.posting_0_2008_03 set leg = leg where leg = 1; update ledger.journal_0_2008_03 set cause = cause where sequence % 2 = 0"
	if _, err := test.super.Exec(t.Context(), unprotected(rewrite), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if report := test.verify(t); !report.OK() {
		t.Errorf("these checks failed: %v", report.failed())
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
