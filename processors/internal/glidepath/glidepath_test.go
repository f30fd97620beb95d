package glidepath_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/glidepath"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

func TestWholeYearsAreCountedToTheTargetDate(t *testing.T) {
	for _, c := range []struct {
		target, day string
		years       int32
	}{
		{"2030-06-30", "2020-06-30", 10},
		{"2030-06-30", "2020-07-01", 9},
		{"2030-06-30", "2030-06-29", 0},
		{"2030-06-30", "2030-06-30", 0},
		{"2030-06-30", "2031-06-30", 0},
		{"2030-06-30", "2199-01-01", 0},
		{"2030-01-01", "2029-12-31", 0},
		{"2030-01-01", "2029-01-01", 1},
		{"2030-01-01", "2029-01-02", 0},
		{"2028-02-29", "2027-02-28", 1},
		{"2028-02-29", "2027-03-01", 0},
		{"2028-02-29", "2024-02-29", 4},
		{"2028-02-28", "2024-02-29", 3},
		{"2199-12-31", "2008-03-17", 191},
		{"1900-01-01", "2008-03-17", 0},
	} {
		if years := glidepath.YearsTo(date(t, c.target), date(t, c.day)); years != c.years {
			t.Errorf("from %s to %s there are %d whole years, not %d", c.day, c.target, years, c.years)
		}
	}
}

// TestYearsNeverGrowAsDaysGoBy goes through every day of eight years: the rows of a path are walked down, never up, one year at a time.
func TestYearsNeverGrowAsDaysGoBy(t *testing.T) {
	for _, target := range []string{"2028-02-29", "2028-03-01", "2028-12-31", "2028-01-01"} {
		to := date(t, target)
		last := glidepath.YearsTo(to, to-8*366)
		for day := to - 8*366; day <= to+400; day++ {
			years := glidepath.YearsTo(to, day)
			if years > last || years < last-1 {
				t.Fatalf("%s: %d whole years are left on %s, and %d the day before", target, years, day, last)
			}
			last = years
		}
	}
}

func TestTheUpperRowHoldsBetweenTwo(t *testing.T) {
	rows := []reference.PathRow{{Years: 15}, {Years: 10}, {Years: 1}, {Years: 0}}
	for years, want := range map[int32]int{191: 0, 16: 0, 15: 0, 14: 1, 10: 1, 9: 2, 1: 2, 0: 3} {
		if row := glidepath.Row(rows, years); row != want {
			t.Errorf("%d years before the target row %d holds, not %d", years, row, want)
		}
	}
}

func date(t *testing.T, text string) schemas.Date {
	t.Helper()
	d, err := schemas.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
