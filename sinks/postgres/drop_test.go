package postgres

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const testMarch = Month(38*12 + 2) // of 2008

// archived is a history of March, April and May 2008 with the pool of somebody who may drop months.
type archived struct {
	*history
	owner *pgxpool.Pool
}

func newArchived(t *testing.T) *archived {
	t.Helper()
	a := openArchived(t)
	for _, begins := range []time.Time{
		time.Date(2008, time.March, 29, 9, 0, 0, 0, time.UTC), time.Date(2008, time.April, 29, 9, 0, 0, 0, time.UTC), time.Date(2008, time.May, 20, 9, 0, 0, 0, time.UTC),
	} {
		for _, chain := range a.chains {
			chain.at = schemas.InstantOf(begins)
		}
		for range 3 {
			a.goesOn(t)
		}
	}
	return a
}

// openArchived is a history in which nothing has happened.
func openArchived(t *testing.T) *archived {
	t.Helper()
	h := newHistory(t)
	return &archived{h, openTestPool(t, h.url, RoleOwner)}
}

// lives books journals of shard 1 in the middle of a month of 2008, and then what goes on in all shards.
func (a *archived) lives(t *testing.T, month time.Month, journals ...func(*testChain) ledger.Journal) {
	t.Helper()
	for _, chain := range a.chains {
		chain.at = schemas.InstantOf(time.Date(2008, month, 10, 9, 0, 0, 0, time.UTC))
	}
	for _, journal := range journals {
		booked := journal(a.chains[1])
		a.journals = append(a.journals, booked)
		a.at[1] = a.mustBook(t, a.at[1], booked)
	}
	a.goesOn(t)
}

