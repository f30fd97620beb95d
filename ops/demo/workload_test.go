package demo

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

func generate(t *testing.T, options Options) *Workload {
	t.Helper()
	w, err := market(t).Generate(options)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// records returns the bytes of all records that have a value, in order.
func records(w *Workload) [][]byte {
	var all [][]byte
	for _, d := range w.Days {
		for _, waves := range [][]Wave{d.Waves, d.Late} {
			for _, wave := range waves {
				for _, r := range wave.Records {
					if r.Value != nil {
						all = append(all, r.Value.AppendAvro([]byte(r.Key)))
					}
				}
			}
		}
	}
	return all
}

func TestASeedAlwaysMakesTheSameWorkload(t *testing.T) {
	options := Options{Members: 100, Days: 20, Seed: 3}
	first, second := generate(t, options), generate(t, options)
	if !reflect.DeepEqual(records(first), records(second)) || !reflect.DeepEqual(first.Ends, second.Ends) {
		t.Error("two workloads of one seed differ")
	}
	options.Seed = 4
	if reflect.DeepEqual(records(first), records(generate(t, options))) {
		t.Error("another seed makes the same workload")
	}
}

func TestTwentyDealingDaysEndOnTheEighteenthOfApril(t *testing.T) {
	w := generate(t, Options{Members: 100, Days: 20, Seed: 3})
	last := w.Days[len(w.Days)-1]
	if w.dealingDays() != 20 || last.Date != date(t, "2008-04-18") || len(last.Late) != 0 {
		t.Errorf("%d days through %s, with %d waves after the last cut-off", w.dealingDays(), last.Date, len(last.Late))
	}
	for _, d := range w.Days {
		if closed := d.Holiday != ""; closed != (len(d.Waves) == 0) {
			t.Errorf("%s is a holiday: %v, with %d waves", d.Date, closed, len(d.Waves))
		}
	}
}

// TestTwentyDealingDaysTellEveryStory holds the demo, as it is run when nothing else is asked for, to what its page says that it shows.
func TestTwentyDealingDaysTellEveryStory(t *testing.T) {
	w := generate(t, Options{Members: 100, Days: 20, Seed: 1})
	told := make(map[string]bool)
	for _, s := range w.Stories {
		told[s.Title] = len(s.Moves) > 0
	}
	page, err := os.ReadFile("../docs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{
		"a withdrawal that is paid", "a transfer in", "a rejected and re-queued batch", "a gated fund", "a sell by units", "a sell of all", "a switch", "a transfer out",
		"a price correction", "a charge run", "a distribution",
	} {
		if !told[title] {
			t.Errorf("the demo does not tell of %s", title)
		}
		if !strings.Contains(string(page), title) {
			t.Errorf("the page on the demo does not name %s", title)
		}
	}
}

func TestOrdersAfterTheLastCutOffHaveADay(t *testing.T) {
	w := generate(t, Options{Members: 100, Days: 1, Seed: 3})
	last := w.Days[len(w.Days)-1]
	if last.Date != date(t, "2008-03-25") || len(last.Waves) != 0 || len(last.Trades) == 0 {
		t.Errorf("the last day is %s, with %d waves and %d trades", last.Date, len(last.Waves), len(last.Trades))
	}
}

func TestContributionsAreReceivedOnTwoPaydays(t *testing.T) {
	w := generate(t, Options{Members: 100, Days: 20, Seed: 3})
	split := make(map[schemas.Date]int)
	for _, d := range w.Days {
		for _, wave := range d.Waves {
			for _, r := range wave.Records {
				i, ok := r.Value.(*ingest.Instruction)
				if !ok {
					continue
				}
				if c, ok := i.Body.(*ingest.Contribution); ok && len(c.Split) == partsOfSplit && r.Rejected == "" {
					split[d.Date]++
				}
			}
		}
	}
	want := map[schemas.Date]int{date(t, "2008-03-20"): 86, date(t, "2008-04-15"): 86}
	if !reflect.DeepEqual(split, want) {
		t.Errorf("contributions by day: %v", split)
	}
}

func TestASplitLosesNothing(t *testing.T) {
	for choice := range weightChoices {
		weights := weightsOf(choice)
		for _, cash := range []schemas.Money{1, 2, 3, 99, 100_00, 333_33, 899_99} {
			sum := schemas.Money(0)
			for _, part := range splitOf(cash, weights[:]) {
				sum += part
			}
			if sum != cash {
				t.Errorf("%s split by %v sums to %s", cash, weights, sum)
			}
		}
	}
}

func TestWorkloadsThatCannotBeAreRefused(t *testing.T) {
	m := market(t)
	for _, o := range []Options{{Members: 1, Days: 20}, {Members: 100, Days: 0}, {Members: 100, Days: DaysMax + 1}} {
		if _, err := m.Generate(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
