package dealing

import (
	"cmp"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of the annual charge by the calendar.
const (
	chargeRowsMax = 100
	// chargedDaysMax is how many days are followed at once. After a clock that stood still for longer the next ticks go on.
	chargedDaysMax = 31
)

// putCharge keeps a row of the annual charge, with where it came from. It is for a day that has not begun anywhere: no day is charged by two rows.
func (r *Reference) putCharge(c *reference.AnnualCharge, cause *inbox.Cause) (*state.DealingReference, refusal) {
	rows := r.stored.Charges
	for i := range rows {
		if rows[i].Charge == *c {
			return nil, refusal{}
		}
	}
	today, ready := r.begun(cause.ReceivedAt)
	if !ready {
		return nil, settingsMissing()
	}
	switch {
	case c.EffectiveFrom <= today:
		return nil, tooLate(fmt.Sprintf("annual charge from %s", c.EffectiveFrom), today)
	case len(rows) >= chargeRowsMax:
		return nil, bad("annual charge from %s: too many rows", c.EffectiveFrom)
	}
	next := *r.stored
	next.Charges = book.Put(rows, state.ScheduledCharge{Cause: *cause, Charge: *c}, func(a, b state.ScheduledCharge) int {
		return cmp.Compare(a.Charge.EffectiveFrom, b.Charge.EffectiveFrom)
	})
	return &next, refusal{}
}

// chargeOn returns the row of the annual charge that holds on the day, or nil.
func (r *Reference) chargeOn(day schemas.Date) *state.ScheduledCharge {
	return book.On(r.stored.Charges, day, func(row *state.ScheduledCharge) schemas.Date { return row.Charge.EffectiveFrom })
}

// followCharges lets the annual charge accrue for each day that is over for all, and takes it on the days that have begun, one after the other: what is taken has
// accrued through the day before. Which days are done is remembered with what was told of them, so none is done twice, however ticks come.
func (d *dealing) followCharges(r *Reference, next *state.DealingReference, cause *inbox.Cause, outs []streams.Out) []streams.Out {
	today, ready := r.LocalDate(next.Announced)
	if !ready || len(r.stored.Charges) == 0 {
		return outs
	}
	through := r.stored.Charges[0].Charge.EffectiveFrom - 1
	if next.ChargedThrough != nil {
		through = *next.ChargedThrough
	}
	last := min(today, through+chargedDaysMax)
	if last <= through {
		return outs
	}
	outs = d.tellBeforeHalts(r, next.Events, cause, outs)
	for day := through + 1; day <= last; day++ {
		outs = d.accrueDay(r, next, cause, day-1, outs)
		outs = d.collectOn(r, next, cause, day, outs)
	}
	next.ChargedThrough = &last
	return outs
}

// accrueDay tells of the charge of a day, unless it has accrued already, as an operator declared.
func (d *dealing) accrueDay(r *Reference, next *state.DealingReference, cause *inbox.Cause, day schemas.Date, outs []streams.Out) []streams.Out {
	row := r.chargeOn(day)
	if row == nil || row.Charge.Rate == 0 || next.AccruedThrough != nil && day <= *next.AccruedThrough {
		return outs
	}
	next.AccruedThrough = &day
	if row.Charge.DayCount == reference.DayCountNoLeap365 && isLeapDay(day) {
		return outs
	}
	next.EventNumber++
	return d.tellScheduled(row, "accrued", day, cause, &inbox.ChargeAccrued{Event: next.EventNumber, Days: 1, Rate: row.Charge.Rate}, outs)
}

// collectOn tells that what has accrued is taken, where that is due on the day.
func (d *dealing) collectOn(r *Reference, next *state.DealingReference, cause *inbox.Cause, day schemas.Date, outs []streams.Out) []streams.Out {
	row := r.chargeOn(day)
	if row == nil || !r.collectsOn(day, &row.Charge) {
		return outs
	}
	next.EventNumber++
	return d.tellScheduled(row, "collected", day, cause, &inbox.ChargeCollected{Event: next.EventNumber, ByUnits: row.Charge.ByUnits}, outs)
}

// collectsOn says whether a row has the day for collection. A day that the platform's calendar does not know is not the first open one.
func (r *Reference) collectsOn(day schemas.Date, c *reference.AnnualCharge) bool {
	year, month, dayOfMonth := day.Time().Date()
	if c.CollectionDay > 0 {
		last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
		return dayOfMonth == min(int(c.CollectionDay), last)
	}
	if !r.PlatformOpen(day) {
		return false
	}
	for earlier := schemas.DateOf(year, month, 1); earlier < day; earlier++ {
		if r.PlatformOpen(earlier) {
			return false
		}
	}
	return true
}

// tellScheduled tells every shard of a charge as if it came with the row, so that all that comes of it leads there; only the time is that of the tick, for recorded
// time follows from it.
func (d *dealing) tellScheduled(row *state.ScheduledCharge, what string, day schemas.Date, cause *inbox.Cause, body inbox.PotBody, outs []streams.Out) []streams.Out {
	from := row.Cause
	from.ReceivedAt = cause.ReceivedAt
	id := schemas.DeriveID("charge", what, day.String(), row.Charge.EffectiveFrom.String()).String()
	return append(outs, salted(tellAll(nil, d.shards, id, &from, body), &from)...)
}

func isLeapDay(day schemas.Date) bool {
	_, month, dayOfMonth := day.Time().Date()
	return month == time.February && dayOfMonth == 29
}
