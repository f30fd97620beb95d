package postgres

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

func (l *testLedger) verifyWith(t *testing.T, options VerifyOptions) *Report {
	t.Helper()
	report, err := Verify(t.Context(), l.auditor, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (l *testLedger) takeAnchor(t *testing.T) anchor.Anchor {
	t.Helper()
	a, err := TakeAnchor(t.Context(), l.auditor)
	if err != nil {
		t.Fatal(err)
	}
	return *a
}

func TestAnAnchorSaysWhenTheLastJournalOfEachShardWasRecorded(t *testing.T) {
	test := openTestLedger(t)
	for _, head := range test.takeAnchor(t).Heads {
		if !head.RecordedAt.IsZero() {
			t.Errorf("nothing is booked, and the anchor says %+v", head)
		}
	}
	test.bookLives(t)
	booked := 0
	for _, head := range test.takeAnchor(t).Heads {
		var want time.Time
		const last = "select coalesce(max(recorded_at), '0001-01-01 00:00:00Z') from ledger.journal where shard = $1"
		if err := test.auditor.QueryRow(t.Context(), last, head.Shard).Scan(&want); err != nil {
			t.Fatal(err)
		}
		if !head.RecordedAt.Equal(want) || head.RecordedAt.Location() != time.UTC {
			t.Errorf("shard %d: recorded at %s, the anchor says %s", head.Shard, want, head.RecordedAt)
		}
		booked += int(head.Sequence)
	}
	if booked == 0 {
		t.Error("nothing was booked")
	}
}

// forge changes shard 0 and makes its chain anew from there on, as somebody would who knows how: every hash fits its journal and the one before.
func (l *testLedger) forge(t *testing.T, change string) {
	t.Helper()
	statements := []string{change}
	if _, err := l.super.Exec(t.Context(), unprotected(change), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	err := inSnapshot(t.Context(), l.auditor, func(tx pgx.Tx) error {
		snapshot, err := openShard(t.Context(), tx, 0)
		if err != nil {
			return err
		}
		var head ledger.Hash
		last := int64(0)
		err = snapshot.windows(t.Context(), func(current *window) error {
			for i := range current.journals {
				journal := &current.journals[i].Journal
				old := journal.Sequence
				last++
				journal.Link(last, head)
				head = journal.Hash
				statements = append(statements, "update ledger.journal_0_2008_03 set sequence = "+schemas.Units(last).Text(0)+", hash = '\\x"+hexOf(head)+
					"' where sequence = "+schemas.Units(old).Text(0),
					"update ledger.posting_0_2008_03 set sequence = "+schemas.Units(last).Text(0)+" where sequence = "+schemas.Units(old).Text(0))
			}
			return nil
		})
		statements = append(statements, "update ledger.position set sequence = "+schemas.Units(last).Text(0)+", head = '\\x"+hexOf(head)+
			"' where topic = 'ledger.journal.v1' and partition = 0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.super.Exec(t.Context(), unprotected(strings.Join(statements[1:], ";")), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

func hexOf(hash ledger.Hash) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, octet := range hash {
		b.WriteByte(digits[octet>>4])
		b.WriteByte(digits[octet&15])
	}
	return b.String()
}

// TestAnAnchorShowsAChainThatWasMadeAnew forges a ledger so well that nothing in it contradicts itself.
func TestAnAnchorShowsAChainThatWasMadeAnew(t *testing.T) {
	for name, change := range map[string]string{
		"another cause":    "update ledger.journal_0_2008_03 set cause = 'x' where sequence = 5",
		"another quantity": "update ledger.posting_0_2008_03 set quantity = quantity + 1 where sequence = 4 and leg = 1",
		"one is gone":      "delete from ledger.journal_0_2008_03 where sequence = 3; delete from ledger.posting_0_2008_03 where sequence = 3",
		"two are swapped": `update ledger.journal_0_2008_03 set sequence = case sequence when 3 then 1004 else 1003 end, recorded_at = '2008-03-20 09:00:00.750Z' where sequence in (3, 4);
			update ledger.posting_0_2008_03 set sequence = case sequence when 3 then 4 else 3 end where sequence in (3, 4);
			update ledger.journal_0_2008_03 set sequence = sequence - 1000 where sequence > 1000`,
		"one is added in between": `update ledger.journal_0_2008_03 set sequence = sequence + 1000 where sequence > 5;
			update ledger.posting_0_2008_03 set sequence = sequence + 1000 where sequence > 5;
			update ledger.journal_0_2008_03 set sequence = sequence - 999 where sequence > 1000;
			update ledger.posting_0_2008_03 set sequence = sequence - 999 where sequence > 1000;
			insert into ledger.journal_0_2008_03 select (jsonb_populate_record(j, jsonb_build_object('id', gen_random_uuid(), 'sequence', 6))).* from ledger.journal_0_2008_03 j where sequence = 5;
			insert into ledger.posting_0_2008_03 select (jsonb_populate_record(p, '{"sequence": 6}')).* from ledger.posting_0_2008_03 p where sequence = 5;
			update ledger.position set sequence = 14 where topic = 'ledger.journal.v1' and partition = 0`,
		"the last one is gone":     "delete from ledger.journal_0_2008_03 where sequence = 13; delete from ledger.posting_0_2008_03 where sequence = 13",
		"one recorded a bit later": "update ledger.journal_0_2008_03 set recorded_at = (select recorded_at from ledger.journal_0_2008_03 where sequence = 13) where sequence = 12",
	} {
		t.Run(name, func(t *testing.T) {
			test := openTestLedger(t)
			test.bookLives(t)
			anchors := []anchor.Anchor{test.takeAnchor(t)}
			test.forge(t, change)
			if names := test.verifyWith(t, VerifyOptions{}).failed(); slices.Contains(names, "chain") || slices.Contains(names, "sequence") {
				t.Errorf("the forgery shows by itself: %v", names)
			}
			report := test.verifyWith(t, VerifyOptions{Anchors: anchors})
			check := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == "anchors" })]
			if check.OK() || check.Checked != testShards || !strings.HasPrefix(check.Findings[0].Place, "shard 0 journal 13") {
				t.Errorf("the anchor shows %+v", check)
			}
			if got := test.verifyWith(t, VerifyOptions{Anchors: anchors, Incremental: true}).failed(); !slices.Contains(got, "anchors") {
				t.Errorf("a check of what is new notices nothing of it: %v", got)
			}
		})
	}
}

// TestABalanceThatIsNotItsPostingsIsFoundThoughTheChainFits: the hash covers what a journal says of balances, so who makes the chain anew can lie about them.
func TestABalanceThatIsNotItsPostingsIsFoundThoughTheChainFits(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	test.forge(t, "update ledger.posting_0_2008_03 set to_balance = to_balance + 1 where sequence = 6 and leg = 1")
	report := test.verifyWith(t, VerifyOptions{})
	if got := report.failed(); !slices.Equal(got, []string{"balances", "sum-zero"}) {
		t.Errorf("these checks failed: %v", got)
	}
	check := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == "balances" })]
	if len(check.Findings) == 0 || !strings.HasPrefix(check.Findings[0].Place, "shard 0 journal 6") {
		t.Errorf("found at %+v", check.Findings)
	}
}

