package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// events are those of two trades, and what they come to after each; the first is what they come to before.
func events(t *testing.T) (all []postgres.TradeEvent, come []anchor.Trades) {
	t.Helper()
	digest, price, day := postgres.NewTradeDigest(), schemas.Price(7_812_500_000), schemas.Date(13958)
	come = append(come, digest.Come())
	for n := range int64(6) {
		e := postgres.TradeEvent{Offset: 10 * n, Trade: ledger.Trade{
			ID: schemas.DeriveID("event", fmt.Sprint(n)), Trade: schemas.ID{byte(n % 2)}, Event: "priced", RecordedAt: recorded(n / 2), Day: day, Custodian: "HARBOUR",
			Asset: "GB00X", UnitsScale: 4, Side: ledger.TradeSideSell, Basis: ledger.TradeBasisUnits, Ordered: 1_234_500, Orders: 2, SettlesOn: day + 2, Piece: 1,
			Final: n%2 == 0, Cash: 60_000_000, Units: 7_500, Confirmation: "c \"1\"\nnext, line", Root: ledger.TradeRoot{9, 9},
		}}
		switch n % 3 {
		case 0:
			e.Shards = []ledger.ShardPart{{Shard: 0, Weight: 1_000_000, Orders: 1, Root: ledger.TradeRoot{1}}, {Shard: 2, Weight: 234_500, Orders: 1, Root: ledger.TradeRoot{2}}}
		case 1:
			e.Price, e.PriceVersion = &price, 1
		case 2:
			e.SettledOn = &day
		}
		digest.Add(&e)
		all, come = append(all, e), append(come, digest.Come())
	}
	return all, come
}

// writtenWithTrades writes an archive of the journals and of the events from one index on up to another.
func writtenWithTrades(t *testing.T, from, to, firstEvent, lastEvent int, change func(*postgres.TradeEvent)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "archive")
	w, err := archive.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for shard, journals := range chains() {
		before, previous := int64(0), ledger.Hash{}
		if len(journals) > 0 {
			before, previous, journals = journals[from].Sequence-1, journals[from].Previous, journals[from:to]
		}
		err = errors.Join(err, w.Begin(int32(shard), before, previous))
		for i := range journals {
			err = errors.Join(err, w.Add(&journals[i]))
		}
	}
	all, come := events(t)
	err = errors.Join(err, w.BeginTrades(come[firstEvent]))
	for i := firstEvent; i < lastEvent; i++ {
		if change != nil {
			change(&all[i])
		}
		err = errors.Join(err, w.AddTrade(&all[i]))
	}
	if _, closing := w.Close("cluster"); errors.Join(err, closing) != nil {
		t.Fatal(errors.Join(err, closing))
	}
	return dir
}

// signedTrades is an anchor over the first events, and no journals.
func signedTrades(come anchor.Trades) anchor.Anchor {
	a := signedAt(chains(), 1)
	a.Trades = &come
	return a
}

