package roles

import (
	"context"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
)

// OpenBreak is a confirmation that contradicts its trade, and waits for another one or for an operator. Its JSON form is an interface.
type OpenBreak struct {
	Trade        string              `json:"trade"`
	Day          string              `json:"day"`
	Custodian    schemas.CustodianID `json:"custodian"`
	Asset        schemas.AssetCode   `json:"asset"`
	Confirmation string              `json:"confirmation"`
	// Class is price, amount, duplicate or settlement.
	Class  string       `json:"class"`
	Code   schemas.Code `json:"code"`
	Reason string       `json:"reason"`
	Since  time.Time    `json:"since"`
	// AgeDays counts the asset's dealing days since then.
	AgeDays int `json:"age_days"`
}

// breaks returns the open breaks of the trades that may have some.
func (i *Instance) breaks(ctx context.Context, book *dealing.Reference, trades []TradeView) ([]OpenBreak, error) {
	open := []OpenBreak{}
	today, _ := book.LocalDate(schemas.InstantOf(i.Now()))
	for n := range trades {
		t := &trades[n]
		if t.ended() && !t.givenUp() {
			continue
		}
		id, err := schemas.ParseID(t.Trade)
		if err != nil {
			return nil, err
		}
		stored, err := i.tradeState(ctx, id)
		if err != nil {
			return nil, err
		}
		if stored == nil {
			continue // known from the reference, not begun
		}
		for at := range stored.Breaks {
			b := &stored.Breaks[at]
			since, _ := book.LocalDate(b.Cause.ReceivedAt)
			open = append(open, OpenBreak{
				Trade: t.Trade, Day: t.Day, Custodian: t.Custodian, Asset: t.Asset, Confirmation: b.Confirmation.ID, Class: dealing.BreakClass(b.Code),
				Code: b.Code, Reason: b.Reason, Since: b.Cause.ReceivedAt.Time(), AgeDays: dealingDays(book, t.Asset, since, today),
			})
		}
	}
	return open, nil
}

// dealingDays counts the days after the first, up to and with the last, on which the asset deals.
func dealingDays(book *dealing.Reference, asset schemas.AssetCode, first, last schemas.Date) int {
	days := 0
	for day := max(first, last-nextDayMax) + 1; day <= last; day++ {
		if deals, err := book.Deals(asset, day); err == nil && deals {
			days++
		}
	}
	return days
}
