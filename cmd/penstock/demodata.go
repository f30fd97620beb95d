package main

import (
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// demoReference returns the reference data that a new embedded stack starts with, in the order in which entries need each
// other.
func demoReference() []ingest.ReferenceData {
	first, last := schemas.DateOf(2005, time.January, 1), schemas.DateOf(2035, time.December, 31)
	entries := []reference.EntryBody{
		&reference.Calendar{Name: "XLON", FirstDay: first, LastDay: last, Closed: []schemas.Date{
			schemas.DateOf(2008, time.March, 21), schemas.DateOf(2008, time.March, 24),
		}},
		&reference.Calendar{Name: "XNYS", FirstDay: first, LastDay: last, Closed: []schemas.Date{schemas.DateOf(2008, time.March, 21)}},
		&reference.Settings{EffectiveFrom: first, PlatformCalendar: "XLON", Zone: "Europe/London", BackdatingDays: 90},
		&reference.Custodian{ID: "crest", Name: "Example custodian"},
	}
	for _, code := range []schemas.AssetCode{"AAPL", "GOOG", "IBM", "MSFT"} {
		entries = append(entries, &reference.Asset{
			Code: code, EffectiveFrom: first, Name: string(code) + " tracker", Custodian: "crest", Calendar: "XNYS", UnitsScale: 4, PriceScale: 2,
			CutOffMinute: 12 * 60, SettlementLag: 2, PriceTolerance: 150_000,
		})
	}
	all := make([]ingest.ReferenceData, len(entries))
	for i, body := range entries {
		all[i] = ingest.ReferenceData{Source: "demo", ID: schemas.DeriveID("demo", string(body.AppendAvro(nil))).String(), Entry: reference.Entry{Body: body}}
	}
	return all
}

// demoClosingPrices returns what the vendor publishes for a day.
func demoClosingPrices(schemas.Date) []ingest.Price { return nil }
