package model

import (
	"cmp"
	"math/big"
	"slices"
)

// yearly is how the annual charge accrues and is taken by itself, from a day on.
type yearly struct {
	from    day
	rate    *big.Rat
	noLeap  bool // 29 February accrues nothing
	on      int  // day of the month on which it is taken, 0 for the first open one
	byUnits bool
}

// schedule takes a row for a day that has not begun.
func (w *World) schedule(line Line) {
	row := &yearly{w.dateIn(line, "from"), number(line.Get("rate", "0")), line.Has("no-leap-day"), whole(line, "collected", "0"), line.Has("by-units")}
	if row.from <= w.today() || row.from <= w.ticked {
		return
	}
	w.yearly = append(slices.DeleteFunc(w.yearly, func(other *yearly) bool { return other.from == row.from }), row)
	slices.SortFunc(w.yearly, func(a, b *yearly) int { return cmp.Compare(a.from, b.from) })
}

func (w *World) yearlyOn(d day) *yearly {
	for _, row := range slices.Backward(w.yearly) {
		if row.from <= d {
			return row
		}
	}
	return nil
}

// begin charges for each day that is over by now and was not charged for yet, and takes what has accrued by the days that begin.
func (w *World) begin() {
	if len(w.yearly) == 0 {
		return
	}
	for d := max(w.begun.next(), w.yearly[0].from); d <= w.today(); d = d.plus(1) {
		w.begun = d
		over := d.plus(-1)
		if row := w.yearlyOn(over); row != nil && row.rate.Sign() > 0 && over > w.accrued {
			w.accrued = over
			if !row.noLeap || over.time().Format("01-02") != "02-29" {
				w.accrueDays(row.rate, 1)
			}
		}
		if row := w.yearlyOn(d); row != nil && w.takes(row, d) {
			w.takeAccrued(row.byUnits)
		}
	}
}

// takes says whether the day is the one of its month on which the charge is taken.
func (w *World) takes(row *yearly, d day) bool {
	month := d.time().Month()
	if row.on > 0 {
		return d.time().Day() == row.on || d.time().Day() < row.on && d.plus(1).time().Month() != month
	}
	isOpen := func(d day) bool { open, known := w.calendars[w.platform].open(d); return open && known }
	for before := d.plus(-1); before.time().Month() == month; before = before.plus(-1) {
		if isOpen(before) {
			return false
		}
	}
	return isOpen(d)
}
