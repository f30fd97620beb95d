package postgres

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// asOfFunctions are those that answer as of an effective date and a recorded time.
func asOfFunctions() []string { return []string{"balances_as_of", "holdings_as_of", "postings_as_of"} }

// history is what a test booked into all shards, and how each shard went on.
type history struct {
	*testLedger
	random   *rand.Rand
	chains   [testShards]*testChain
	at       [testShards]Position
	journals []ledger.Journal
}

func newHistory(t *testing.T) *history {
	h := &history{testLedger: openTestLedger(t), random: rand.New(rand.NewPCG(17, 18)), chains: newTestChains()}
	for shard := range h.chains {
		h.at[shard] = h.claim(t, int32(shard))
	}
	return h
}

// goesOn books some hours of contributions and reservations in every shard, which count for days before and after they are recorded, and says how
// far each shard is.
func (h *history) goesOn(t *testing.T) {
	t.Helper()
	for shard, chain := range h.chains {
		var journals []ledger.Journal
		for range 12 {
			chain.at += schemas.Instant(h.random.Int64N(6 * time.Hour.Milliseconds()))
			pot, cause := potIn(int32(shard), h.random.IntN(3)), fmt.Sprint("i-", chain.sequence)
			pence := 100 + h.random.Int64N(10_000)
			journal := chain.journal(pot, cause,
				testMove{"contributed", schemas.Cash, pence, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
				testMove{"reserved", schemas.Cash, 1 + h.random.Int64N(pence), ledger.PotAvailable, ledger.PotReserved, testID(cause), nil})
			for i := range journal.Postings {
				journal.Postings[i].EffectiveOn += schemas.Date(h.random.IntN(7)) - 4
			}
			chain.head = journal.Link(journal.Sequence, journal.Previous)
			journals = append(journals, journal)
		}
		h.journals = append(h.journals, journals...)
		next, err := h.Book(t.Context(), h.at[shard], Batch{
			Journals: journals, JournalOffset: h.at[shard].JournalOffset + int64(len(journals)), ProgressOffset: h.at[shard].ProgressOffset + 1,
			Progress: &ledger.Progress{Shard: int32(shard), Sequence: chain.sequence, RecordedBefore: chain.at + 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at[shard] = next
	}
}

// complete is the least time before which a shard is complete.
func (h *history) complete() schemas.Instant {
	least := h.at[0].RecordedBefore
	for _, at := range h.at {
		least = min(least, at.RecordedBefore)
	}
	return least
}

// fold adds up the journals in memory, by pot, account and asset.
func (h *history) fold(effective schemas.Date, recorded schemas.Instant) map[string]schemas.Quantity {
	balances := map[string]schemas.Quantity{}
	for i := range h.journals {
		for k := range h.journals[i].Postings {
			posting := &h.journals[i].Postings[k]
			if h.journals[i].RecordedAt > recorded || posting.EffectiveOn > effective {
				continue
			}
			for account, change := range map[schemas.Account]schemas.Quantity{posting.From: -posting.Quantity, posting.To: posting.Quantity} {
				key := fmt.Sprint("shard ", h.journals[i].Shard, " ", account)
				if ledger.IsPotAccount(account) {
					key = string(*h.journals[i].Pot) + " " + string(account)
				}
				balances[key] += change
			}
		}
	}
	maps.DeleteFunc(balances, func(_ string, balance schemas.Quantity) bool { return balance == 0 })
	return balances
}

// stored are the same balances as Postgres adds them up.
func (h *history) stored(t *testing.T, filter BalanceFilter, asOf AsOf) map[string]schemas.Quantity {
	t.Helper()
	balances := map[string]schemas.Quantity{}
	err := Balances(t.Context(), h.auditor, filter, asOf, func(b Balance) error {
		key := string(b.Pot) + " " + string(b.Account)
		if b.Pot == "" {
			key = fmt.Sprint("shard ", b.Shard, " ", b.Account)
		}
		if b.Quantity != 0 {
			balances[key] += b.Quantity
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return balances
}

func TestReadsOfBothTimesAreTheFoldOfWhatWasKnown(t *testing.T) {
	h := newHistory(t)
	for range 3 {
		h.goesOn(t)
	}
	for range 40 {
		journal := &h.journals[h.random.IntN(len(h.journals))]
		recorded := min(journal.RecordedAt+schemas.Instant(h.random.IntN(3)-1), h.complete()-1)
		effective := journal.Postings[0].EffectiveOn + schemas.Date(h.random.IntN(3)-1)
		asOf := AsOf{EffectiveOn: &effective, RecordedAt: &recorded}
		want := h.fold(effective, recorded)
		if got := h.stored(t, BalanceFilter{ByPot: true}, asOf); !maps.Equal(got, want) {
			t.Errorf("effective %s, recorded %s: %v, want %v", effective, recorded, got, want)
		}
		pot := *journal.Pot
		maps.DeleteFunc(want, func(key string, _ schemas.Quantity) bool { return !strings.HasPrefix(key, string(pot)+" ") })
		if got := h.stored(t, BalanceFilter{Pot: pot}, asOf); !maps.Equal(got, want) {
			t.Errorf("pot %s, effective %s, recorded %s: %v, want %v", pot, effective, recorded, got, want)
		}
	}
}

func TestTheSameRecordedTimeHasTheSameAnswerLater(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	answers := func(at time.Time) (all []string) {
		for _, function := range asOfFunctions() {
			var answer string
			query := "select coalesce(string_agg(a::text, ';' order by a::text), '') from report." + function + "(recorded => $1) a"
			if err := h.auditor.QueryRow(t.Context(), query, at).Scan(&answer); err != nil {
				t.Fatalf("%s: %v", function, err)
			}
			all = append(all, answer)
		}
		return all
	}
	before, last := map[time.Time][]string{}, (h.complete() - 1).Time()
	for _, at := range []time.Time{h.journals[0].RecordedAt.Time(), (h.complete() / 2).Time(), last} {
		before[at] = answers(at)
	}
	h.goesOn(t)
	h.goesOn(t)
	for at, answer := range before {
		if later := answers(at); strings.Join(later, "\n") != strings.Join(answer, "\n") {
			t.Errorf("as of %s: was %s, is %s", at, answer, later)
		}
	}
	if now := answers((h.complete() - 1).Time()); now[0] == before[last][0] {
		t.Error("a later recorded time has the same answer")
	}
}

func TestATimeForWhichRecordsMayComeIsRefusedByEveryRead(t *testing.T) {
	h := newHistory(t)
	refused := func(when, recorded string) {
		t.Helper()
		for _, function := range asOfFunctions() {
			const invalidParameter = "22023"
			if _, err := h.auditor.Exec(t.Context(), "select * from report."+function+"(recorded => '"+recorded+"')"); sqlState(err) != invalidParameter {
				t.Errorf("%s, %s as of %s: %v", when, function, recorded, err)
			}
		}
	}
	refused("before anything is booked", "1970-01-01 00:00Z")
	refused("before anything is booked", "9999-12-31 00:00Z")
	h.goesOn(t)
	const exactly = "2006-01-02T15:04:05.999Z07:00"
	refused("at the end of what is complete", h.complete().Time().Format(exactly))
	refused("long after", "infinity")
	refused("in a month whose number is too large", "9999-12-31 00:00Z")
	if _, err := h.super.Exec(t.Context(), "delete from ledger.progress"); err != nil {
		t.Fatal(err)
	}
	refused("where nobody says how far it is", "1970-01-01 00:00Z")
}

func TestNothingWasKnownLongAgo(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	for _, recorded := range []string{"-infinity", "4713-01-01 00:00Z BC", "1969-12-31 23:59Z"} {
		for _, function := range asOfFunctions() {
			var known int64
			err := h.auditor.QueryRow(t.Context(), "select count(*) from report."+function+"(recorded => '"+recorded+"')").Scan(&known)
			if err != nil || known != 0 {
				t.Errorf("%s as of %s: %d rows, %v", function, recorded, known, err)
			}
		}
	}
}

func TestPostingsAndHoldingsAsOfAddUpToBalances(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	h.goesOn(t)
	const differs = `select count(*) from (
		(select pot, asset, sum(balance) from report.balances_as_of($1, $2) where pot is not null group by pot, asset having bool_or(balance <> 0))
		except
		(select pot, asset, available + reserved + pending + settled + payable from report.holdings_as_of($1, $2) where total = available + reserved + pending + settled + payable)
	) as missing`
	const posted = `select count(*) from (
		(select pot, account, asset, balance from report.balances_as_of($1, $2, $3) where balance <> 0)
		except
		(select pot, account, asset, sum(amount) from (
			select pot, from_account as account, asset, -quantity as amount from report.postings_as_of($1, $2, $3)
			union all select pot, to_account, asset, quantity from report.postings_as_of($1, $2, $3)) as sides
		where account like 'pot:%' group by pot, account, asset)
	) as missing`
	for range 10 {
		journal := &h.journals[h.random.IntN(len(h.journals))]
		recorded := min(journal.RecordedAt, h.complete()-1).Time()
		effective := journal.Postings[0].EffectiveOn.Time()
		if n := count(t, h.auditor, differs, effective, recorded); n != 0 {
			t.Errorf("%d holdings as of %s and %s are not the sum of balances", n, effective, recorded)
		}
		if n := count(t, h.auditor, posted, effective, recorded, string(*journal.Pot)); n != 0 {
			t.Errorf("%d balances as of %s and %s are not the sum of postings", n, effective, recorded)
		}
	}
	if n := count(t, h.auditor, "select count(*) from report.holdings_as_of()"); n == 0 {
		t.Error("nobody holds anything")
	}
}

// A question about one pot must never read all rows of a month, whatever was asked before in the same session: a plan is kept after some calls. With
// reading tables from end to end made unattractive, as it is in a big ledger, what is counted as read so was read because no index fits.
func TestAQuestionAboutOnePotReadsIndexesOfItsShard(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	pot := potIn(1, 0)
	err := pgx.BeginFunc(t.Context(), h.auditor, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "set local enable_seqscan = off; set local enable_bitmapscan = off"); err != nil {
			return err
		}
		ask := func(function, arguments string) {
			if _, err := tx.Exec(t.Context(), "select * from report."+function+"("+arguments+")"); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			for _, function := range asOfFunctions() {
				ask(function, "")
			}
		}
		const read = `select coalesce(sum(seq_scan), 0), coalesce(sum(idx_scan) filter (where relname ~ '_1_20'), 0), coalesce(sum(idx_scan), 0)
			from pg_stat_xact_user_tables where relname ~ '^(journal|posting)_[0-9]+_20'`
		var before, after [3]int64
		if err := tx.QueryRow(t.Context(), read).Scan(&before[0], &before[1], &before[2]); err != nil {
			return err
		}
		for range 10 {
			for _, function := range asOfFunctions() {
				ask(function, "of_pot => '"+pot+"', recorded => '2008-03-20 12:00Z', effective => '2008-03-20'")
			}
		}
		if err := tx.QueryRow(t.Context(), read).Scan(&after[0], &after[1], &after[2]); err != nil {
			return err
		}
		if whole := after[0] - before[0]; whole != 0 {
			t.Errorf("%d times a table was read from end to end", whole)
		}
		if inShard, all := after[1]-before[1], after[2]-before[2]; inShard == 0 || inShard != all {
			t.Errorf("%d look-ups in the pot's shard, %d in all", inShard, all)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheShardOfAPotIsThatOfThePipeline(t *testing.T) {
	test, random := openTestLedger(t), rand.New(rand.NewPCG(19, 20))
	letters := []rune("abcdefghijklmnopqrstuvwxyz0123456789-_./äß€𝄞")
	pots := []string{"a", "pot-000001"}
	for range 2000 {
		var pot strings.Builder
		for range 1 + random.IntN(40) {
			pot.WriteRune(letters[random.IntN(len(letters))])
		}
		pots = append(pots, pot.String())
	}
	rows, err := test.auditor.Query(t.Context(), "select pot, report.shard_of(pot) from unnest($1::text[]) as pot", pots)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	var pot string
	var shard int32
	_, err = pgx.ForEachRow(rows, []any{&pot, &shard}, func() error {
		asked++
		if want := streams.PartitionOf(pot, testShards); shard != want {
			t.Errorf("%q belongs to shard %d, Postgres says %d", pot, want, shard)
		}
		return nil
	})
	if err != nil || asked != len(pots) {
		t.Errorf("%d of %d pots, %v", asked, len(pots), err)
	}
}

func TestEveryViewColumnAndFunctionForAnalystsSaysWhatItIs(t *testing.T) {
	test := openTestLedger(t)
	const silent = `select coalesce(string_agg(what, ', ' order by what), '') from (
		select c.relname as what from pg_class c where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and obj_description(c.oid) is null
		union all
		select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
			where c.relnamespace = 'report'::regnamespace and c.relkind = 'v' and col_description(c.oid, a.attnum) is null
		union all
		select p.proname || '()' from pg_proc p where p.pronamespace = 'report'::regnamespace and obj_description(p.oid) is null) as silent`
	var names string
	if err := test.super.QueryRow(t.Context(), silent).Scan(&names); err != nil || names != "" {
		t.Errorf("without a comment: %s (%v)", names, err)
	}
}
