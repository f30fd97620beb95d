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
		got, err := newYork2008(t).AddBusinessDays(date(t, c.from), c.lag)
		if err != nil || got != date(t, c.want) {
			t.Errorf("%s + %d: %s, %v; want %s", c.from, c.lag, got, err, c.want)
		}
	}
}

func TestBeyondItsDaysACalendarDoesNotGuess(t *testing.T) {
	if _, err := newYork2008(t).AddBusinessDays(date(t, "2008-12-31"), 1); !errors.Is(err, calendar.ErrUnknown) {
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
