package postgres

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func TestBookedJournalsMoveThePosition(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(1)
	journals := chain.life(rand.New(rand.NewPCG(1, 1)), 5)
	position := test.mustBook(t, test.claim(t, 1), journals...)

	claimed := test.claim(t, 1)
	position.Epoch++
	if claimed != position {
		t.Errorf("claimed %+v, booked up to %+v", claimed, position)
	}
	if got := count(t, test.super, "select count(*) from ledger.journal"); got != int64(len(journals)) {
		t.Errorf("%d journals stored, %d booked", got, len(journals))
	}
	if claimed.Sequence != chain.sequence || claimed.Head != chain.head {
		t.Errorf("the chain ends at %d, the position at %d", chain.sequence, claimed.Sequence)
	}
}

func TestABatchMaySpanMonths(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := chain.buy("p", "i1", 100, 5)
	chain.at = schemas.InstantOf(time.Date(2008, time.December, 31, 23, 59, 59, 900e6, time.UTC))
	journals = append(journals, chain.buy("p", "i2", 100, 5)...)
	test.mustBook(t, test.claim(t, 0), journals...)
	if got := count(t, test.super, "select count(distinct month) from ledger.posting"); got != 2 {
		t.Errorf("stored in %d months, want March 2008 and January 2009", got)
	}
	if got := count(t, test.super, "select count(*) from ledger.journal where month <> ledger.month_of(recorded_at)"); got != 0 {
		t.Errorf("%d journals are in another month than they were recorded in", got)
	}
}

func TestAFormerOwnerIsFenced(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	former := test.claim(t, 0)
	test.claim(t, 0)
	_, err := test.Book(t.Context(), former, Batch{Journals: chain.buy("p", "i", 100, 5), JournalOffset: 3})
	if !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if got := count(t, test.super, "select count(*) from ledger.journal"); got != 0 {
		t.Errorf("the former owner stored %d journals", got)
	}
}

func TestADuplicateDeliveryBooksNothing(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	at := test.claim(t, 0)
	batch := Batch{Journals: chain.buy("p", "i", 100, 5), JournalOffset: 3}
	if _, err := test.Book(t.Context(), at, batch); err != nil {
		t.Fatal(err)
	}
	if _, err := test.Book(t.Context(), at, batch); !errors.Is(err, ErrFenced) {
		t.Errorf("the same batch again: got %v, want ErrFenced", err)
	}
	if got := count(t, test.super, "select count(*) from ledger.journal"); got != 3 {
		t.Errorf("%d journals stored, want 3", got)
	}
}

// TestTripwires lists what each tripwire notices. The change is made to the second journal of three.
func TestTripwires(t *testing.T) {
	test := openTestLedger(t)
	relink := func(j []ledger.Journal) { j[1].Link(j[1].Sequence, j[1].Previous) }
	negative := schemas.Quantity(-1_000_000)
	for _, c := range []struct {
		name   string
		reason Reason
		change func([]ledger.Journal) []ledger.Journal
	}{
		{"gap", ReasonSequence, func(j []ledger.Journal) []ledger.Journal { return slices.Delete(j, 1, 2) }},
		{"doubled record", ReasonSequence, func(j []ledger.Journal) []ledger.Journal { return slices.Insert(j, 1, j[0]) }},
		{"swapped", ReasonSequence, func(j []ledger.Journal) []ledger.Journal { j[0], j[1] = j[1], j[0]; return j }},
		{"other predecessor", ReasonPrevious, func(j []ledger.Journal) []ledger.Journal { j[1].Previous[0]++; relink(j); return j }},
		{"changed content", ReasonHash, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].Quantity += 10_000; return j }},
		{"changed hash", ReasonHash, func(j []ledger.Journal) []ledger.Journal { j[1].Hash[31]++; return j }},
		{"other shard", ReasonWrongShard, func(j []ledger.Journal) []ledger.Journal { j[1].Shard = 2; relink(j); return j }},
		{"recorded backwards", ReasonRecordedBackwards, func(j []ledger.Journal) []ledger.Journal { j[1].RecordedAt = 5; relink(j); return j }},
		{"nothing posted", ReasonEmpty, func(j []ledger.Journal) []ledger.Journal { j[1].Postings = nil; relink(j); return j }},
		{"missing leg", ReasonLeg, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[1].Leg = 3; relink(j); return j }},
		{"nothing moved", ReasonQuantity, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].Quantity = 0; relink(j); return j }},
		{"negative", ReasonQuantity, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].Quantity *= -1; relink(j); return j }},
		{"part of a penny", ReasonQuantity, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].Quantity++; relink(j); return j }},
		{"impossible scale", ReasonScale, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].Scale = 7; relink(j); return j }},
		{"one account", ReasonSameAccount, func(j []ledger.Journal) []ledger.Journal {
			j[1].Postings[0].To = j[1].Postings[0].From
			relink(j)
			return j
		}},
		{"no pot", ReasonPot, func(j []ledger.Journal) []ledger.Journal { j[1].Pot = nil; relink(j); return j }},
		{"no balance", ReasonBalance, func(j []ledger.Journal) []ledger.Journal { j[1].Postings[0].FromBalance = nil; relink(j); return j }},
		{"balance of a shared account", ReasonBalance, func(j []ledger.Journal) []ledger.Journal {
			j[1].Postings[0].ToBalance = j[1].Postings[0].FromBalance
			relink(j)
			return j
		}},
		{"overdrawn", ReasonBalance, func(j []ledger.Journal) []ledger.Journal {
			j[1].Postings[2].FromBalance = &negative
			relink(j)
			return j
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := test.claim(t, 1)
			journals := c.change(newTestChain(1).buy("p", "i", 100, 5))
			_, err := test.Book(t.Context(), at, Batch{Journals: journals, JournalOffset: 3})
			var tripwire *TripwireError
			if !errors.As(err, &tripwire) || tripwire.Reason != c.reason {
				t.Errorf("got %v, want tripwire %s", err, c.reason)
			}
			if got := count(t, test.super, "select count(*) from ledger.journal"); got != 0 {
				t.Errorf("%d journals of the batch were stored", got)
			}
		})
	}
}

