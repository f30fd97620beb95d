package book_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
)

var updatePage = flag.Bool("update-page", false, "write the examples of the page on dates")

const (
	page       = "../../../ops/docs/dates.md"
	pageBegins = "<!-- examples: written by go test ./processors/internal/book -run TestThePageOnDates -args -update-page -->\n"
	pageEnds   = "<!-- examples end -->\n"
)

// TestThePageOnDates works out the examples of the page on dates, for a platform in London and a fund that trades in New York and is paid in dollars.
func TestThePageOnDates(t *testing.T) {
	london, newYork := markets(t)
	o := &oracle{platform: london, home: newYork, currency: newYork, zone: zone(t, "Europe/London"), minute: 12 * 60, lag: 2}
	b := o.book(t)
	var table strings.Builder
	table.WriteString("| received, by London's clocks | deals on | settles on (T+2) | because |\n|---|---|---|---|\n")
	for _, example := range []struct{ received, because string }{
		{"2008-03-18T11:59:59.999Z", "a millisecond before the cut-off of a day that is open everywhere"},
		{"2008-03-18T12:00:00Z", "the cut-off does not include its own millisecond"},
		{"2008-03-20T12:00:00Z", "Good Friday, the weekend, and Easter Monday, on which London is closed"},
		{"2008-03-20T11:59:00Z", "New York is open on Easter Monday: it counts towards the settlement, although the platform is closed"},
		{"2008-03-28T12:30:00Z", "after Friday's cut-off; over the weekend clocks go forward"},
		{"2008-03-31T11:30:00Z", "the first summer day: 11:30 in Greenwich is 12:30 in London"},
		{"2008-07-03T12:30:00Z", "the Fourth of July is a Friday"},
		{"2008-10-24T11:30:00Z", "summer time: 12:30 in London. Clocks go back on Sunday"},
		{"2008-10-27T11:30:00Z", "winter time again: 11:30 is in time"},
		{"2008-11-25T11:00:00Z", "Thanksgiving does not count towards the settlement"},
		{"2008-11-26T13:00:00Z", "on Thanksgiving New York does not deal"},
		{"2008-12-24T11:00:00Z", "Boxing Day is a business day in New York"},
		{"2008-12-24T13:00:00Z", "Christmas; on Boxing Day London is closed"},
	} {
		received, err := time.Parse(time.RFC3339Nano, example.received)
		if err != nil {
			t.Fatal(err)
		}
		dealt, settled := mustAgree(t, b, o, received)
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", received.In(o.zone).Format("Mon 2 Jan 2006 15:04:05.999"), weekday(dealt), weekday(settled), example.because)
	}
	read, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(read), pageBegins)
	_, after, ends := strings.Cut(rest, pageEnds)
	if !begins || !ends {
		t.Fatalf("%s has no place for the examples", page)
	}
	want := before + pageBegins + table.String() + pageEnds + after
	if *updatePage {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // everybody may read it
			t.Fatal(err)
		}
		return
	}
	if string(read) != want {
		t.Errorf("the examples of %s are not what the rules say:\n%s", page, table.String())
	}
}

func weekday(day schemas.Date) string { return day.Time().Format("Mon 2 Jan 2006") }
