package schemas

import (
	"fmt"
	"time"
)

// Date is a civil date: days since 1970-01-01, without a time zone.
type Date int32

// Instant is a moment: milliseconds since 1970-01-01T00:00Z, the resolution of the broker's timestamps.
type Instant int64

const secondsPerDay = 24 * 60 * 60

// DateOf returns the date that y-m-d is.
func DateOf(year int, month time.Month, day int) Date {
	return Date(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// ParseDate reads a date written as 2006-01-02.
func ParseDate(text string) (Date, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("date %q is not written as YYYY-MM-DD", text)
	}
	return DateOf(t.Year(), t.Month(), t.Day()), nil
}

// Time returns midnight of the date in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d)*secondsPerDay, 0).UTC() }

// String returns the date as 2006-01-02.
func (d Date) String() string { return d.Time().Format(time.DateOnly) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Time().Weekday() }

// InstantOf returns t to the millisecond, rounded down.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time returns the moment in UTC.
func (i Instant) Time() time.Time { return time.UnixMilli(int64(i)).UTC() }

// String returns the moment in UTC as 2006-01-02T15:04:05.000Z.
func (i Instant) String() string { return i.Time().Format("2006-01-02T15:04:05.000Z") }
