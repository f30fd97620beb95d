package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// AwaitedPrice is a close without which a placed trade cannot go on: nothing is allocated at another day's price. Its JSON form is an interface.
type AwaitedPrice struct {
	Asset schemas.AssetCode `json:"asset"`
	Day   string            `json:"day"`
	Trade string            `json:"trade"`
	// Side is that of the trade, Orders how many member orders wait with it.
	Side   string `json:"side"`
	Orders int64  `json:"orders"`
	// Confirmations counts what the custodian has said already and what waits for the close.
	Confirmations int `json:"confirmations"`
	// Since is when the first of these confirmations came or, without any, the cut-off of the day.
	Since time.Time `json:"since"`
	// Parked is the close that was received and waits for a person; empty where none was.
	Parked string `json:"parked,omitempty"`
}

// awaitedDaysMax is how many days back from an asset's last closed one trades without a close are looked for: a year. Each costs a look at a few keys of the store.
const awaitedDaysMax = 366

// addAwaited adds what waits for closing prices, where dealing runs here.
func (i *Instance) addAwaited(ctx context.Context, status *Status) error {
	if i.engine == nil || !i.config.has(Dealing) {
		return nil
	}
	stored, err := i.DealingReference(ctx)
	if errors.Is(err, engine.ErrNotHere) {
		return nil // it is being moved, or restored: the row of the process says so
	}
	if err != nil {
		return err
	}
	book, err := dealing.NewReference(stored)
	if err != nil {
		return err
	}
	for _, closed := range stored.Closed {
		for day := closed.Day - awaitedDaysMax; day <= closed.Day; day++ {
			if err := i.addAwaitedOf(ctx, status, book, stored, closed.Asset, day); err != nil {
				return err
			}
		}
	}
	return nil
}

func (i *Instance) addAwaitedOf(ctx context.Context, status *Status, book *dealing.Reference, stored *state.DealingReference, code schemas.AssetCode, day schemas.Date) error {
	asset, parked := book.Asset(code, day), ""
	if asset == nil {
		return nil
	}
	for p := range stored.Prices {
		if price := &stored.Prices[p]; price.Asset == code && price.Date == day {
			if price.Released {
				return nil
			}
			parked = price.Price.String()
		}
	}
	for _, id := range dealing.TradesOf(day, asset.Custodian, code) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("looking for prices that are waited for: %w", err)
		}
		trade, err := i.tradeState(ctx, id)
		if err != nil {
			return err
		}
		if trade == nil || trade.Stage != state.StagePlaced {
			continue
		}
		awaited := AwaitedPrice{Asset: code, Day: day.String(), Trade: id.String(), Side: trade.Side.String(), Confirmations: len(trade.Waiting), Parked: parked}
		for n := range trade.Totals {
			awaited.Orders += trade.Totals[n].Orders
		}
		if len(trade.Waiting) > 0 {
			awaited.Since = trade.Waiting[0].Cause.ReceivedAt.Time()
		} else if cutOff, ok := book.CutOff(code, day); ok {
			awaited.Since = cutOff.Instant(day).Time()
		}
		status.Awaited = append(status.Awaited, awaited)
	}
	return nil
}
