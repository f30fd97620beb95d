package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// someReport has one of each thing that a report shows.
func someReport() *Report {
	return &Report{
		Members: 2000, DealingDays: 1, Seed: 1, Milliseconds: 17400,
		Cases: []Case{{About: "the same buy sent twice", Got: "again accepted", OK: true}, {About: "a buy for nothing", Got: "accepted", Want: "rejected"}},
		Stories: []StoryReport{{Title: "a withdrawal", Asked: "p1 asked for 1,000.00", Means: "it leaves", Steps: []StepReport{
			{Words: "set aside", Asset: schemas.Cash, Quantity: "1000.00", On: "2008-03-20", Journal: "2/17"}, {Words: "sent by the bank", Wrong: "0 postings, must be one"},
		}}},
		Totals: Totals{
			Assets: []AssetTotal{{Asset: "IBM", Trades: 1, Orders: 1205, Spent: "1200070.55", Bought: "1690.783", Members: "1690.000", Rounding: "0.783", MadeGood: "0.010"}},
			Cash: CashTotal{
				PaidIn: "1300070.55", Transferred: "10.00", Proceeds: "0.00", Income: "0.00", Withdrawn: "7.00", Charges: "3.00",
				Spent: "1200070.55", Available: "100000.00", Reserved: "0.00", Rounding: "0.00",
			},
		},
		Checks: []invariants.Result{
			{Name: checkAnswers, CheckedOn: "4456 records, 17 rejections", OK: true},
			{Number: 1, Name: "the accounts of each asset sum to nothing", CheckedOn: "20959 balances, 6 assets", Detail: "GBP sums to 0.01"},
			{Name: storedPrefix + "every journal id is there once", CheckedOn: "24642 journals", OK: true},
		},
	}
}

func TestAReportIsReadableInAHundredColumns(t *testing.T) {
	var out strings.Builder
	p := NewPrinter(&out)
	p.Title(&Workload{Members: 2000, Seed: 1, Days: []Day{{Waves: make([]Wave, 1)}}}, 2345*time.Millisecond)
	p.Day(&DayReport{
		Date: "2008-03-20", Weekday: "Thu", Sent: 4456, Accepted: 4439, Refused: 17, Notes: []string{"settled: X of 2008-03-19", "waits: Y"},
		Trades: []*TradeReport{
			{Asset: "IBM", PlacedOrders: 1205, MemberOrders: "1200070.55", Placed: "1200070.55", Equal: true, Pieces: 3, Units: "1690.783", Price: "118.3300", SettlesOn: "2008-03-25"},
			{Asset: "WTI", PlacedOrders: 2, MemberOrders: "347.82", Placed: "347.81", State: "rejected", SettlesOn: "2008-03-25"},
		},
	})
	p.Day(&DayReport{Date: "2008-03-21", Weekday: "Fri", Holiday: "Good Friday"})
	p.Summary(someReport())
	const want = `penstock demo: 2,000 members, 1 dealing day from 1970-01-01, seed 1
Time is simulated; the embedded stack was up after 2.3 s.

Thu 2008-03-20  4,456 records from outside: 4,439 accepted, 17 refused
  settled: X of 2008-03-19
        orders     of members   external trade       price       units       settles
  IBM    1,205   1,200,070.55     1,200,070.55    118.3300     1,690.783     2008-03-25  in 3 pieces
  WTI        2         347.82           347.81    rejected                     DIFFERS
  waits: Y

Fri 2008-03-21  London is closed: Good Friday

What was sent on purpose, and what became of it
  ok   the same buy sent twice                              again accepted
  FAIL a buy for nothing                                    accepted
                                                            must be: rejected

What takes several steps (journal 2/17 is the 17th of shard 2)
  FAIL a withdrawal: p1 asked for 1,000.00
       it leaves
       2008-03-20           1,000.00  set aside                          journal 2/17
       sent by the bank: 0 postings, must be one

Where it all is now
          trades   orders            paid        units           in pots        rounding
  IBM          1    1,205    1,200,070.55      1,690.783         1,690.000           0.783
  IBM: 0.010 of the units in pots are what the scheme made good
  cash: 1,300,070.55 paid in + 10.00 transferred in + 0.00 from sales + 0.00 income
        = 1,200,070.55 invested + 7.00 paid out + 3.00 charged + 100,000.00 available in pots
        0.00 still reserved, 0.00 in the scheme's rounding account

What must hold, and on what it was checked
  worked out by the demo before anything was sent
  ok       every record got exactly the answer that was worked out for it beforehand (4,456 records,
           17 rejections)
  from the records on the topics, by number in the catalogue of invariants
  FAIL  1  the accounts of each asset sum to nothing (20,959 balances, 6 assets)
           GBP sums to 0.01
  in Postgres
  ok       every journal id is there once (24,642 journals)

1 of 3 checks FAIL.
`
	if got := out.String(); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if len(line) > lineMax {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestACorrectionIsPrintedWithItsPlan(t *testing.T) {
	var out strings.Builder
	p := NewPrinter(&out)
	p.Day(&DayReport{Date: "2008-03-31", Weekday: "Mon", Corrections: []*CorrectionReport{{
		Asset: "GOOG", Date: "2008-03-25", Old: "405.7800", New: "450.7800",
		Plan: []postgres.PlannedPot{{Pot: "pot-000014", What: "units bought", Orders: 1, Postings: 3, Was: "0.492877", Would: "0.443675", Missing: "0.049202"}},
	}}})
	const want = `Mon 2008-03-31  no instructions
  $ penstock correct price GOOG 2008-03-25 405.7800 450.7800
    pot           orders  postings  of                     was    would be   made good
    pot-000014         1         3  units bought      0.492877    0.443675    0.049202
    1 pots, 1 orders, 3 postings to be negated
  the same with --execute: corrected

`
	if got := out.String(); got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
}