// exported is what an archive of the month would have.
func (a *archived) exported(t *testing.T, month Month) Drop {
	t.Helper()
	drop := Drop{First: month, Last: month, Archive: "ledger-" + month.String(), Operator: "anna", Reason: "older than seven years"}
	var err error
	drop.Cluster, err = JournalsOfMonths(t.Context(), a.auditor, month, month, Extract{
		Begin: func(s Stretch) error {
			drop.Runs = append(drop.Runs, Run{Before: s.Before, Previous: s.Head, Through: s.Before, Head: s.Head})
			return nil
		},
		Each: func(j *ledger.Journal) error {
			run := &drop.Runs[len(drop.Runs)-1]
			run.Through, run.Head = j.Sequence, j.Hash
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return drop
}

// failed are the checks that fail. Contributions of a history count for days at random, so that one of them fails before anything is dropped.
func (a *archived) failed(t *testing.T, options VerifyOptions) []string {
	t.Helper()
	return slices.DeleteFunc(a.verifyWith(t, options).failed(), func(name string) bool { return name == "not-negative-effective" })
}

func (a *archived) drop(t *testing.T, month Month) *DropPlan {
	t.Helper()
	plan, err := DropMonths(t.Context(), a.owner, a.exported(t, month), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// said is all that a view or function says, as text.
func (a *archived) said(t *testing.T, from string) string {
	t.Helper()
	var text string
	if err := a.auditor.QueryRow(t.Context(), "select string_agg(x::text, E'\\n' order by x::text) from "+from+" x").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestBalancesStayWhenMonthsAreDropped(t *testing.T) {
	a := newArchived(t)
	views := []string{
		"report.balances", "report.contra_balances", "report.balances_as_of()", "report.holdings_as_of()",
		"report.balances_as_of(effective => '2008-04-30')", "report.balances_as_of(effective => '2008-05-01')", "report.balances_as_of(recorded => '2008-05-01 00:00Z')",
		"report.holdings_as_of(effective => '2008-05-02', recorded => '2008-05-20 12:00Z')", "report.complete_through",
	}
	before := map[string]string{}
	for _, view := range views {
		before[view] = a.said(t, view)
	}
	journals := int64(0)
	for _, month := range []Month{testMarch, testMarch + 1} {
		plan := a.drop(t, month)
		if plan.Journals == 0 || plan.Postings == 0 || plan.Balances == 0 || plan.Later == 0 || plan.Orders == 0 || plan.Tables != 2*testShards || plan.Bytes == 0 {
			t.Errorf("%s: %+v", month, plan)
		}
		journals += plan.Journals
	}
	if left := count(t, a.super, "select count(*) from ledger.journal"); left != int64(len(a.journals))-journals || left == 0 {
		t.Errorf("%d of %d journals are left after %d were dropped", left, len(a.journals), journals)
	}
	for _, view := range views {
		if now := a.said(t, view); now != before[view] {
			t.Errorf("%s was\n%s\nand is\n%s", view, before[view], now)
		}
	}
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
	a.goesOn(t) // the next journals follow on the opening
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("after more was booked these checks failed: %v", failed)
	}
	a.compareWithFold(t)
}

// compareWithFold asks for both times from the opening on, and compares with what the journals in memory come to.
func (a *archived) compareWithFold(t *testing.T) {
	t.Helper()
	begins := (testMarch + 2).Begin()
	boundary := schemas.DateOf(begins.Time().AddDate(0, 0, -1).Date())
	random := rand.New(rand.NewPCG(20, 21))
	for range 30 {
		effective := boundary + schemas.Date(random.IntN(12))
		recorded := begins + schemas.Instant(random.Int64N(int64(a.complete()-begins)))
		want, got := a.fold(effective, recorded), a.stored(t, BalanceFilter{ByPot: true}, AsOf{EffectiveOn: &effective, RecordedAt: &recorded})
		if !maps.Equal(want, got) {
			t.Errorf("as of %s and %s: %v, want %v", effective, recorded, got, want)
		}
	}
}

func TestQuestionsOfWhichOnlyAnArchiveKnowsAreRefused(t *testing.T) {
	a := newArchived(t)
	a.drop(t, testMarch)
	a.drop(t, testMarch+1)
	for asked, want := range map[string]string{
		"effective => '2008-04-29'":                                          "2008-04 to 2008-04 are in archive ledger-2008-04",
		"effective => '2008-03-31'":                                          "2008-03 to 2008-03 are in archive ledger-2008-03",
		"recorded => '2008-04-30 23:59:59.999Z'":                             "2008-04 to 2008-04 are in archive ledger-2008-04",
		"recorded => '2008-03-01 00:00Z'":                                    "2008-03 to 2008-03 are in archive ledger-2008-03",
		"recorded => '-infinity'":                                            "2008-03 to 2008-03 are in archive ledger-2008-03",
		"effective => '2008-05-02', recorded => '2008-04-02 00:00Z'":         "2008-04 to 2008-04 are in archive ledger-2008-04",
		"effective => '2008-03-02', recorded => '2008-05-02 00:00Z'":         "2008-03 to 2008-03 are in archive ledger-2008-03",
		"effective => '2008-03-02', of_pot => '" + potIn(1, 0) + "'":         "2008-03 to 2008-03 are in archive ledger-2008-03",
		"recorded => '2008-03-30 00:00Z', of_pot => '" + potIn(1, 0) + "'":   "2008-03 to 2008-03 are in archive ledger-2008-03",
		"effective => '2008-04-30', recorded => '2030-05-01 00:00Z'":         "complete only before",
		"effective => '2008-04-29', recorded => '2008-05-01 00:00Z'":         "2008-04 to 2008-04 are in archive ledger-2008-04",
		"effective => '-infinity'":                                           "2008-03 to 2008-03 are in archive ledger-2008-03",
		"effective => '2008-04-30', recorded => '2008-04-30 23:59:59.9999Z'": "2008-04 to 2008-04 are in archive ledger-2008-04",
	} {
		for _, function := range asOfFunctions() {
			if _, err := a.auditor.Exec(t.Context(), "select * from report."+function+"("+asked+")"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s(%s): %v, want %s", function, asked, err, want)
			}
		}
	}
	day := schemas.DateOf(2008, time.April, 2)
	err := Balances(t.Context(), a.auditor, BalanceFilter{}, AsOf{EffectiveOn: &day}, func(Balance) error { return nil })
	if !errors.Is(err, ErrDropped) || !strings.Contains(err.Error(), "penstock ledger load") {
		t.Errorf("balances: %v, want ErrDropped", err)
	}
	if _, _, err := CanonicalHash(t.Context(), a.auditor); !errors.Is(err, ErrDropped) {
		t.Errorf("hash: %v, want ErrDropped", err)
	}
	if err := Journals(t.Context(), a.auditor, func(*ledger.Journal) error { return nil }); !errors.Is(err, ErrDropped) {
		t.Errorf("journals: %v, want ErrDropped", err)
	}
	a.completeBefore(t, testMarch+3)
	nothing := Extract{Begin: func(Stretch) error { return nil }, Each: func(*ledger.Journal) error { return nil }}
	if _, err := JournalsOfMonths(t.Context(), a.auditor, testMarch+1, testMarch+2, nothing); !errors.Is(err, ErrDropped) || strings.Contains(err.Error(), "2008-03") {
		t.Errorf("export: %v, want ErrDropped of April alone", err)
	}
	if rest := a.exported(t, testMarch+2); rest.Runs[1].Before == 0 || rest.Runs[1].Through != a.at[1].Sequence {
		t.Errorf("what is left has %+v", rest.Runs)
	}
}

func TestOnlyTheOldestMonthsThatAnArchiveHasAreDropped(t *testing.T) {
	a := newArchived(t)
	whole := func() string {
		return a.said(t, "ledger.journal") + a.said(t, "ledger.posting") + a.said(t, "report.balances")
	}
	before := whole()
	march := func() Drop { return a.exported(t, testMarch) }
	for name, c := range map[string]struct {
		drop func() Drop
		want string
	}{
		"a later month":        {func() Drop { return a.exported(t, testMarch+1) }, "only the oldest months"},
		"a month under way":    {func() Drop { return Drop{First: testMarch, Last: testMarch + 2, Cluster: "test", Runs: march().Runs} }, "is not over in every shard"},
		"another system":       {func() Drop { d := march(); d.Cluster = "x"; return d }, `of cluster "x"`},
		"a shard too few":      {func() Drop { d := march(); d.Runs = d.Runs[1:]; return d }, "with 2 shards"},
		"months too many":      {func() Drop { d := march(); d.Last++; return d }, "not of exactly these months"},
		"a journal too few":    {func() Drop { d := march(); d.Runs[1].Through--; return d }, "it is not of the same journals"},
		"another last journal": {func() Drop { d := march(); d.Runs[2].Head[0]++; return d }, "it is not of the same journals"},
		"another one before":   {func() Drop { d := march(); d.Runs[0].Previous[0]++; return d }, "only the oldest months"},
		"nobody who acts":      {func() Drop { d := march(); d.Operator = ""; return d }, "dropped_operator_check"},
		"no reason":            {func() Drop { d := march(); d.Reason = ""; return d }, "dropped_reason_check"},
		"months back to front": {func() Drop { d := march(); d.First++; return d }, "lies before"},
		"a journal from beyond": {func() Drop {
			d := march()
			d.Runs[1].Through++
			d.Runs[1].Head = a.exported(t, testMarch+1).Runs[1].Head
			return d
		}, "same journals"},
	} {
		if _, err := DropMonths(t.Context(), a.owner, c.drop(), true, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	done := int64(0)
	plan, err := DropMonths(t.Context(), a.owner, march(), false, func(d, _ int64) { done = d })
	if err != nil || plan.Act != 1 || plan.Journals != done || done == 0 {
		t.Errorf("the plan is %+v after %d journals, %v", plan, done, err)
	}
	if acts, err := DroppedMonths(t.Context(), a.auditor); err != nil || len(acts) != 0 || whole() != before {
		t.Errorf("though nothing was dropped, there is %v (%v), or rows differ", acts, err)
	}
	for _, role := range []Role{RoleAuditor, RoleSink} {
		if _, err := DropMonths(t.Context(), openTestPool(t, a.url, role), march(), true, nil); sqlState(err) != insufficientPrivilege {
			t.Errorf("%s drops months: %v", role, err)
		}
	}
	if _, err := a.super.Exec(t.Context(), unprotected("update ledger.posting_1_2008_03 set quantity = quantity + 100 where sequence = 2 and leg = 1"), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if _, err := DropMonths(t.Context(), a.owner, march(), true, nil); err == nil || !strings.Contains(err.Error(), "journal 2 of shard 1 is not as it was booked") {
		t.Errorf("with a changed row: %v", err)
	}
}

// There are as many trades as days, assets and sides in all years: they are read once for all shards.
func TestADropReadsTheTradesOnce(t *testing.T) {
	a := newArchived(t)
	reads := 0
	config, err := pgxpool.ParseConfig(a.url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = askedAfter{"from ledger.trade", func() { reads++ }}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := DropMonths(t.Context(), pool, a.exported(t, testMarch), false, nil); err != nil || reads != 1 {
		t.Errorf("the trades are read %d times, %v", reads, err)
	}
}

// An act has to go on where the one before ended: the first running balance of each account says what it had.
func TestADropIsRefusedWhereAnEarlierOpeningIsNotWhatItGoesOnWith(t *testing.T) {
	for name, change := range map[string]string{
		"changed": "update ledger.opening_1 set quanta = quanta + 1 where pot is not null and shard = 1",
		"removed": "delete from ledger.opening_1 where shard = 1",
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchived(t)
			a.drop(t, testMarch)
			april := a.exported(t, testMarch+1)
			a.tamper(t, change)
			_, err := DropMonths(t.Context(), a.owner, april, true, nil)
			if err == nil || !strings.Contains(err.Error(), "but the earlier openings come to") {
				t.Errorf("on an opening that was %s: %v", name, err)
			}
		})
	}
}

func TestTheActOfDroppingIsKept(t *testing.T) {
	a := newArchived(t)
	a.drop(t, testMarch)
	if _, err := DropMonths(t.Context(), a.owner, Drop{First: testMarch, Last: testMarch, Cluster: "test", Runs: make([]Run, testShards)}, true, nil); !errors.Is(err, ErrDropped) {
		t.Errorf("the same month again: %v, want ErrDropped", err)
	}
	acts, err := DroppedMonths(t.Context(), a.auditor)
	if err != nil || len(acts) != 1 || acts[0].Operator != "anna" || acts[0].Reason != "older than seven years" || acts[0].String() != "2008-03 in archive ledger-2008-03" {
		t.Errorf("kept is %+v, %v", acts, err)
	}
	if said := a.said(t, "report.openings"); !strings.Contains(said, "2008-03,2008-03") || !strings.Contains(said, "anna") {
		t.Errorf("analysts see %s", said)
	}
	for _, table := range []string{"dropped", "opening_head", "opening", "opening_1", "opening_order", "opening_trade"} {
		for _, statement := range []string{"delete from ledger." + table, "truncate ledger." + table + " cascade"} {
			if _, err := a.owner.Exec(t.Context(), statement); sqlState(err) != integrityViolation {
				t.Errorf("%s: got %v, want SQLSTATE %s", statement, err, integrityViolation)
			}
		}
	}
}

// completeBefore says of every shard that all before a month is booked.
func (a *archived) completeBefore(t *testing.T, month Month) {
	t.Helper()
	for shard, at := range a.at {
		progress := &ledger.Progress{Shard: int32(shard), Sequence: at.Sequence, RecordedBefore: month.Begin()}
		next, err := a.Book(t.Context(), at, Batch{Progress: progress, ProgressOffset: at.ProgressOffset + 1})
		if err != nil {
			t.Fatal(err)
		}
		a.at[shard] = next
	}
}
