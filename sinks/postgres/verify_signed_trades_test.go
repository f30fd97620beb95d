package postgres

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// signedTrade is a ledger that was told of two trades, with an anchor after each.
type signedTrade struct {
	*testLedger
	anchors []anchor.Anchor
}

func newSignedTrade(t *testing.T) *signedTrade {
	t.Helper()
	s := &signedTrade{testLedger: openTestLedger(t)}
	at, err := s.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tell := func(events []TradeEvent) {
		t.Helper()
		for i := range events {
			events[i].Offset = 10*events[i].Offset + at.Offset // between two there is room for another
		}
		if at, err = s.BookTrades(t.Context(), at, events, events[len(events)-1].Offset+1); err != nil {
			t.Fatal(err)
		}
		s.anchors = append(s.anchors, s.takeAnchor(t))
	}
	tell(settledTrade())
	tell(carriedTrades()[4:])
	return s
}

// first and second are the places of what was told before either anchor.
const first, second = "ledger.trade.v1 offsets 0 to 20", "ledger.trade.v1 offsets 21 to 81"

func TestAnAnchorShowsWhatWasChangedOfTrades(t *testing.T) {
	for name, c := range map[string]struct{ change, place string }{
		"nothing":              {"select 1", ""},
		"changed price":        {"update ledger.trade_event set price = 1 where record_offset = 10", first},
		"changed reason":       {"update ledger.trade_event set reason = 'x' where record_offset = 20", first},
		"changed confirmation": {"update ledger.trade_event set confirmation = 'x' where record_offset = 71", second},
		"changed root":         {"update ledger.trade_event set root = decode(repeat('ab', 32), 'hex') where record_offset = 0", first},
		"changed microsecond":  {"update ledger.trade_event set recorded_at = recorded_at + interval '1 microsecond' where record_offset = 10", first},
		"changed day":          {"update ledger.trade_event set day = day + 1 where record_offset = 81", second},
		"day that never comes": {"update ledger.trade_event set settles_on = 'infinity' where record_offset = 81", second},
		"settled at infinity":  {"update ledger.trade_event set settled_on = 'infinity' where record_offset = 0", first},
		"settled before time":  {"update ledger.trade_event set settled_on = '-infinity' where record_offset = 0", first},
		"recorded before time": {"update ledger.trade_event set recorded_at = '-infinity' where record_offset = 10", first},
		"other custodian":      {"update ledger.trade_event set custodian = 'x' where record_offset = 81", second},
		"changed part":         {"update ledger.trade_part set root = decode(repeat('ab', 32), 'hex') where record_offset = 0", first},
		"dropped part":         {"delete from ledger.trade_part where record_offset = 0", first},
		"dropped event":        {"delete from ledger.trade_event where record_offset = 10", first},
		"dropped last event":   {"delete from ledger.trade_event where record_offset = 81", second},
		"inserted event": {`insert into ledger.trade_event
			select (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'record_offset', 15))).*
			from ledger.trade_event e where record_offset = 10`, first},
		"swapped events": {`update ledger.trade_event set record_offset = -1 where record_offset = 10;
			update ledger.trade_event set record_offset = 10 where record_offset = 20;
			update ledger.trade_event set record_offset = 20 where record_offset = -1`, first},
		"renamed asset":         {"update ledger.asset set code = 'x' where code <> 'GBP'", first},
		"another trade's event": {"update ledger.trade_event set trade = (select max(id) from ledger.trade) where record_offset = 20", first},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSignedTrade(t)
			if _, err := s.super.Exec(t.Context(), unprotected(c.change), pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			for _, incremental := range []bool{false, true} {
				report := s.verifyWith(t, VerifyOptions{Anchors: s.anchors, Incremental: incremental})
				check := report.Checks[slices.IndexFunc(report.Checks, func(k Check) bool { return k.Name == "signed-trades" })]
				var places []string
				for _, finding := range check.Findings {
					places = append(places, finding.Place)
				}
				want := []string{c.place}
				switch name {
				case "nothing":
					want = nil
				case "renamed asset":
					want = []string{first, second}
				}
				if !slices.Equal(places, want) || check.Checked != 6 {
					t.Errorf("incremental %v: of %d events it finds %+v", incremental, check.Checked, check.Findings)
				}
			}
		})
	}
}

// What was signed once stays signed: who verifies with a later binary compares with these digests.
func TestTheDigestOfTradesStaysWhatItIs(t *testing.T) {
	s := newSignedTrade(t)
	for i, want := range []string{
		"33a0fec783247822bb9c3d7f7ccf2abce63b429e8fce8cb0834130af58917989", "84b32b9a27fa83c6a1a1e786bc8445568303bbe1078f57a20f38dadd3e142544",
	} {
		if got := s.anchors[i].Trades.Digest; got != want {
			t.Errorf("digest %d is %s, want %s", i, got, want)
		}
	}
}

// The time by which events were recorded is that of the latest, whatever order they came in, and that of a day which never comes is none.
func TestAnAnchorTellsByWhenTradesWereRecorded(t *testing.T) {
	s := newSignedTrade(t)
	first := s.anchors[0].TradesUntil
	const changes = "update ledger.trade_event set recorded_at = %s where record_offset = %d"
	for _, change := range []string{fmt.Sprintf(changes, "'2030-01-02 03:04:05Z'", 10), fmt.Sprintf(changes, "'infinity'", 81)} {
		if _, err := s.super.Exec(t.Context(), unprotected(change), pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	if a := s.takeAnchor(t); first.IsZero() || !a.TradesUntil.Equal(time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("it was %s and is %s", first, a.TradesUntil)
	}
}

// An anchor from before trades were signed says nothing of them.
func TestAnchorsThatTellNothingOfTradesAreNotComparedWithThem(t *testing.T) {
	s := newSignedTrade(t)
	for i := range s.anchors {
		s.anchors[i].Trades = nil
	}
	report := s.verifyWith(t, VerifyOptions{Anchors: s.anchors})
	if !report.OK() || slices.ContainsFunc(report.Checks, func(k Check) bool { return k.Name == "signed-trades" }) {
		t.Errorf("checked were %+v", report.Checks)
	}
}
