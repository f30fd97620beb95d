package postgres

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// quarter has journals of March and May 2008 in shards 0 and 1, none in April, and none in shard 2. Everything before 2 June is complete.
func quarter(t *testing.T) *testLedger {
	t.Helper()
	test := openTestLedger(t)
	complete := schemas.InstantOf(time.Date(2008, time.June, 2, 0, 0, 0, 0, time.UTC))
	for shard := range int32(testShards) {
		chain := newTestChain(shard)
		var journals []ledger.Journal
		if shard < 2 {
			journals = chain.buy(potIn(shard, 1), "march", 10_000, 500)
			chain.at = schemas.InstantOf(time.Date(2008, time.May, 1, 0, 0, 0, 0, time.UTC)) - 250 // the first moment of May
			journals = append(journals, chain.buy(potIn(shard, 2), "may", 10_000, 500)...)
		}
		progress := &ledger.Progress{Shard: shard, Sequence: chain.sequence, RecordedBefore: complete}
		if _, err := test.Book(t.Context(), test.claim(t, shard), Batch{Journals: journals, JournalOffset: int64(len(journals)), Progress: progress, ProgressOffset: 1}); err != nil {
			t.Fatal(err)
		}
	}
	return test
}

func TestTheJournalsOfMonthsComeWholeWithTheHashBeforeThem(t *testing.T) {
	test := quarter(t)
	march := MonthOf(schemas.InstantOf(time.Date(2008, time.March, 31, 23, 59, 59, 0, time.UTC)))
	for _, c := range []struct {
		first, last Month
		want        string
	}{
		{march, march, "[0 after 0: 1 2 3] [1 after 0: 1 2 3] [2 after 0:]"},
		{march + 1, march + 1, "[0 after 3:] [1 after 3:] [2 after 0:]"},
		{march + 1, march + 2, "[0 after 3: 4 5 6] [1 after 3: 4 5 6] [2 after 0:]"},
		{march - 9, march + 2, "[0 after 0: 1 2 3 4 5 6] [1 after 0: 1 2 3 4 5 6] [2 after 0:]"},
	} {
		got, heads := "", map[int64]ledger.Hash{}
		cluster, err := JournalsOfMonths(t.Context(), test.auditor, c.first, c.last, Extract{
			Begin: func(s Stretch) error {
				got += fmt.Sprintf("] [%d after %d:", s.Shard, s.Before)
				heads = map[int64]ledger.Hash{s.Before: s.Head}
				return nil
			},
			Each: func(j *ledger.Journal) error {
				got += fmt.Sprint(" ", j.Sequence)
				heads[j.Sequence] = j.Hash
				if j.Previous != heads[j.Sequence-1] || j.Hash != j.ExpectedHash() {
					t.Errorf("journal %d of shard %d does not follow from the one before", j.Sequence, j.Shard)
				}
				return nil
			},
		})
		if got = got[min(2, len(got)):] + "]"; err != nil || got != c.want || cluster == "" {
			t.Errorf("%s to %s of cluster %q: %s, want %s: %v", c.first, c.last, cluster, got, c.want, err)
		}
	}
}

func TestAMonthThatIsNotOverIsNotExtracted(t *testing.T) {
	test := quarter(t)
	june := MonthOf(schemas.InstantOf(time.Date(2008, time.June, 1, 0, 0, 0, 0, time.UTC)))
	nothing := Extract{Begin: func(Stretch) error { return nil }, Each: func(*ledger.Journal) error { return nil }}
	if _, err := JournalsOfMonths(t.Context(), test.auditor, june-1, june, nothing); !errors.Is(err, ErrNotComplete) {
		t.Errorf("got %v, want ErrNotComplete", err)
	}
	if months := []string{june.String(), (june - 6).String(), Month(0).String()}; !slices.Equal(months, []string{"2008-06", "2007-12", "1970-01"}) {
		t.Errorf("the months are %v", months)
	}
}
