// Package calendar answers on which days an asset deals and settles, from reference data alone.
//
// A dealing day is a weekday on which the calendars of the platform, of the asset and of its currency are all open. Settlement counts the
// days on which the asset's market and its currency are. A calendar knows a first and a last day; beyond them there is no answer, and no guess.
package calendar

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// ErrUnknown says that a calendar does not know the day that was asked for.
var ErrUnknown = errors.New("the calendar does not know that day")

// searchDaysMax bounds every search for an open day: no market is closed for a year.
const searchDaysMax = 366

// clocksChangeWithin is how far from a moment its offset from UTC is looked at: further than any offset, and no zone changes twice within
// so short a time.
const clocksChangeWithin = 24 * time.Hour

// Calendar tells open days from closed ones.
type Calendar struct {
	first, last schemas.Date
	closed      []schemas.Date
}

// New makes a calendar of its reference data.
func New(data *reference.Calendar) Calendar {
	return Calendar{data.FirstDay, data.LastDay, data.Closed}
}

// Check says what is wrong with a calendar's reference data, or nil.
func Check(data *reference.Calendar) error {
	if data.Name == "" || data.FirstDay > data.LastDay {
		return fmt.Errorf("calendar %q runs from %s to %s", data.Name, data.FirstDay, data.LastDay)
	}
	for i, day := range data.Closed {
		if i > 0 && day <= data.Closed[i-1] {
			return fmt.Errorf("calendar %q: closed days do not ascend at %s", data.Name, day)
		}
	}
	return nil
}

// Open says whether the day is open, or ErrUnknown.
func (c Calendar) Open(day schemas.Date) (bool, error) {
	if day < c.first || day > c.last {
		return false, fmt.Errorf("%w: %s is not within %s to %s", ErrUnknown, day, c.first, c.last)
	}
	if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		return false, nil
	}
	_, closed := slices.BinarySearch(c.closed, day)
	return !closed, nil
}

// AddBusinessDays returns the nth day after the given one on which all calendars are open; with n = 0 the day itself.
func AddBusinessDays(day schemas.Date, n int, calendars ...Calendar) (schemas.Date, error) {
	for ; n > 0; n-- {
		next, err := NextOpen(day+1, calendars...)
		if err != nil {
			return 0, err
		}
		day = next
	}
	return day, nil
}

// NextOpen returns the first day, from the given one on, on which all calendars are open.
func NextOpen(from schemas.Date, calendars ...Calendar) (schemas.Date, error) {
	for day := from; day < from+searchDaysMax; day++ {
		open := true
		for _, c := range calendars {
			o, err := c.Open(day)
			if err != nil {
				return 0, err
			}
			open = open && o
		}
		if open {
			return day, nil
		}
	}
	return 0, fmt.Errorf("%w: no open day within %d days of %s", ErrUnknown, searchDaysMax, from)
}

// CutOff is the time of day up to which an instruction deals on the day itself.
type CutOff struct {
	Minute    int32
	Inclusive bool
	Zone      *time.Location
}

// Instant returns the moment at which the zone's clocks show the cut-off on the given day. Where clocks go back, and show it twice, it is
// the first time; where they go forward past it, the moment at which they do. time.Date leaves both open.
func (c CutOff) Instant(day schemas.Date) schemas.Instant {
	shown := day.Time().Add(time.Duration(c.Minute) * time.Minute) // the time on the clock, as if it were UTC
	var first time.Time
	for _, near := range [...]time.Duration{-clocksChangeWithin, clocksChangeWithin} {
		_, seconds := shown.Add(near).In(c.Zone).Zone()
		moment := shown.Add(-time.Duration(seconds) * time.Second).In(c.Zone)
		_, there := moment.Zone()
		if there == seconds && (first.IsZero() || moment.Before(first)) {
			first = moment
		}
	}
	if first.IsZero() {
		_, before := shown.Add(-clocksChangeWithin).In(c.Zone).Zone()
		first, _ = shown.Add(-time.Duration(before) * time.Second).In(c.Zone).ZoneBounds()
	}
	return schemas.InstantOf(first)
}

// InTime says whether something received at the given time is in time for the day.
func (c CutOff) InTime(received schemas.Instant, day schemas.Date) bool {
	cutOff := c.Instant(day)
	return received < cutOff || c.Inclusive && received == cutOff
}

// Passed says whether nothing received from reached on can be in time for the day any more.
func (c CutOff) Passed(reached schemas.Instant, day schemas.Date) bool {
	return !c.InTime(reached, day)
}

// LocalDate returns the date that the zone's clocks show at a moment.
func LocalDate(at schemas.Instant, zone *time.Location) schemas.Date {
	local := at.Time().In(zone)
	return schemas.DateOf(local.Year(), local.Month(), local.Day())
}
