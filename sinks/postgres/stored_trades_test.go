package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// fullEvent has something in every field that is booked.
func fullEvent(name string, offset int64, at time.Time) TradeEvent {
	price, settled := schemas.Price(123_456_789), schemas.DateOf(at.Date())
	return TradeEvent{ledger.Trade{
		ID: *testID(name), Trade: *testID("trade-" + name), Event: "settled", RecordedAt: schemas.InstantOf(at), Day: settled - 3, Custodian: "HARBOUR, \"plc\"", Asset: testAsset,
		UnitsScale: testScale, Side: ledger.TradeSideSell, Basis: ledger.TradeBasisUnits, Ordered: 12_345_600, Orders: 3, Root: ledger.TradeRoot{1, 2, 255},
		SettlesOn: settled - 1, Piece: 2, Final: true, Cash: 45_670_000, Units: -8_900, Price: &price, PriceVersion: 4, SettledOn: &settled,
		Confirmation: "c|1:2 ä", Reason: "line\nbreak", Shards: []ledger.ShardPart{{Shard: 0, Weight: 100, Orders: 1, Root: ledger.TradeRoot{7}}, {Shard: 2, Weight: 12_345_500, Orders: 2}},
	}, offset}
}

// TestTheEventsOfMonthsAreThoseThatWereBooked asks for months that follow each other: every event is in one of them, also one that was booked late, and what those
// before have come to is what was signed.
func TestTheEventsOfMonthsAreThoseThatWereBooked(t *testing.T) {
	a := newArchived(t)
	a.completeBefore(t, testMarch+3)
	at, err := a.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	on := func(month time.Month, day int) time.Time {
		return time.Date(2008, month, day, 10, 11, 12, 345_000_000, time.UTC)
	}
	plain := settledTrade()[1]
	plain.Offset, plain.RecordedAt = 3, schemas.InstantOf(on(time.March, 31))
	late := fullEvent("late", 21, on(time.March, 31)) // behind one of April
	events := []TradeEvent{fullEvent("a", 0, on(time.March, 20)), plain, fullEvent("b", 20, on(time.April, 1)), late, fullEvent("c", 22, on(time.May, 2))}
	signed := []anchor.Trades{*a.takeAnchor(t).Trades}
	for i := range events {
		if at, err = a.BookTrades(t.Context(), at, events[i:i+1], events[i].Offset+1); err != nil {
			t.Fatal(err)
		}
		signed = append(signed, *a.takeAnchor(t).Trades)
	}
	digest, next := NewTradeDigest(), 0
	for month, count := range []int{2, 2, 1} {
		extract := Extract{
			Begin: func(Stretch) error { return nil }, Each: func(*ledger.Journal) error { return nil },
			BeginTrades: func(before anchor.Trades) error {
				if before != signed[next] {
					t.Errorf("before month %d is %+v, signed was %+v", month, before, signed[next])
				}
				return nil
			},
			Trade: func(e *TradeEvent) error {
				if !reflect.DeepEqual(*e, events[next]) {
					t.Errorf("event %d is\n%+v, want\n%+v", next, *e, events[next])
				}
				next++
				if digest.Add(e); digest.Come() != signed[next] {
					t.Errorf("with event %d they come to %+v, signed was %+v", next, digest.Come(), signed[next])
				}
				count--
				return nil
			},
		}
		if _, err := JournalsOfMonths(t.Context(), a.auditor, testMarch+Month(month), testMarch+Month(month), extract); err != nil || count != 0 { //nolint:gosec // a few
			t.Errorf("month %d: %v, %d events are missing", month, err, count)
		}
	}
}