func TestAnIncrementalCheckReadsWhatIsNew(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	at := test.claim(t, 0)
	pot := potIn(0, 1)
	first := chain.buy(pot, "i1", 10_000, 500)
	at = test.mustBook(t, at, first...)
	anchors := []anchor.Anchor{test.takeAnchor(t)}
	if report := test.verifyWith(t, VerifyOptions{Anchors: anchors, Incremental: true}); !report.OK() {
		t.Errorf("where nothing is new, these fail: %v", report.failed())
	}
	second := chain.buy(pot, "i2", 5_000, 250)
	test.mustBook(t, at, second...)

	var done, total int64
	report, err := Verify(t.Context(), test.auditor, VerifyOptions{Anchors: anchors, Incremental: true}, func(d, n int64) { done, total = d, n })
	if err != nil || !report.OK() {
		t.Fatalf("%v, failed: %v", err, report.failed())
	}
	if want := int64(len(second)); done != want || total != want {
		t.Errorf("progress ended at %d of %d, want %d", done, total, want)
	}
	for _, name := range []string{"sum-zero", "not-negative-effective"} {
		if slices.ContainsFunc(report.Checks, func(c Check) bool { return c.Name == name }) {
			t.Errorf("%s is said to be checked", name)
		}
	}
	sequence := schemas.Units(len(first) + 2).Text(0)
	change := "update ledger.posting_0_2008_03 set to_balance = to_balance + 1 where to_balance is not null and sequence = " + sequence
	if _, err := test.super.Exec(t.Context(), unprotected(change), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	if got := test.verifyWith(t, VerifyOptions{Anchors: anchors, Incremental: true}).failed(); !slices.Contains(got, "chain") {
		t.Errorf("what was changed since is not found: %v", got)
	}
}

func TestAnchorsOfAnotherLedgerAreRefused(t *testing.T) {
	test := openTestLedger(t)
	test.bookLives(t)
	other := test.takeAnchor(t)
	other.Cluster += "x"
	fewer := test.takeAnchor(t)
	fewer.Heads = fewer.Heads[1:]
	for name, options := range map[string]VerifyOptions{
		"another cluster": {Anchors: []anchor.Anchor{other}},
		"fewer shards":    {Anchors: []anchor.Anchor{fewer}},
		"no anchor":       {Incremental: true},
	} {
		if report, err := Verify(context.Background(), test.auditor, options, nil); err == nil {
			t.Errorf("%s: checked all the same: %v", name, report.failed())
		}
	}
}
