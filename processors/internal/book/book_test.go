package book_test

import (
	"errors"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

func date(t *testing.T, text string) schemas.Date {
	t.Helper()
	d, err := schemas.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at(t *testing.T, text string) schemas.Instant {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.InstantOf(moment)
}

// easter2008 has Good Friday 21 March, Easter Monday 24 March, and an asset on New York days that takes orders until noon.
// From May on its cut-off is at ten, exclusive.
func easter2008(t *testing.T, inclusive bool) *book.Book {
	t.Helper()
	year := func(name string, closed ...schemas.Date) reference.Calendar {
		return reference.Calendar{Name: name, FirstDay: date(t, "2008-01-01"), LastDay: date(t, "2008-12-31"), Closed: closed}
	}
	asset := reference.Asset{
		Code: "AAPL", EffectiveFrom: date(t, "2008-01-02"), Calendar: "XNYS", CutOffMinute: 12 * 60, CutOffInclusive: inclusive, SettlementLag: 3,
	}
	later := asset
	later.EffectiveFrom, later.CutOffMinute, later.CutOffInclusive = date(t, "2008-05-01"), 10*60, false
	b, err := book.New(
		[]reference.Settings{{EffectiveFrom: date(t, "2008-01-01"), PlatformCalendar: "XLON", Zone: "Europe/London"}},
		book.PutAsset(book.PutAsset(nil, &later), &asset),
		[]reference.Calendar{
			year("XLON", date(t, "2008-03-21"), date(t, "2008-03-24"), date(t, "2008-05-05")),
			year("XNYS", date(t, "2008-03-21")),
		})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDealingDayFollowsReceiptCutOffAndBothCalendars(t *testing.T) {
	for _, c := range []struct {
		name, received string
		inclusive      bool
		want           string
	}{
		{"before the cut-off, the same day", "2008-03-20T11:59:59.999Z", true, "2008-03-20"},
		{"in its millisecond, where it is inclusive", "2008-03-20T12:00:00Z", true, "2008-03-20"},
		{"in its millisecond, where it is not: after Easter", "2008-03-20T12:00:00Z", false, "2008-03-25"},
		{"after it: past Good Friday, the weekend and Easter Monday", "2008-03-20T12:00:00.001Z", true, "2008-03-25"},
		{"in summer time noon is 11:00 UTC", "2008-04-01T11:00:00.001Z", true, "2008-04-02"},
		{"on the Sunday the clocks change, the next Monday", "2008-03-30T00:30:00Z", true, "2008-03-31"},
		{"just before midnight in summer, still the day before in UTC", "2008-04-03T23:30:00Z", true, "2008-04-04"},
		{"on a weekend, Monday", "2008-04-05T09:00:00Z", true, "2008-04-07"},
		{"a later row's cut-off holds from its date", "2008-05-01T09:00:00Z", true, "2008-05-02"},
		{"and not before", "2008-04-30T10:30:00Z", true, "2008-04-30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := easter2008(t, c.inclusive).DealingDay("AAPL", at(t, c.received))
			if err != nil || got != date(t, c.want) {
				t.Fatalf("deals on %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestNoDealingDayIsGuessed(t *testing.T) {
	b := easter2008(t, true)
	for name, received := range map[string]string{
		"before there are settings": "2007-12-30T09:00:00Z",
		"after the calendars' end":  "2008-12-31T18:00:00Z",
	} {
		if day, err := b.DealingDay("AAPL", at(t, received)); !errors.Is(err, book.ErrNoDealingDay) {
			t.Errorf("%s: %s, %v", name, day, err)
		}
	}
	if day, err := b.DealingDay("MSFT", at(t, "2008-03-20T09:00:00Z")); !errors.Is(err, book.ErrNoDealingDay) {
		t.Errorf("unknown asset: %s, %v", day, err)
	}
}

func TestSettlementCountsTheAssetsOwnBusinessDays(t *testing.T) {
	got, err := easter2008(t, true).SettlementDate("AAPL", date(t, "2008-03-20"))
	if want := date(t, "2008-03-26"); err != nil || got != want {
		t.Fatalf("settles on %s, %v; want %s: Easter Monday is a business day in New York", got, err, want)
	}
}

func TestPutReplacesTheRowOfTheSameDate(t *testing.T) {
	rows := book.PutAsset(nil, &reference.Asset{Code: "B", EffectiveFrom: 5, Name: "old"})
	rows = book.PutAsset(rows, &reference.Asset{Code: "A", EffectiveFrom: 9})
	next := book.PutAsset(rows, &reference.Asset{Code: "B", EffectiveFrom: 5, Name: "new"})
	if len(next) != 2 || next[0].Code != "A" || next[1].Name != "new" {
		t.Fatalf("rows are %+v", next)
	}
	if rows[1].Name != "old" {
		t.Fatal("the old slice was changed")
	}
}
