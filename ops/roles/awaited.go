package roles

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
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

// awaitedDaysMax is how many days back from an asset's last closed one trades without a close are looked for: a little more than those of which closes are kept.
// Each weekday of each asset costs a binary search among the prices, and where no released close is kept three looks at the store.
const awaitedDaysMax = 90

// awaitedTimeMax bounds the search. It is not taken from the time that brokers and Postgres have: a long search must not make them look away.
const awaitedTimeMax = 2 * time.Second

// unpriced is a day of an asset without a close that may be used.
type unpriced struct {
	asset *reference.Asset
	day   schemas.Date
	// parked is the close that waits for a person, empty where none does.
	parked string
}

// addAwaited adds what waits for closing prices, where dealing runs here.
func (i *Instance) addAwaited(ctx context.Context, status *Status) error {
	if i.engine == nil || !i.config.has(Dealing) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, awaitedTimeMax)
	defer cancel()
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
	for at := range unpricedDays(book, stored.Closed) {
		if err := i.addAwaitedOf(ctx, status, book, at); err != nil {
			return err
		}
	}
	return nil
}

// unpricedDays goes through the closed days, by asset and day, on which trades of an asset may wait for a close.
func unpricedDays(book *dealing.Reference, closed []state.DealtThrough) iter.Seq[unpriced] {
	return func(yield func(unpriced) bool) {
		for _, c := range closed {
			for day := c.Day - awaitedDaysMax; day <= c.Day; day++ {
				if at, ok := unpricedOn(book, c.Asset, day); ok && !yield(at) {
					return
				}
			}
		}
	}
}

// unpricedOn says whether trades of the asset's day may wait for its close. No calendar opens at a weekend, so no trade is of such a day.
func unpricedOn(book *dealing.Reference, code schemas.AssetCode, day schemas.Date) (unpriced, bool) {
	if weekday := day.Weekday(); weekday == time.Saturday || weekday == time.Sunday {
		return unpriced{}, false
	}
	at := unpriced{asset: book.Asset(code, day), day: day}
	if at.asset == nil {
		return unpriced{}, false
	}
	if price := book.Price(code, day); price != nil {
		at.parked = price.Price.String()
		return at, !price.Released
	}
	return at, true
}

func (i *Instance) addAwaitedOf(ctx context.Context, status *Status, book *dealing.Reference, at unpriced) error {
	code, day := at.asset.Code, at.day
	for _, id := range dealing.TradesOf(day, at.asset.Custodian, code) {
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
		awaited := AwaitedPrice{Asset: code, Day: day.String(), Trade: id.String(), Side: trade.Side.String(), Confirmations: len(trade.Waiting), Parked: at.parked}
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
