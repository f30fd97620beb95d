package model

import (
	"time"
	// Cut-offs are local times, on machines without rules of time zones too.
	_ "time/tzdata"
)

// day is a date as it is written: 2008-03-17. Dates compare as texts do.
type day string

const dayForm = time.DateOnly

func (d day) time() time.Time {
	t, err := time.Parse(dayForm, string(d))
	if err != nil {
		panic("model: " + err.Error())
	}
	return t
}

func (d day) plus(days int) day { return day(d.time().AddDate(0, 0, days).Format(dayForm)) }

// next is the day after, of no day the first of all.
func (d day) next() day {
	if d == "" {
		return ""
	}
	return d.plus(1)
}

// calendar is the days on which something is open: weekdays, but for the closed ones.
type calendar struct {
	first, last day
	closed      map[day]bool
}

// open says whether the day is an open one; known is false outside the calendar.
func (c *calendar) open(d day) (open, known bool) {
	if c == nil || d < c.first || d > c.last {
		return false, false
	}
	weekday := d.time().Weekday()
	return weekday != time.Saturday && weekday != time.Sunday && !c.closed[d], true
}

// asset is what holds of an asset from a day on.
type asset struct {
	from                day
	custodian, calendar string
	units, prices, lag  int // decimals of units and prices; days to settlement
	pence, inclusive    bool
	requeue             bool   // what is rejected goes on to another day
	cutOff              string // 12:00
	tolerance           string
}

// rows are an asset's rows by day.
type rows []*asset

// on returns the row that holds on the day, or nil.
func (r rows) on(d day) *asset {
	var found *asset
	for _, row := range r {
		if row.from <= d && (found == nil || row.from > found.from) {
			found = row
		}
	}
	return found
}

// today is the date on the trust's clocks.
func (w *World) today() day { return day(w.now.In(w.zone).Format(dayForm)) }

// inTime says whether what comes now is in time for the day's cut-off.
func (w *World) inTime(a *asset, d day) bool {
	cutOff, err := time.ParseInLocation(dayForm+" 15:04", string(d)+" "+a.cutOff, w.zone)
	if err != nil {
		panic("model: " + err.Error())
	}
	return w.now.Before(cutOff) || a.inclusive && w.now.Equal(cutOff)
}

// deals says whether the asset deals on the day: both calendars are open, and the settlement is known.
func (w *World) deals(code string, d day) bool {
	a := w.assets[code].on(d)
	if a == nil {
		return false
	}
	for _, name := range []string{w.platform, a.calendar} {
		if open, _ := w.calendars[name].open(d); !open {
			return false
		}
	}
	return w.settlement(code, d) != ""
}

// settlement is so many business days of the asset's calendar later; empty where the calendar ends before.
func (w *World) settlement(code string, d day) day {
	a := w.assets[code].on(d)
	for left := a.lag; left > 0; {
		d = d.plus(1)
		open, known := w.calendars[a.calendar].open(d)
		if !known {
			return ""
		}
		if open {
			left--
		}
	}
	return d
}

// searchMax bounds the search for a dealing day.
const searchMax = 366

// dealingDay is the first day from today on that an order of now deals on.
func (w *World) dealingDay(code string) (day, bool) {
	for d, n := w.today(), 0; n < searchMax; d, n = d.plus(1), n+1 {
		if w.deals(code, d) && w.inTime(w.assets[code].on(d), d) {
			return d, true
		}
	}
	return "", false
}
