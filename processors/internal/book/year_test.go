package book_test

import (
	"encoding/csv"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// The days that London and New York were really closed on, from the data that the demo ships: London's as they stand there, New York's as weekdays
// without a close of AAPL.
const (
	londonFile = "../../../ops/demo/data/calendar_xlon.csv"
	closesFile = "../../../ops/demo/data/closes.csv"
	yearBegins = "2007-11-01"
	yearEnds   = "2009-03-31"
)

func column(t *testing.T, file string, keep func(row []string) bool) map[string]bool {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	rows, err := csv.NewReader(opened).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	days := make(map[string]bool)
	for _, row := range rows {
		if keep(row) {
			days[row[0]] = true
		}
	}
	return days
}

// market is a calendar as an obvious program keeps it: a set of closed days.
type market struct {
	name   string
	closed map[string]bool
}

func (m market) open(day time.Time) bool {
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !m.closed[day.Format(time.DateOnly)]
}

func (m market) calendar(t *testing.T) reference.Calendar {
	t.Helper()
	c := reference.Calendar{Name: m.name, FirstDay: date(t, yearBegins), LastDay: date(t, yearEnds)}
	for day := range m.closed {
		if d := date(t, day); d >= c.FirstDay && d <= c.LastDay {
			c.Closed = append(c.Closed, d)
		}
	}
	slices.Sort(c.Closed)
	return c
}

func markets(t *testing.T) (london, newYork market) {
	t.Helper()
	london = market{"XLON", column(t, londonFile, func(row []string) bool { return row[1] == "closed" })}
	traded := column(t, closesFile, func(row []string) bool { return row[1] == "AAPL" })
	newYork = market{"XNYS", make(map[string]bool)}
	for day := date(t, yearBegins); day <= date(t, yearEnds); day++ {
		if weekday := day.Weekday(); weekday != time.Saturday && weekday != time.Sunday && !traded[day.String()] {
			newYork.closed[day.String()] = true
		}
	}
	for _, holiday := range []string{"2008-03-21", "2008-03-24", "2008-05-05", "2008-05-26", "2008-08-25", "2008-12-25", "2008-12-26"} {
		if !london.closed[holiday] {
			t.Fatalf("the data do not know that London was closed on %s", holiday)
		}
	}
	if !newYork.closed["2008-11-27"] || newYork.closed["2008-11-28"] {
		t.Fatal("the data do not know Thanksgiving")
	}
	return london, newYork
}

// oracle answers by counting days one after another, from the same facts and with nothing of the book.
type oracle struct {
	platform, home, currency market
	zone                     *time.Location
	minute                   int
	inclusive                bool
	lag                      int
}

func (o *oracle) deals(day time.Time) bool {
	return o.platform.open(day) && o.home.open(day) && o.currency.open(day)
}

func (o *oracle) dealingDay(received time.Time) time.Time {
	local := received.In(o.zone)
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
	for ; ; day = day.AddDate(0, 0, 1) {
		cutOff := time.Date(day.Year(), day.Month(), day.Day(), o.minute/60, o.minute%60, 0, 0, o.zone)
		if o.deals(day) && (received.Before(cutOff) || o.inclusive && received.Equal(cutOff)) {
			return day
		}
	}
}

func (o *oracle) settles(day time.Time) time.Time {
	for left := o.lag; left > 0; {
		day = day.AddDate(0, 0, 1)
		if o.home.open(day) && o.currency.open(day) {
			left--
		}
	}
	return day
}

func (o *oracle) book(t *testing.T) *book.Book {
	t.Helper()
	calendars := []reference.Calendar(nil)
	for _, m := range []market{o.platform, o.home, o.currency} {
		c := m.calendar(t)
		calendars = book.PutCalendar(calendars, &c)
	}
	b, err := book.New(
		[]reference.Settings{{EffectiveFrom: date(t, yearBegins), PlatformCalendar: o.platform.name, Zone: o.zone.String()}},
		[]reference.Asset{{
			Code: "FUND", EffectiveFrom: date(t, yearBegins), Calendar: o.home.name, CurrencyCalendar: o.currency.name,
			CutOffMinute: int32(o.minute), CutOffInclusive: o.inclusive, SettlementLag: int32(o.lag), //nolint:gosec // small numbers
		}}, calendars)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestAYearOfRealDays asks, around the cut-off of every day of 2008 and the clocks' changes in it, on which day something deals and settles, and counts
// the days again in its own way.
func TestAYearOfRealDays(t *testing.T) {
	london, newYork := markets(t)
	for _, zoneName := range []string{"Europe/London", "America/New_York"} {
		for lag := range 6 {
			o := &oracle{platform: london, home: newYork, currency: newYork, zone: zone(t, zoneName), minute: 12 * 60, inclusive: lag%2 == 0, lag: lag}
			b := o.book(t)
			var lastDay, lastSettled schemas.Date
			for day := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() == 2008; day = day.AddDate(0, 0, 1) {
				cutOff := time.Date(day.Year(), day.Month(), day.Day(), o.minute/60, o.minute%60, 0, 0, o.zone)
				for _, off := range []time.Duration{-12 * time.Hour, -time.Millisecond, 0, time.Millisecond} {
					dealt, settled := mustAgree(t, b, o, cutOff.Add(off))
					if dealt < lastDay || settled < lastSettled {
						t.Fatalf("%s, T+%d: received at %s it deals on %s and settles on %s, something earlier on %s and %s",
							zoneName, lag, cutOff.Add(off), dealt, settled, lastDay, lastSettled)
					}
					lastDay, lastSettled = dealt, settled
				}
			}
		}
	}
}

type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustAgree(t failing, b *book.Book, o *oracle, received time.Time) (dealt, settled schemas.Date) {
	t.Helper()
	dealt, err := b.DealingDay("FUND", schemas.InstantOf(received))
	if want := o.dealingDay(received); err != nil || dealt.String() != want.Format(time.DateOnly) {
		t.Fatalf("received at %s it deals on %s, %v; want %s", received, dealt, err, want.Format(time.DateOnly))
	}
	if cutOff, _ := b.CutOff("FUND", dealt); cutOff.Instant(dealt) < schemas.InstantOf(received) {
		t.Fatalf("received at %s it deals at a price that may have been known since %s", received, cutOff.Instant(dealt))
	}
	settled, err = b.SettlementDate("FUND", dealt)
	if want := o.settles(dealt.Time()); err != nil || settled.String() != want.Format(time.DateOnly) {
		t.Fatalf("dealt on %s it settles on %s, %v; want %s", dealt, settled, err, want.Format(time.DateOnly))
	}
	if !o.deals(dealt.Time()) || !o.home.open(settled.Time()) || !o.currency.open(settled.Time()) {
		t.Fatalf("it deals on %s and settles on %s, of which one is no business day", dealt, settled)
	}
	return dealt, settled
}

func TestDealingAndSettlementNeverRunBackwards(t *testing.T) {
	london, newYork := markets(t)
	all := []market{london, newYork}
	zones := []*time.Location{zone(t, "Europe/London"), zone(t, "America/New_York")}
	begin := time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(r *rapid.T) {
		o := &oracle{
			platform: rapid.SampledFrom(all).Draw(r, "platform"), home: rapid.SampledFrom(all).Draw(r, "home"), currency: rapid.SampledFrom(all).Draw(r, "currency"),
			// Cut-offs in the small hours may fall into an hour that clocks skip or show twice: those have a test of their own.
			zone: rapid.SampledFrom(zones).Draw(r, "zone"), minute: rapid.IntRange(4*60, 24*60-1).Draw(r, "minute"),
			inclusive: rapid.Bool().Draw(r, "inclusive"), lag: rapid.IntRange(0, 5).Draw(r, "lag"),
		}
		b := o.book(t)
		minutes := rapid.SliceOfN(rapid.IntRange(0, 366*24*60), 2, 20).Draw(r, "received")
		slices.Sort(minutes)
		var lastDay, lastSettled schemas.Date
		for _, minute := range minutes {
			dealt, settled := mustAgree(r, b, o, begin.Add(time.Duration(minute)*time.Minute))
			if dealt < lastDay || settled < lastSettled {
				r.Fatalf("it deals on %s and settles on %s, something earlier on %s and %s", dealt, settled, lastDay, lastSettled)
			}
			lastDay, lastSettled = dealt, settled
		}
	})
}
