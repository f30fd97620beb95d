package dealing

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// requeues says whether the orders of a rejected trade go on to the next day, by the row of the asset that holds on the trade's dealing day.
func (r *Reference) requeues(trade *state.TradeState) bool {
	asset := r.Asset(trade.Asset, trade.Day)
	return asset != nil && asset.Rejection == reference.RejectionPolicyRequeue
}

// deferTrade carries forward what a gated or suspended fund does not deal.
func (d *desk) deferTrade(r *Reference, c *ingest.Confirmation, t *ingest.TradeDeferred) refusal {
	if _, ok := r.carryDay(&d.trade, t.Until); !ok {
		return refusal{codeDeferredTooFar, fmt.Sprintf("no day is known on which %s deals by then", d.trade.Asset)}
	}
	if why := d.end(c, eventDeferred, t.Reason); why.code != "" {
		return why
	}
	d.trade.Carries, d.trade.Until = true, t.Until
	return refusal{}
}

// carryDay returns the first dealing day after the trade's, and not before the one that the custodian named, that is not closed. It returns
// false where the calendars know none, or the asset is split or merged by then.
func (r *Reference) carryDay(trade *state.TradeState, until *schemas.Date) (schemas.Date, bool) {
	through, _ := r.closedThrough(trade.Asset)
	from := max(trade.Day, through) + 1
	if until != nil {
		from = max(from, *until)
	}
	day, err := r.NextDealingDay(trade.Asset, from)
	return day, err == nil && !r.isHalted(trade.Asset, day)
}

// carry fixes the day to which what was not dealt goes on, where it does. That is done just when the shards are told, and no sooner: they hear of it
// before they hear that the day is closed. Where no day is known the orders end.
func (r *Reference) carry(outs []streams.Out, place streams.Place, id schemas.ID, trade *state.TradeState, event string) []streams.Out {
	if !trade.Carries {
		return outs
	}
	day, ok := r.carryDay(trade, trade.Until)
	if !ok {
		return outs
	}
	last := eventOf(trade)
	trade.CarriedTo = &day
	told := tradeEvent(place, id, trade, last, event)
	told.CarriedTo, told.Reason = &day, fmt.Sprintf("to %s: %s", day, trade.Reason)
	return append(outs, tradeOut(told))
}

// carriedIn returns the reference data with the days to which the flush carries orders: they must stay dealing days until they are closed.
func (r *Reference) carriedIn(tally *state.DealingTally) *state.DealingReference {
	days := r.stored.Carried
	add := func(asset schemas.AssetCode, day *schemas.Date) {
		if day == nil {
			return
		}
		if c := (state.CarriedTo{Asset: asset, Day: *day}); !slices.Contains(days, c) {
			days = append(slices.Clone(days), c)
		}
	}
	for i := range tally.Confirmed.Priced {
		add(tally.Confirmed.Priced[i].Asset, tally.Confirmed.Priced[i].CarriedTo)
	}
	for i := range tally.Confirmed.Rejected {
		add(tally.Confirmed.Rejected[i].Asset, tally.Confirmed.Rejected[i].CarriedTo)
	}
	if len(days) == len(r.stored.Carried) {
		return r.stored
	}
	next := *r.stored
	next.Carried = days
	return &next
}

// uncarried drops a day that is closed from those to which orders are carried.
func uncarried(carried []state.CarriedTo, asset schemas.AssetCode, through schemas.Date) []state.CarriedTo {
	return slices.DeleteFunc(slices.Clone(carried), func(c state.CarriedTo) bool { return c.Asset == asset && c.Day <= through })
}

// carriedDays returns the days to which orders in the asset were carried and that are not closed.
func (r *Reference) carriedDays(asset schemas.AssetCode) []schemas.Date {
	var days []schemas.Date
	for _, c := range r.stored.Carried {
		if c.Asset == asset {
			days = append(days, c.Day)
		}
	}
	return days
}