func TestAnAssetKeepsItsScale(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	at := test.mustBook(t, test.claim(t, 0), chain.buy("p", "i", 100, 5)...)
	journal := chain.close("close", 50, 70)
	journal.Postings[0].Scale = testScale + 1
	journal.Link(journal.Sequence, journal.Previous)
	_, err := test.Book(t.Context(), at, Batch{Journals: []ledger.Journal{journal}, JournalOffset: 4})
	var tripwire *TripwireError
	if !errors.As(err, &tripwire) || tripwire.Reason != ReasonScale {
		t.Errorf("got %v, want tripwire %s", err, ReasonScale)
	}
}

func TestABalanceMayDipWithinAJournal(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	test.mustBook(t, test.claim(t, 0), chain.journal("p", "dip",
		testMove{"reserved", schemas.Cash, 100, ledger.PotAvailable, ledger.PotReserved, nil, nil},
		testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}))
}

func TestAJournalIDIsStoredOnce(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	contribution := testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}
	position := test.mustBook(t, test.claim(t, 0), chain.journal("p", "i", contribution))
	_, err := test.Book(t.Context(), position, Batch{Journals: []ledger.Journal{chain.journal("p", "i", contribution)}, JournalOffset: 2})
	var tripwire *TripwireError
	if !errors.As(err, &tripwire) || tripwire.Reason != ReasonRefused {
		t.Errorf("the same journal under the next number: got %v, want tripwire %s", err, ReasonRefused)
	}
}

// TestWhatTheDatabaseCannotStoreIsATripwire: another attempt would end the same, so waiting for it would be for ever.
func TestWhatTheDatabaseCannotStoreIsATripwire(t *testing.T) {
	test := openTestLedger(t)
	for name, change := range map[string]func(*ledger.Journal){
		"a byte that text cannot have": func(j *ledger.Journal) { j.Cause = "a\x00b" },
		"the same in a shared code":    func(j *ledger.Journal) { j.Rules = "a\x00b" },
		"a time before 1970":           func(j *ledger.Journal) { j.RecordedAt = -1 << 40 },
		"a day that no calendar has":   func(j *ledger.Journal) { j.Postings[0].EffectiveOn = math.MinInt32 + epochDays - 1 },
	} {
		journal := newTestChain(0).buy("p", "i", 100, 5)[0]
		change(&journal)
		journal.Link(1, [32]byte{})
		at := test.claim(t, 0)
		at.RecordedAt = journal.RecordedAt
		at.RecordedBefore = journal.RecordedAt
		_, err := test.Book(t.Context(), at, Batch{Journals: []ledger.Journal{journal}, JournalOffset: 1})
		var tripwire *TripwireError
		if !errors.As(err, &tripwire) || tripwire.Reason != ReasonRefused {
			t.Errorf("%s: got %v, want tripwire %s", name, err, ReasonRefused)
		}
	}
}

func TestAConnectionLostBeforeTheCommitLeavesNothing(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := chain.buy("p", "i", 100, 5)
	at := test.claim(t, 0)
	batch := Batch{Journals: journals, JournalOffset: 3}
	next, err := at.after(batch)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := test.prepare(t.Context(), 0, journals)
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), test.pool, func(tx pgx.Tx) error {
		if err := test.book(t.Context(), tx, at, next, batch, numbers); err != nil {
			t.Error(err)
		}
		test.terminate(t, tx.Conn().PgConn().PID())
		return nil
	})
	if err == nil {
		t.Fatal("the commit on a lost connection reported no error")
	}
	again := test.claim(t, 0)
	if again.Sequence != 0 || again.JournalOffset != 0 {
		t.Fatalf("the position is %+v after a transaction that was not committed", again)
	}
	test.mustBook(t, again, journals...)
	if got := count(t, test.super, "select count(*) from ledger.posting"); got != 6 {
		t.Errorf("%d postings stored, want 6", got)
	}
}

