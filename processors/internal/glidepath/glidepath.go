// Package glidepath says which split of a lifestyle glide path holds on a day. A path is a step function of the whole years that are left to a target
// date: between two rows the upper one holds, and nothing is interpolated.
package glidepath

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// Bounds of one path.
const (
	rowsMax  = 60
	partsMax = 50
	yearsMax = 100
)

// ErrPath says that the rows of a path cannot be meant.
var ErrPath = errors.New("not a glide path")

// YearsTo returns how many whole years lie between the day and the target date; 0 on the target date and after it. A year ends with the day that has the
// target's month and day; where the target is a 29 February, in other years with the 28th.
func YearsTo(target, day schemas.Date) int32 {
	if day >= target {
		return 0
	}
	targetYear, targetMonth, targetDay := target.Time().Date()
	year, month, dayOfMonth := day.Time().Date()
	years := targetYear - year
	if month > targetMonth || month == targetMonth && dayOfMonth > targetDay {
		years--
	}
	return int32(years) //nolint:gosec // two dates lie at most as many years apart as dates have days
}

// Row returns which row of a checked path holds so many whole years before the target date.
func Row(rows []reference.PathRow, years int32) int {
	for i := range rows {
		if rows[i].Years <= years {
			return i
		}
	}
	return len(rows) - 1
}

// Check refuses a path whose rows do not descend to 0 years, or of which a split does not sum to 1 or names an asset twice. It returns ErrPath.
func Check(p *reference.GlidePath) error {
	if len(p.Rows) == 0 || len(p.Rows) > rowsMax {
		return fmt.Errorf("%w: it has %d rows, 1 to %d are allowed", ErrPath, len(p.Rows), rowsMax)
	}
	for i := range p.Rows {
		row := &p.Rows[i]
		if row.Years < 0 || row.Years > yearsMax {
			return fmt.Errorf("%w: a row has %d years, 0 to %d are allowed", ErrPath, row.Years, yearsMax)
		}
		if i > 0 && row.Years >= p.Rows[i-1].Years {
			return fmt.Errorf("%w: the row of %d years does not stand below one of more years", ErrPath, row.Years)
		}
		if err := checkSplit(row); err != nil {
			return err
		}
	}
	if last := p.Rows[len(p.Rows)-1].Years; last != 0 {
		return fmt.Errorf("%w: its last row has %d years, not 0", ErrPath, last)
	}
	return nil
}

func checkSplit(row *reference.PathRow) error {
	if len(row.Split) > partsMax {
		return fmt.Errorf("%w: the row of %d years has %d parts, at most %d are allowed", ErrPath, row.Years, len(row.Split), partsMax)
	}
	sum := schemas.Weight(0)
	for i := range row.Split {
		part := &row.Split[i]
		if part.Weight <= 0 {
			return fmt.Errorf("%w: in the row of %d years the weight of %s is not positive", ErrPath, row.Years, part.Asset)
		}
		if slices.ContainsFunc(row.Split[:i], func(p reference.PathPart) bool { return p.Asset == part.Asset }) {
			return fmt.Errorf("%w: asset %s stands twice in the row of %d years", ErrPath, part.Asset, row.Years)
		}
		sum += part.Weight
	}
	if sum != schemas.WeightOne {
		return fmt.Errorf("%w: the weights in the row of %d years sum to %s, not to 1", ErrPath, row.Years, sum)
	}
	return nil
}

// Put returns the paths with one of them in its place: by code, then date. One of the same code and date is replaced.
func Put(paths []reference.GlidePath, path *reference.GlidePath) []reference.GlidePath {
	return book.Put(paths, *path, func(a, b reference.GlidePath) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.EffectiveFrom, b.EffectiveFrom))
	})
}
