package demo

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

func market(t *testing.T) *Market {
	t.Helper()
	m, err := NewMarket()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func date(t *testing.T, text string) schemas.Date {
	t.Helper()
	d, err := schemas.ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEachFundHasTheClosesThatItsNoticeSays(t *testing.T) {
	m := market(t)
	for code, want := range map[schemas.AssetCode]int{"AAPL": 2015, "GOOG": 2015, "IBM": 2015, "MSFT": 2015, "WTI": 2015, "FB": 196} {
		days := m.daysOf(code)
		if len(days) != want || days[len(days)-1] != date(t, "2013-03-01") {
			t.Errorf("%s has %d closes through %s", code, len(days), days[len(days)-1])
		}
	}
	if got := m.Closes(date(t, "2008-04-18"))["GOOG"].String(); got != "539.41000000" {
		t.Errorf("the close of GOOG is %s", got)
	}
	if prices := m.Prices(date(t, "2008-03-20")); len(prices) != 5 || prices[0].Asset != "AAPL" || prices[4].Asset != "WTI" {
		t.Errorf("published %+v", prices)
	}
	if prices := m.Prices(date(t, "2008-03-22")); prices != nil {
		t.Errorf("published on a Saturday: %+v", prices)
	}
}

func TestFundsOnOneCalendarHaveTheSameDaysAndOthersDiffer(t *testing.T) {
	m := market(t)
	days := make(map[string][]schemas.Date)
	for _, fund := range Funds() {
		if known := days[fund.Calendar]; known == nil {
			days[fund.Calendar] = m.daysOf(fund.Code)
		} else if !slices.Equal(known, m.daysOf(fund.Code)) {
			t.Errorf("%s does not have the days of calendar %s", fund.Code, fund.Calendar)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(days)) {
		for _, other := range slices.Sorted(maps.Keys(days)) {
			if name < other && slices.Equal(days[name], days[other]) {
				t.Errorf("calendars %s and %s are the same", name, other)
			}
		}
	}
}

func TestClosesFitThePriceScale(t *testing.T) {
	m := market(t)
	for code, days := range m.closes {
		for day, price := range days {
			if int64(price)%schemas.Power10(schemas.PriceScale-priceDecimals) != 0 {
				t.Errorf("the close of %s on %s is %s", code, day, price)
			}
		}
	}
}

func TestLondonIsClosedOverEasterAndCutOffsFollowSummerTime(t *testing.T) {
	m := market(t)
	for day, want := range map[string]bool{"2008-03-20": true, "2008-03-21": false, "2008-03-23": false, "2008-03-24": false, "2008-03-25": true} {
		if m.LondonOpen(date(t, day)) != want {
			t.Errorf("London open on %s: %v", day, !want)
		}
	}
	if m.deals("IBM", date(t, "2008-05-26")) || !m.deals("IBM", date(t, "2008-03-20")) {
		t.Error("the dealing days of IBM are wrong")
	}
	winter, summer := m.at(date(t, "2008-03-28"), 12, 0, 0).Time(), m.at(date(t, "2008-03-31"), 12, 0, 0).Time()
	if winter.Hour() != 12 || summer.Hour() != 11 {
		t.Errorf("noon is at %s and %s", winter.Format(time.TimeOnly), summer.Format(time.TimeOnly))
	}
}

func TestCalendarsNameEveryWeekdayWithoutAClose(t *testing.T) {
	m := market(t)
	for _, record := range m.Reference() {
		c, ok := record.Entry.Body.(*reference.Calendar)
		if !ok || c.Name == platform {
			continue
		}
		open := 0
		for day := c.FirstDay; day <= c.LastDay; day++ {
			if _, closed := slices.BinarySearch(c.Closed, day); isWeekday(day) && !closed {
				open++
			}
		}
		want := map[string]int{calendarShares: 2015, calendarOil: 2015, calendarFB: 196}[c.Name]
		if open != want {
			t.Errorf("calendar %s has %d open days, want %d", c.Name, open, want)
		}
	}
}
