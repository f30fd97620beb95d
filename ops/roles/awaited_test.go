package roles

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// lastClosed is a Friday.
var lastClosed = schemas.DateOf(2008, time.April, 18)

func bookOf(t testing.TB, stored *state.DealingReference) *dealing.Reference {
	t.Helper()
	book, err := dealing.NewReference(stored)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func TestDaysWithoutAReleasedCloseAreLookedAt(t *testing.T) {
	stored := &state.DealingReference{
		Assets: []reference.Asset{{Code: "AAPL", EffectiveFrom: lastClosed - 8}, {Code: "GOOG", EffectiveFrom: 0}},
		Closed: []state.DealtThrough{{Asset: "AAPL", Day: lastClosed}, {Asset: "GOOG", Day: lastClosed - 1}},
		Prices: []state.KnownPrice{
			{Asset: "AAPL", Date: lastClosed - 7, Released: true},
			{Asset: "AAPL", Date: lastClosed - 2, Released: true},
			{Asset: "AAPL", Date: lastClosed - 1, Price: 7_0000_0000},
			{Asset: "GOOG", Date: lastClosed, Released: true},
		},
	}
	var got []string
	weekdays := 0
	for at := range unpricedDays(bookOf(t, stored), stored.Closed) {
		if at.asset.Code == "GOOG" {
			weekdays++
			continue
		}
		got = append(got, at.day.String()+" "+at.parked)
	}
	want := []string{"2008-04-10 ", "2008-04-14 ", "2008-04-15 ", "2008-04-17 " + schemas.Price(7_0000_0000).String(), "2008-04-18 "}
	if !slices.Equal(got, want) {
		t.Errorf("looked at %q, want %q", got, want)
	}
	if weekdays != 65 { // from Friday 2008-01-18 to Thursday 2008-04-17
		t.Errorf("an asset without a price is looked at on %d days, not on the weekdays of three months", weekdays)
	}
}

// BenchmarkUnpricedDays is the search of a status for 400 assets, with as many prices as are kept.
func BenchmarkUnpricedDays(b *testing.B) {
	const assets, prices = 400, 28
	stored := &state.DealingReference{}
	for n := range assets {
		code := schemas.AssetCode(fmt.Sprintf("GB%010d", n))
		stored.Assets = append(stored.Assets, reference.Asset{Code: code})
		stored.Closed = append(stored.Closed, state.DealtThrough{Asset: code, Day: lastClosed})
		for p := range prices {
			stored.Prices = append(stored.Prices, state.KnownPrice{Asset: code, Date: lastClosed - prices + 1 + schemas.Date(p), Released: true})
		}
	}
	book := bookOf(b, stored)
	for b.Loop() {
		days := 0
		for range unpricedDays(book, stored.Closed) {
			days++
		}
		if days == 0 {
			b.Fatal("no day was looked at")
		}
	}
}
