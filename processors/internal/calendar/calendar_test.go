package calendar_test

import (
	"errors"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/penstock-ledger/penstock/processors/internal/calendar"
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

func newYork2008(t *testing.T) calendar.Calendar {
	t.Helper()
	return calendar.New(&reference.Calendar{
		Name: "XNYS", FirstDay: date(t, "2008-01-01"), LastDay: date(t, "2008-12-31"),
		Closed: []schemas.Date{date(t, "2008-03-21")},
	})
}

func noon(t *testing.T, inclusive bool) calendar.CutOff {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return calendar.CutOff{Minute: 12 * 60, Inclusive: inclusive, Zone: zone}
}

func TestACutOffIsPassedExactlyWhenNothingCanBeInTime(t *testing.T) {
	day := date(t, "2008-04-01")
	for _, inclusive := range []bool{true, false} {
		cutOff := noon(t, inclusive)
		for offset := schemas.Instant(-2); offset <= 2; offset++ {
			moment := cutOff.Instant(day) + offset
			if cutOff.Passed(moment, day) == cutOff.InTime(moment, day) {
				t.Errorf("inclusive %v, offset %d ms: both or neither", inclusive, offset)
			}
		}
	}
}

func TestSettlementCountsBusinessDays(t *testing.T) {
	for _, c := range []struct {
		from string
		lag  int
		want string
	}{
		{"2008-03-20", 0, "2008-03-20"},
		{"2008-03-20", 1, "2008-03-24"},
		{"2008-03-20", 3, "2008-03-26"},
		{"2008-04-18", 5, "2008-04-25"},
	} {
		got, err := calendar.AddBusinessDays(date(t, c.from), c.lag, newYork2008(t))
		if err != nil || got != date(t, c.want) {
			t.Errorf("%s + %d: %s, %v; want %s", c.from, c.lag, got, err, c.want)
		}
	}
}

func TestBeyondItsDaysACalendarDoesNotGuess(t *testing.T) {
	if _, err := calendar.AddBusinessDays(date(t, "2008-12-31"), 1, newYork2008(t)); !errors.Is(err, calendar.ErrUnknown) {
		t.Errorf("after the last day: %v", err)
	}
	if _, err := calendar.NextOpen(date(t, "2007-06-01"), newYork2008(t)); !errors.Is(err, calendar.ErrUnknown) {
		t.Errorf("before the first day: %v", err)
	}
}

func TestCheckRefusesWhatIsNotACalendar(t *testing.T) {
	good := reference.Calendar{Name: "X", FirstDay: 1, LastDay: 9, Closed: []schemas.Date{2, 3}}
	if err := calendar.Check(&good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]reference.Calendar{
		"no name":          {FirstDay: 1, LastDay: 9},
		"backwards":        {Name: "X", FirstDay: 9, LastDay: 1},
		"closed unordered": {Name: "X", FirstDay: 1, LastDay: 9, Closed: []schemas.Date{3, 2}},
		"closed twice":     {Name: "X", FirstDay: 1, LastDay: 9, Closed: []schemas.Date{3, 3}},
	} {
		if calendar.Check(&bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestACutOffOnADayWhenClocksChange(t *testing.T) {
	for _, c := range []struct {
		zone, day string
		minute    int32
		want      string
	}{
		{"Europe/London", "2008-03-30", 12 * 60, "2008-03-30T11:00:00Z"},
		{"Europe/London", "2008-03-30", 0, "2008-03-30T00:00:00Z"},
		{"Europe/London", "2008-03-30", 90, "2008-03-30T01:00:00Z"}, // 01:30 is skipped: the moment of the jump
		{"Europe/London", "2008-10-26", 12 * 60, "2008-10-26T12:00:00Z"},
		{"Europe/London", "2008-10-26", 90, "2008-10-26T00:30:00Z"}, // 01:30 is shown twice: the first time
		{"America/New_York", "2008-03-09", 12 * 60, "2008-03-09T16:00:00Z"},
		{"America/New_York", "2008-03-09", 150, "2008-03-09T07:00:00Z"},
		{"America/New_York", "2008-11-02", 12 * 60, "2008-11-02T17:00:00Z"},
		{"America/New_York", "2008-11-02", 90, "2008-11-02T05:30:00Z"},
		// In Amman clocks changed on business days: at midnight forwards, and at one o'clock back to midnight.
		{"Asia/Amman", "2008-03-28", 0, "2008-03-27T22:00:00Z"},
		{"Asia/Amman", "2008-03-28", 30, "2008-03-27T22:00:00Z"},
		{"Asia/Amman", "2008-10-31", 30, "2008-10-30T21:30:00Z"},
		{"Asia/Kathmandu", "2008-03-30", 12 * 60, "2008-03-30T06:15:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got := calendar.CutOff{Minute: c.minute, Zone: zone}.Instant(date(t, c.day)).Time().Format(time.RFC3339)
		if got != c.want {
			t.Errorf("minute %d of %s in %s is %s, want %s", c.minute, c.day, c.zone, got, c.want)
		}
	}
}
