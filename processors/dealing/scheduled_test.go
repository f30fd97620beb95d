package dealing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// chargeRow is a row of the annual charge, as the test has it.
type chargeRow struct {
	from, on int // days after 1 February 2008; day of the month
	rate     int // in millionths
	flags    string
}

const followedDays = 150

func chargedDay(n int) time.Time { return time.Date(2008, time.February, 1+n, 0, 0, 0, 0, time.UTC) }

// TestEachDayIsChargedOnceHoweverTicksCome lets random rows hold over five months, through which ticks jump by days or by months, and compares what the shards are told
// with what looking at one day after the other asks for.
func TestEachDayIsChargedOnceHoweverTicksCome(t *testing.T) {
	charged := 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 28)) //nolint:gosec // the same numbers must give the same history
		rows, text := chargeRows(random)
		p := newPlayer()
		scenario.Run(t, text, p)
		told := ticked(t, p, random)
		want := chargedByRows(rows)
		if !slices.Equal(told, want) {
			t.Fatalf("seed %d: of rows %+v shards are told\n%s\nnot\n%s", seed, rows, strings.Join(told, "\n"), strings.Join(want, "\n"))
		}
		charged += len(want)
	}
	if charged < 10_000 {
		t.Errorf("shards were told of %d charges only", charged)
	}
}

// chargeRows draws rows in the order of their days, and the scenario that makes them known.
func chargeRows(random *rand.Rand) ([]chargeRow, string) {
	text := "at 2008-02-01 09:00\ngiven Calendar name=platform from=2008-01-01 through=2008-12-31 closed=2008-04-01,2008-05-01,2008-05-02\ngiven Settings from=2008-01-01 zone=UTC\ngiven Reached\n"
	var rows []chargeRow
	for from := 1 + random.IntN(20); from < followedDays && len(rows) < 4; from += 1 + random.IntN(60) {
		row := chargeRow{from: from, on: random.IntN(32) * random.IntN(2), rate: random.IntN(3) * 50_000, flags: []string{"", " by-units", " no-leap-day"}[random.IntN(3)]}
		rows = append(rows, row)
		text += fmt.Sprintf("given AnnualCharge id=k%d from=%s rate=0.%06d collected=%d%s\n", from, chargedDay(from).Format(time.DateOnly), row.rate, row.on, row.flags)
	}
	return rows, text
}

// ticked lets ticks come through all days, and returns what shards are told of charges.
func ticked(t *testing.T, p *player, random *rand.Rand) []string {
	t.Helper()
	var told []string
	ids := make(map[string]bool)
	tick := func(at time.Time) {
		time := schemas.InstantOf(at)
		for _, out := range p.shard.Apply(t, &inbox.DealingMessage{Cause: inbox.Cause{Source: "clock", ReceivedAt: time}, Body: &inbox.Reached{Time: time}}) {
			m := out.Value.(*inbox.PotMessage) //nolint:forcetypeassert // a tick is told to shards alone
			switch body := m.Body.(type) {
			case *inbox.ChargeAccrued:
				told = append(told, fmt.Sprintf("%d accrued at %s for %d", body.Event, body.Rate, body.Days))
			case *inbox.ChargeCollected:
				told = append(told, fmt.Sprintf("%d collected %t", body.Event, body.ByUnits))
			default:
				continue
			}
			if ids[m.Cause.ID] {
				t.Errorf("%s is told under the id of another", told[len(told)-1])
			}
			ids[m.Cause.ID] = true
		}
	}
	widest := []int{2, 5, 100}[random.IntN(3)]
	for n := 0; n < followedDays; n += random.IntN(widest) {
		tick(chargedDay(n).Add(time.Duration(random.IntN(24*60)) * time.Minute))
	}
	for n := range followedDays / 31 * 2 {
		tick(chargedDay(followedDays).Add(time.Duration(n) * time.Second))
	}
	return told
}

// chargedByRows is what is due on one day after the other.
func chargedByRows(rows []chargeRow) []string {
	var due []string
	say := func(format string, args ...any) {
		due = append(due, fmt.Sprintf("%d ", len(due)+1)+fmt.Sprintf(format, args...))
	}
	rowOn := func(n int) *chargeRow {
		var last *chargeRow
		for i := range rows {
			if rows[i].from <= n {
				last = &rows[i]
			}
		}
		return last
	}
	for n := 1; n <= followedDays; n++ {
		if row := rowOn(n - 1); row != nil && row.rate > 0 && (row.flags != " no-leap-day" || chargedDay(n-1).Format("01-02") != "02-29") {
			say("accrued at 0.%06d for 1", row.rate)
		}
		row := rowOn(n)
		if row == nil {
			continue
		}
		// Of March, April, May and June the platform's first days; and their lengths.
		first := map[time.Month]int{time.February: 1, time.March: 3, time.April: 2, time.May: 5, time.June: 2}
		last := map[time.Month]int{time.February: 29, time.March: 31, time.April: 30, time.May: 31, time.June: 30}
		month, on := chargedDay(n).Month(), row.on
		if on == 0 {
			on = first[month]
		}
		if chargedDay(n).Day() == min(on, last[month]) {
			say("collected %t", row.flags == " by-units")
		}
	}
	return due
}
