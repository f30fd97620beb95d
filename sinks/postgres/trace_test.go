package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// TestATraceSaysWhetherTheMembersOfATradeAreAll has as many journals in a trade as a trace shows, each with several postings, and then one more.
func TestATraceSaysWhetherTheMembersOfATradeAreAll(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	trade := testID("trade")
	journal := func(i int) ledger.Journal {
		cause := fmt.Sprint("i", i)
		part := testMove{"priced", schemas.Cash, 1, ledger.CashOwed(testCustodian), ledger.PotPending, testID(cause), trade}
		return chain.journal("p1", cause, part, part, part, part, part)
	}
	var journals []ledger.Journal
	for i := range TraceJournalsMax {
		journals = append(journals, journal(i))
	}
	at := test.mustBook(t, test.claim(t, 0), journals...)
	test.mustBookTrade(t, chain.at)
	for more := range 2 {
		trace, err := FindTrace(t.Context(), test.auditor, trade.String())
		if err != nil {
			t.Fatal(err)
		}
		first, last := trace.Journals[0].Sequence, trace.Journals[len(trace.Journals)-1].Sequence
		if len(trace.Journals) != TraceJournalsMax || first != 1 || last != TraceJournalsMax || trace.Truncated != (more > 0) {
			t.Errorf("with %d more: %d journals, from %d to %d, truncated: %t", more, len(trace.Journals), first, last, trace.Truncated)
		}
		at = test.mustBook(t, at, journal(TraceJournalsMax+more))
	}
}

// TestATraceFindsAMemberThatWasParkedForLong books a member's journal half a year after the last event of its trade.
func TestATraceFindsAMemberThatWasParkedForLong(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	test.mustBookTrade(t, chain.at)
	journals := chain.buy("p1", "soon", 10_000, 500)
	chain.at += schemas.Instant(183 * 24 * time.Hour / time.Millisecond)
	journals = append(journals, chain.buy("p2", "late", 10_000, 500)...)
	test.mustBook(t, test.claim(t, 0), journals...)
	trace, err := FindTrace(t.Context(), test.auditor, testID("trade").String())
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Journals) != len(journals) || trace.Truncated {
		t.Errorf("%d of %d journals, truncated: %t", len(trace.Journals), len(journals), trace.Truncated)
	}
}

// TestAnInstructionOfNumbersIsNoPlace has ids of numbers that are too large for a shard, or a leg.
func TestAnInstructionOfNumbersIsNoPlace(t *testing.T) {
	test := openTestLedger(t)
	chain := newTestChain(0)
	journal := chain.journal("12345", "70000", testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil})
	journal.Source = "40001"
	journal.Link(1, [32]byte{})
	test.mustBook(t, test.claim(t, 0), journal)
	trace, err := FindTrace(t.Context(), test.auditor, "40001/12345/70000")
	if err != nil || trace.Kind != "instruction" || len(trace.Journals) != 1 {
		t.Errorf("%+v, %v", trace, err)
	}
	for _, unknown := range []string{"40001/12345/7", "40001/1", "9223372036854775807/1/1", "9223372036854775808/1/1"} {
		if _, err := FindTrace(t.Context(), test.auditor, unknown); !errors.Is(err, ErrNothingTraced) {
			t.Errorf("%s: got %v, want ErrNothingTraced", unknown, err)
		} else if !strings.Contains(err.Error(), streams.StatusInstruction) {
			t.Errorf("%s: %v does not say where the answer to a refused instruction is", unknown, err)
		}
	}
}

// mustBookTrade books that the test's trade was placed.
func (l *testLedger) mustBookTrade(t *testing.T, recorded schemas.Instant) {
	t.Helper()
	at, err := l.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	trade := ledger.Trade{
		ID: *testID("event"), Trade: *testID("trade"), Event: "placed", Day: 13958, Custodian: testCustodian, Asset: testAsset, UnitsScale: testScale,
		Ordered: 100_000_000, SettlesOn: 13962, RecordedAt: recorded,
	}
	if _, err := l.BookTrades(t.Context(), at, []TradeEvent{{trade, 7}}, 8); err != nil {
		t.Fatal(err)
	}
}