func TestAnAnswerLostAfterTheCommitBooksNothingTwice(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := chain.buy("p", "i", 100, 5)
	at := test.claim(t, 0)
	test.mustBook(t, at, journals...)
	// The owner never heard of it: it claims and goes on from what is stored.
	again := test.claim(t, 0)
	if again.JournalOffset != 3 || again.Sequence != 3 {
		t.Fatalf("the position is %+v after three journals", again)
	}
	if _, err := test.Book(t.Context(), at, Batch{Journals: journals, JournalOffset: 3}); !errors.Is(err, ErrFenced) {
		t.Errorf("going on from the position before: got %v, want ErrFenced", err)
	}
}

func TestAClaimWaitsForATransactionUnderWay(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := chain.buy("p", "i", 100, 5)
	at := test.claim(t, 0)
	batch := Batch{Journals: journals, JournalOffset: 3}
	next, err := at.after(batch)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := test.prepare(t.Context(), 0, journals)
	if err != nil {
		t.Fatal(err)
	}
	claimed := make(chan Position, 1)
	err = pgx.BeginFunc(t.Context(), test.pool, func(tx pgx.Tx) error {
		if err := test.book(t.Context(), tx, at, next, batch, numbers); err != nil {
			return err
		}
		go func() {
			position, err := test.Claim(context.WithoutCancel(t.Context()), 0)
			if err != nil {
				t.Error(err)
			}
			claimed <- position
		}()
		for count(t, test.super, "select count(*) from pg_locks where not granted") == 0 {
			if t.Context().Err() != nil {
				return t.Context().Err()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if position := <-claimed; position.Sequence != 3 {
		t.Errorf("claimed at journal %d, but 3 were committed first", position.Sequence)
	}
}

func TestProgressWaitsForItsJournals(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journals := chain.buy("p", "i", 100, 5)
	progress := &ledger.Progress{Shard: 0, Sequence: 3, RecordedBefore: chain.at + 1}
	at := test.claim(t, 0)
	early := Batch{Journals: journals[:2], JournalOffset: 2, Progress: progress, ProgressOffset: 1}
	var tripwire *TripwireError
	if _, err := test.Book(t.Context(), at, early); !errors.As(err, &tripwire) || tripwire.Reason != ReasonProgress {
		t.Fatalf("progress ahead of its journals: got %v, want tripwire %s", err, ReasonProgress)
	}
	at, err := test.Book(t.Context(), at, Batch{Journals: journals, JournalOffset: 3, Progress: progress, ProgressOffset: 1})
	if err != nil {
		t.Fatal(err)
	}
	backwards := Batch{JournalOffset: 3, Progress: &ledger.Progress{Sequence: 3, RecordedBefore: chain.at}, ProgressOffset: 2}
	if _, err := test.Book(t.Context(), at, backwards); !errors.As(err, &tripwire) || tripwire.Reason != ReasonProgress {
		t.Errorf("progress that runs backwards: got %v, want tripwire %s", err, ReasonProgress)
	}
	chain.at = progress.RecordedBefore - 251
	late := Batch{Journals: []ledger.Journal{chain.journal("p", "late", testMove{
		"contributed", schemas.Cash, 1, ledger.BankClientMoney, ledger.PotAvailable, nil, nil,
	})}, JournalOffset: 4}
	if _, err := test.Book(t.Context(), at, late); !errors.As(err, &tripwire) || tripwire.Reason != ReasonRecordedBackwards {
		t.Errorf("a journal recorded before what was called complete: got %v, want tripwire %s", err, ReasonRecordedBackwards)
	}
}

func TestALedgerOfAnotherSystemIsRefused(t *testing.T) {
	test := openTestLedger(t)
	for name, options := range map[string]LedgerOptions{
		"other shard count": {Shards: testShards + 1, Cluster: "test"},
		"other cluster":     {Shards: testShards, Cluster: "another"},
	} {
		if _, err := OpenLedger(t.Context(), test.pool, options); !errors.Is(err, ErrOtherLedger) {
			t.Errorf("%s: got %v, want ErrOtherLedger", name, err)
		}
	}
	if _, err := OpenLedger(t.Context(), test.pool, LedgerOptions{Shards: testShards, Cluster: "test"}); err != nil {
		t.Errorf("the same system again: %v", err)
	}
}

func (l *testLedger) terminate(t testing.TB, pid uint32) {
	t.Helper()
	if _, err := l.super.Exec(context.Background(), "select pg_terminate_backend($1)", int32(pid)); err != nil {
		t.Fatal(err)
	}
}
