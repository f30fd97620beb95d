package demo

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// publisher is the source of the demo's reference data.
const publisher schemas.SourceID = "demo"

// Reference returns the reference data of the demo in an order in which nothing refers to what is still to come: calendars,
// custodians, settings, assets. Sending it again changes nothing.
func (m *Market) Reference() []ingest.ReferenceData {
	bodies := []reference.EntryBody{m.londonCalendar()}
	seen := make(map[string]bool)
	for _, fund := range Funds() {
		if !seen[fund.Calendar] {
			seen[fund.Calendar] = true
			bodies = append(bodies, m.calendarOf(fund))
		}
	}
	bodies = append(bodies,
		&reference.Custodian{ID: harbour, Name: "Harbour Custody"},
		&reference.Custodian{ID: northgate, Name: "Northgate Nominees"},
		&reference.Settings{EffectiveFrom: m.london[0], PlatformCalendar: platform, Zone: zoneName, BackdatingDays: backdatingDays})
	for _, fund := range Funds() {
		bodies = append(bodies, fund.row(m.daysOf(fund.Code)[0]))
	}
	records := make([]ingest.ReferenceData, len(bodies))
	for i, body := range bodies {
		records[i] = ingest.ReferenceData{Source: publisher, ID: entryID(body), Entry: reference.Entry{Body: body}}
	}
	return records
}

// entryID names an entry by what it is about.
func entryID(body reference.EntryBody) string {
	switch b := body.(type) {
	case *reference.Calendar:
		return "calendar/" + b.Name
	case *reference.Custodian:
		return "custodian/" + strings.ToLower(string(b.ID))
	case *reference.Asset:
		return "asset/" + string(b.Code)
	case *reference.AnnualCharge:
		return "charge/" + b.EffectiveFrom.String()
	}
	return "settings"
}

// londonCalendar covers whole years: from the first closed day, which is a New Year's Day, to the end of the last one's year.
func (m *Market) londonCalendar() *reference.Calendar {
	last := m.london[len(m.london)-1]
	return &reference.Calendar{
		Name: platform, FirstDay: m.london[0], LastDay: schemas.DateOf(last.Time().Year(), 12, 31), Closed: m.london,
	}
}

// calendarOf is the fund's own calendar: it is closed on the weekdays without a close, and ends with the data.
func (m *Market) calendarOf(fund Fund) *reference.Calendar {
	days := m.daysOf(fund.Code)
	c := &reference.Calendar{Name: fund.Calendar, FirstDay: days[0], LastDay: days[len(days)-1]}
	for day := c.FirstDay; day <= c.LastDay; day++ {
		if _, priced := m.closes[fund.Code][day]; isWeekday(day) && !priced {
			c.Closed = append(c.Closed, day)
		}
	}
	return c
}
