package roles

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// DayStatus says which days are closed, and what waits for what. Its JSON form is an interface.
type DayStatus struct {
	Clock ClockStatus `json:"clock"`
	// Announced is the time up to which every shard was told that nothing in time can still come.
	Announced time.Time `json:"announced"`
	// Reached says how far each partition of the instruction topic has come; the least of them closes days.
	Reached []time.Time `json:"reached"`
	Assets  []AssetDay  `json:"assets"`
	// Trades are those that are not settled or rejected yet.
	Trades []WaitingTrade `json:"trades"`
	// Breaks are confirmations that contradict one of these trades.
	Breaks []OpenBreak `json:"breaks"`
	// Batches are those of closed days that are not complete, Owed what shards that run here have still to book because pots are parked.
	Batches []WaitingBatch `json:"batches"`
	Owed    []OwedPart     `json:"owed"`
}

// AssetDay is an asset's place in the calendar.
type AssetDay struct {
	Asset schemas.AssetCode `json:"asset"`
	// ClosedThrough is the last closed day; NextDay the next dealing day and CutOff its cut-off, absent where the calendars end.
	ClosedThrough string     `json:"closed_through"`
	NextDay       string     `json:"next_day,omitempty"`
	CutOff        *time.Time `json:"cut_off,omitempty"`
}

// WaitingTrade is a trade with what it waits for.
type WaitingTrade struct {
	TradeView
	WaitsFor string `json:"waits_for"`
	// AgeDays counts the asset's dealing days since the trade's.
	AgeDays int `json:"age_days"`
}

// nextDayMax bounds the search for the next dealing day, in days.
const nextDayMax = 366

// DayStatus returns which days are closed, and what waits for what.
func (i *Instance) DayStatus(ctx context.Context) (DayStatus, error) {
	stored, err := i.DealingReference(ctx)
	if err != nil {
		return DayStatus{}, err
	}
	book, err := dealing.NewReference(stored)
	if err != nil {
		return DayStatus{}, err
	}
	status := DayStatus{
		Clock: i.clockStatus(), Announced: stored.Announced.Time(), Reached: []time.Time{}, Assets: []AssetDay{}, Trades: []WaitingTrade{},
		Batches: []WaitingBatch{}, Owed: []OwedPart{},
	}
	for _, reached := range stored.Reached {
		status.Reached = append(status.Reached, reached.Time())
	}
	for _, closed := range stored.Closed {
		status.Assets = append(status.Assets, assetDay(book, closed))
	}
	trades, err := i.Trades(ctx, anyDay)
	if err != nil {
		return DayStatus{}, err
	}
	today, _ := book.LocalDate(schemas.InstantOf(i.Now()))
	for n := range trades {
		if !trades[n].ended() {
			status.Trades = append(status.Trades, WaitingTrade{trades[n], waitsFor(&trades[n], stored), dealingDays(book, trades[n].Asset, trades[n].day, today)})
		}
	}
	if status.Breaks, err = i.breaks(ctx, book, trades); err != nil {
		return DayStatus{}, err
	}
	return status, i.addWaiting(ctx, &status, book, stored, trades)
}

func assetDay(book *dealing.Reference, closed state.DealtThrough) AssetDay {
	day := AssetDay{Asset: closed.Asset, ClosedThrough: closed.Day.String()}
	for next := closed.Day + 1; next < closed.Day+nextDayMax; next++ {
		deals, err := book.Deals(closed.Asset, next)
		if err != nil {
			return day
		}
		if cutOff, ok := book.CutOff(closed.Asset, next); deals && ok {
			at := cutOff.Instant(next).Time()
			day.NextDay, day.CutOff = next.String(), &at
			return day
		}
	}
	return day
}

// waitsForConfirmation says that the custodian has the order and everything that it needs.
const waitsForConfirmation = "the custodian to confirm it"

// ended says that nothing is left to come of the trade: not even of orders that went on to another day.
func (t *TradeView) ended() bool {
	return t.Status == "settled" || t.Status == "rejected" || t.Status == "carried" || t.Status == "reversed"
}

// givenUp says that the trade was dealt and rejected after all. It may be said to settle still, which is a break.
func (t *TradeView) givenUp() bool {
	return t.Pieces > 0 && (t.Status == "rejected" || t.Status == "carried")
}

func waitsFor(trade *TradeView, stored *state.DealingReference) string {
	switch trade.Status {
	case "batched":
		return "dealing to place it"
	case "priced":
		waits := "the custodian to settle it, due on " + trade.SettlesOn
		if trade.failed != "" {
			waits += "; it failed: " + trade.failed
		}
		return waits
	}
	for _, p := range stored.Prices {
		if p.Asset != trade.Asset || p.Date != trade.day {
			continue
		}
		if p.Released {
			return waitsForConfirmation
		}
		return fmt.Sprintf("a person: the close %s is parked; see: penstock prices release %s %s %s", p.Price, p.Asset, p.Date, p.Price)
	}
	return fmt.Sprintf("the close of %s on %s", trade.Asset, trade.Day)
}

func (i *Instance) serveDay(w http.ResponseWriter, r *http.Request) {
	status, err := i.DayStatus(r.Context())
	if err != nil {
		fail(w, statusOf(err), err)
		return
	}
	answer(w, http.StatusOK, status)
}
