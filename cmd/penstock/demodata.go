package main

import (
	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// demoData gives a new stack the demo's assets, calendars, custodians and settings and, on the manual clock, its closing prices.
//
// The funds' own calendars end with the data, years ago. On the real clock the funds therefore deal on the platform's
// calendar, and their prices are for the users to publish.
func demoData(config *upConfig) error {
	market, err := demo.NewMarket()
	if err != nil {
		return err
	}
	config.Reference = market.Reference()
	if config.Manual {
		config.ClosingPrices = market.Prices
		return nil
	}
	platform := ""
	for _, entry := range config.Reference {
		if settings, ok := entry.Entry.Body.(*reference.Settings); ok {
			platform = settings.PlatformCalendar
		}
	}
	for i, entry := range config.Reference {
		if asset, ok := entry.Entry.Body.(*reference.Asset); ok {
			dealt := *asset
			dealt.Calendar = platform
			config.Reference[i] = ingest.ReferenceData{Source: entry.Source, ID: entry.ID, Entry: reference.Entry{Body: &dealt}}
		}
	}
	return nil
}
