package demo

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	// Cut-offs are local times: the rules of time zones must not depend on the machine.
	_ "time/tzdata"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

//go:embed data/closes.csv
var closesCSV string

//go:embed data/calendar_xlon.csv
var londonCSV string

// vendor is the source of the demo's prices.
const vendor schemas.SourceID = "vendor"

// Market is the demo's data: closes by asset and day, and the days on which London was closed.
type Market struct {
	closes map[schemas.AssetCode]map[schemas.Date]schemas.Price
	// london holds the closed weekdays, ascending, and holidays their names.
	london   []schemas.Date
	holidays map[schemas.Date]string
	zone     *time.Location
}

// NewMarket reads the data. It fails only if the data that was built in is damaged.
func NewMarket() (*Market, error) {
	m := &Market{closes: make(map[schemas.AssetCode]map[schemas.Date]schemas.Price), holidays: make(map[schemas.Date]string)}
	var err error
	if m.zone, err = time.LoadLocation(zoneName); err != nil {
		return nil, fmt.Errorf("reading the demo's data: %w", err)
	}
	if err := eachRow(closesCSV, m.addClose); err != nil {
		return nil, fmt.Errorf("reading closes.csv: %w", err)
	}
	if err := eachRow(londonCSV, m.addClosed); err != nil {
		return nil, fmt.Errorf("reading calendar_xlon.csv: %w", err)
	}
	return m, nil
}

// eachRow calls add for every row but the heading.
func eachRow(text string, add func(row []string) error) error {
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows[1:] {
		if err := add(row); err != nil {
			return err
		}
	}
	return nil
}

func (m *Market) addClose(row []string) error {
	day, err := schemas.ParseDate(row[0])
	if err != nil {
		return err
	}
	price, err := schemas.ParsePrice(row[2])
	if err != nil {
		return err
	}
	code := schemas.AssetCode(row[1])
	if m.closes[code] == nil {
		m.closes[code] = make(map[schemas.Date]schemas.Price)
	}
	m.closes[code][day] = price
	return nil
}

func (m *Market) addClosed(row []string) error {
	if row[1] != "closed" {
		return nil
	}
	day, err := schemas.ParseDate(row[0])
	m.london = append(m.london, day)
	m.holidays[day] = row[3]
	return err
}

// Zone is the platform's time zone.
func (m *Market) Zone() *time.Location { return m.zone }

// Closes returns the closes of a day by asset; there are none at week-ends.
func (m *Market) Closes(day schemas.Date) map[schemas.AssetCode]schemas.Price {
	closes := make(map[schemas.AssetCode]schemas.Price)
	for code, days := range m.closes {
		if price, ok := days[day]; ok {
			closes[code] = price
		}
	}
	return closes
}

// Prices returns the records that the vendor publishes for a day, in the order of the asset codes.
func (m *Market) Prices(day schemas.Date) []ingest.Price {
	closes := m.Closes(day)
	var prices []ingest.Price
	for _, code := range slices.Sorted(maps.Keys(closes)) {
		prices = append(prices, ingest.Price{Source: vendor, Asset: code, Date: day, Close: closes[code]})
	}
	return prices
}

// LondonOpen says whether the platform is open: on weekdays on which London is not closed.
func (m *Market) LondonOpen(day schemas.Date) bool {
	_, closed := slices.BinarySearch(m.london, day)
	return isWeekday(day) && !closed
}

// deals says whether an asset deals: the platform is open and the asset has a close.
func (m *Market) deals(code schemas.AssetCode, day schemas.Date) bool {
	_, priced := m.closes[code][day]
	return priced && m.LondonOpen(day)
}

// daysOf returns the days on which the asset has a close, ascending.
func (m *Market) daysOf(code schemas.AssetCode) []schemas.Date {
	return slices.Sorted(maps.Keys(m.closes[code]))
}

// at returns the moment at which the platform's clocks show the time on the day.
func (m *Market) at(day schemas.Date, hour, minute, second int) schemas.Instant {
	d := day.Time()
	return schemas.InstantOf(time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, m.zone))
}

func isWeekday(day schemas.Date) bool {
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}