func TestTheEventsThatAreReadAreThoseThatWereWritten(t *testing.T) {
	march, april := writtenWithTrades(t, 0, 2, 0, 4, nil), writtenWithTrades(t, 2, 4, 4, 6, nil)
	all, come := events(t)
	var got []postgres.TradeEvent
	for _, dir := range []string{march, april} {
		if _, err := archive.ReadTrades(dir, func(e *postgres.TradeEvent) error { got = append(got, *e); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, all) {
		t.Errorf("read %+v\nwant %+v", got, all)
	}
	found, err := archive.Verify([]string{march, april}, []anchor.Anchor{signedTrades(come[2]), signedTrades(come[5])})
	if err != nil || found.Events != 6 || found.AnchoredEvents != 2 || found.UnsignedEvents != 1 {
		t.Errorf("verified were %+v, %v", found, err)
	}
	if found, err = archive.Verify([]string{april}, []anchor.Anchor{signedTrades(come[2]), signedTrades(come[4]), signedAt(chains(), 2)}); err != nil ||
		found.Events != 2 || found.AnchoredEvents != 1 || found.UnsignedEvents != 2 {
		t.Errorf("alone, what comes later is %+v, %v", found, err)
	}
	if _, err := archive.Verify([]string{march, writtenWithTrades(t, 2, 4, 5, 6, nil)}, nil); !errors.Is(err, archive.ErrNotIntact) || !strings.Contains(err.Error(), "export them again") {
		t.Errorf("with an event between: %v", err)
	}
}

func TestEveryChangeOfTradesIsFound(t *testing.T) {
	dir := writtenWithTrades(t, 0, 1, 1, 4, nil)
	for _, name := range []string{"trades.csv", "trade-parts.csv", "manifest.json"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, changed := range changes(string(text)) {
			ofTrades := strings.Contains(what, `"events"`) || strings.Contains(what, `"digest"`)
			if name == "manifest.json" && !ofTrades {
				continue // the offset of the last event before only the archive before and anchors have; the rest has its own test
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Read(dir, nil); err == nil {
				t.Errorf("%s: %s, and nobody notices", name, what)
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := archive.Read(dir, nil); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

// Events carry no hash. Who writes all anew, the manifest too, is found by what was signed, and by nothing else.
func TestAForgerOfTradesIsFoundByWhatWasSigned(t *testing.T) {
	_, come := events(t)
	for name, dir := range map[string]string{
		"another price":   writtenWithTrades(t, 0, 2, 0, 4, func(e *postgres.TradeEvent) { e.Price = nil }),
		"other cash":      writtenWithTrades(t, 0, 2, 0, 4, func(e *postgres.TradeEvent) { e.Cash += 10_000 }),
		"finer cash":      writtenWithTrades(t, 0, 2, 0, 4, func(e *postgres.TradeEvent) { e.Cash++ }),
		"another offset":  writtenWithTrades(t, 0, 2, 0, 4, func(e *postgres.TradeEvent) { e.Offset++ }),
		"another part":    writtenWithTrades(t, 0, 2, 0, 4, func(e *postgres.TradeEvent) { e.Shards = nil }),
		"other beginning": rewrittenTrades(t, func(m *archive.Manifest) { m.Trades.Before, m.Trades.Through = come[0], come[0] }),
	} {
		if _, err := archive.Verify([]string{dir}, nil); (err != nil) != (name == "other beginning") {
			t.Errorf("%s: without anchors %v", name, err)
		}
		if _, err := archive.Verify([]string{dir}, []anchor.Anchor{signedTrades(come[3])}); !errors.Is(err, archive.ErrNotIntact) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// dated is signedTrades with the month in which the last of the events was recorded.
func dated(t *testing.T, count int) anchor.Anchor {
	t.Helper()
	all, come := events(t)
	a := signedTrades(come[count])
	if count > 0 {
		a.TradesUntil = all[count-1].RecordedAt.Time()
	}
	return a
}

// Two events each were recorded in March, April and May, and the archives say that they have the journals of March and April.
func TestSignedEventsOfTradesThatAreGoneAreMissed(t *testing.T) {
	_, come := events(t)
	forge := func(e *postgres.TradeEvent) { e.Cash += 10_000 }
	whole := writtenWithTrades(t, 0, 2, 0, 4, nil)
	cut, cutForged, none := writtenWithTrades(t, 0, 2, 0, 3, nil), writtenWithTrades(t, 0, 2, 0, 3, forge), writtenWithTrades(t, 0, 2, 0, 0, nil)
	late := writtenWithTrades(t, 1, 2, 3, 4, nil)
	old := rewrittenTrades(t, withoutTrades)
	for name, c := range map[string]struct {
		dir     string
		anchors []anchor.Anchor
		says    string // nothing: it is right
	}{
		"whole":                                  {whole, []anchor.Anchor{dated(t, 0), dated(t, 2), dated(t, 4), dated(t, 6)}, ""},
		"whole, and signed only later":           {whole, []anchor.Anchor{dated(t, 6)}, ""},
		"cut at the end":                         {cut, []anchor.Anchor{dated(t, 2), dated(t, 4)}, "offset 30, recorded by 2008-04, was signed and is not there"},
		"cut at the end, and the rest forged":    {cutForged, []anchor.Anchor{dated(t, 4)}, "offset 30, recorded by 2008-04, was signed and is not there"},
		"cut altogether":                         {none, []anchor.Anchor{dated(t, 4)}, "offset 30, recorded by 2008-04, was signed and is not there"},
		"cut at the beginning":                   {late, []anchor.Anchor{dated(t, 3), dated(t, 4)}, "offset 20, recorded by 2008-04, was signed and is not there"},
		"called one of before":                   {old, []anchor.Anchor{dated(t, 4)}, "offset 30, recorded by 2008-04, was signed and is not there"},
		"forged, and signed without a month":     {cutForged, []anchor.Anchor{signedTrades(come[4])}, "nothing signed vouches for them"},
		"another word for the same, with months": {whole, []anchor.Anchor{signedTrades(come[4]), dated(t, 4), signedTrades(come[4])}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if found, err := archive.Verify([]string{c.dir}, nil); err != nil {
				t.Fatalf("it shows without anchors: %+v, %v", found, err)
			}
			switch found, err := archive.Verify([]string{c.dir}, c.anchors); {
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("found %+v, %v", found, err)
			case c.says == "" && (err != nil || found.UndecidedEvents != 0):
				t.Errorf("it is right, and found is %+v, %v", found, err)
			}
		})
	}
}

// What was signed beyond, without a month, may have come later or be gone: it is counted, also where there is nothing to compare it with.
func TestSignedTradesWithoutAMonthDecideLess(t *testing.T) {
	_, come := events(t)
	anchors := []anchor.Anchor{signedTrades(come[0]), signedTrades(come[2]), signedTrades(come[4]), signedTrades(come[6])}
	for name, c := range map[string]struct {
		dir                 string
		anchored, undecided int
	}{
		"cut at the end":       {writtenWithTrades(t, 0, 2, 0, 3, nil), 1, 2},
		"whole":                {writtenWithTrades(t, 0, 2, 0, 4, nil), 2, 1},
		"cut altogether":       {writtenWithTrades(t, 0, 2, 0, 0, nil), 0, 3},
		"called one of before": {rewrittenTrades(t, withoutTrades), 0, 3},
	} {
		if found, err := archive.Verify([]string{c.dir}, anchors); err != nil || found.AnchoredEvents != c.anchored || found.UndecidedEvents != c.undecided {
			t.Errorf("%s: found %+v, %v", name, found, err)
		}
	}
}

// withoutTrades makes the manifest one from before trades were exported.
func withoutTrades(m *archive.Manifest) {
	m.Format, m.Trades = "penstock-archive/1", nil
	m.Files = slices.DeleteFunc(m.Files, func(f archive.File) bool { return strings.HasPrefix(f.Name, "trade") })
}

// rewrittenTrades writes an archive whose manifest was changed.
func rewrittenTrades(t *testing.T, change func(*archive.Manifest)) string {
	t.Helper()
	return manifestChanged(t, writtenWithTrades(t, 0, 2, 0, 4, nil), change)
}

// TestRowsOfTradesInAnotherFormAreFound writes rows anew that say the same to this program.
func TestRowsOfTradesInAnotherFormAreFound(t *testing.T) {
	for name, c := range map[string]struct{ file, old, changed string }{
		"another flag":         {"trades.csv", ",true,", ",TRUE,"},
		"another side":         {"trades.csv", ",SELL,", ",sell,"},
		"fewer decimals":       {"trades.csv", ",60.000000,", ",60.00,"},
		"another price":        {"trades.csv", ",78.12500000,", ",78.125,"},
		"a number with a sign": {"trade-parts.csv", "\n0,0,", "\n0,+0,"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writtenWithTrades(t, 0, 2, 0, 4, nil)
			path := filepath.Join(dir, c.file)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			after := bytes.ReplaceAll(before, []byte(c.old), []byte(c.changed))
			if bytes.Equal(after, before) {
				t.Fatal("nothing was changed")
			}
			dir = rewrittenTrades(t, func(m *archive.Manifest) {
				for i := range m.Files {
					if sum := sha256.Sum256(after); m.Files[i].Name == c.file {
						m.Files[i].Bytes, m.Files[i].SHA256 = int64(len(after)), hex.EncodeToString(sum[:])
					}
				}
			})
			if err := os.WriteFile(filepath.Join(dir, c.file), after, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Read(dir, nil); !errors.Is(err, archive.ErrNotIntact) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAnArchiveFromBeforeTradesIsRead takes what was written then: the same without what is said of trades.
func TestAnArchiveFromBeforeTradesIsRead(t *testing.T) {
	_, come := events(t)
	old := rewrittenTrades(t, withoutTrades)
	found, err := archive.Verify([]string{old, writtenWithTrades(t, 2, 4, 4, 6, nil)}, []anchor.Anchor{signedTrades(come[2]), signedTrades(come[5])})
	if err != nil || found.Events != 2 || found.AnchoredEvents != 1 || found.UnsignedEvents != 1 {
		t.Errorf("verified were %+v, %v", found, err)
	}
	for name, change := range map[string]func(*archive.Manifest){
		"the form of before with trades": func(m *archive.Manifest) { m.Format = "penstock-archive/1" },
		"this form without":              func(m *archive.Manifest) { m.Trades = nil },
		"trades from nowhere":            func(m *archive.Manifest) { m.Trades.Before.Digest = come[1].Digest },
	} {
		if _, err := archive.ReadManifest(rewrittenTrades(t, change)); !errors.Is(err, archive.ErrNotIntact) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
