package dealing

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// correctPrice keeps the right price in the place of one that was wrong, tells every shard of it, and has the trades of that day worked out again.
// Each trade does that by itself, for only it knows its pieces.
func (d *dealing) correctPrice(place streams.Place, r *Reference, cause *inbox.Cause, c *ingest.PriceCorrection) (*state.DealingReference, []streams.Out) {
	known := r.Price(c.Asset, c.Date)
	if why := r.checkCorrection(cause, c, known); why.code != "" {
		return r.stored, []streams.Out{rejectionOut(place, cause, why)}
	}
	right := *known
	right.Price, right.Version = c.New, known.Version+1
	next := *r.stored
	next.Prices = putPrice(r.stored.Prices, right, false)
	next.Correcting = append(slices.Clone(r.stored.Correcting), state.Correcting{Asset: c.Asset, Key: correctionKey(cause)})
	outs := d.tellPrice(r, cause, &right)
	for _, trade := range TradesOf(c.Date, r.Asset(c.Asset, c.Date).Custodian, c.Asset) {
		outs = append(outs, streams.Out{Topic: streams.DealingInbox, Key: trade.String(), Value: &inbox.DealingMessage{
			Cause: *cause, Body: &inbox.PriceCorrected{Trade: trade, Old: c.Old, Price: c.New, Version: right.Version},
		}})
	}
	return &next, append(outs, flushOut(cause)) // it comes back behind them
}

// checkCorrection refuses to correct what is not the released close, and what lies so far back that pots have forgotten their orders.
func (r *Reference) checkCorrection(cause *inbox.Cause, c *ingest.PriceCorrection, known *state.KnownPrice) refusal {
	asset := r.Asset(c.Asset, c.Date)
	switch {
	case asset == nil:
		return refusal{codeUnknownAsset, fmt.Sprintf("there is no asset %s on %s", c.Asset, c.Date)}
	case known == nil || !known.Released:
		return refusal{codeNotCorrected, fmt.Sprintf("no close of %s on %s is released", c.Asset, c.Date)}
	case known.Price != c.Old:
		return refusal{codeNotCorrected, fmt.Sprintf("the close of %s on %s is %s, not %s", c.Asset, c.Date, known.Price, c.Old)}
	case c.New == c.Old:
		return refusal{codeNotCorrected, fmt.Sprintf("the close of %s on %s is %s already", c.Asset, c.Date, c.New)}
	case int64(c.New)%grainOf(asset) != 0:
		return refusal{codePriceScale, fmt.Sprintf("%s has more decimals than a close of %s", c.New, c.Asset)}
	case len(r.stored.Correcting) >= correctingMax:
		return refusal{codeTooManyDeclarations, fmt.Sprintf("trades of %d corrections are still being worked out again", len(r.stored.Correcting))}
	}
	if r.isConverted(c.Asset, c.Date) {
		return refusal{codeCorrectionTooLate, fmt.Sprintf("the units of %s were split or merged since %s, or are about to be", c.Asset, c.Date)}
	}
	if today, ok := r.LocalDate(cause.ReceivedAt); !ok || c.Date < r.OldestDate(today) {
		return refusal{codeCorrectionTooLate, fmt.Sprintf("%s is before %s: its orders may be forgotten", c.Date, r.OldestDate(today))}
	}
	return refusal{}
}

// isConverted says whether the units of the asset have become others since the day, or an event that waits may make them. An order of before is then in units
// that there are no more of.
func (r *Reference) isConverted(asset schemas.AssetCode, day schemas.Date) bool {
	return slices.ContainsFunc(r.stored.Converted, func(c state.Converted) bool { return c.Asset == asset && c.Day >= day }) ||
		slices.ContainsFunc(r.stored.Events, func(e state.DeclaredEvent) bool { return slices.Contains(assetsOf(&e.Operation), asset) })
}

// noteConverted keeps that the units of assets become others on a day.
func noteConverted(next *state.DealingReference, e *state.DeclaredEvent) {
	switch e.Operation.Body.(type) {
	case *ingest.UnitSplit, *ingest.FundMerger:
		on, _ := dateOf(&e.Operation)
		for _, asset := range assetsOf(&e.Operation) {
			next.Converted = book.Put(next.Converted, state.Converted{Asset: asset, Day: on}, func(a, b state.Converted) int { return cmp.Compare(a.Asset, b.Asset) })
		}
	}
}

// grainOf is the smallest step of the asset's prices in the trust's currency, in quanta of a price.
func grainOf(asset *reference.Asset) int64 {
	grain := schemas.Power10(schemas.PriceScale - int(asset.PriceScale))
	if asset.Quotation == reference.QuotationPence {
		return max(1, grain/pencePerPound)
	}
	return grain
}

// correctTrade works the trade out again: what its pieces come to at the right price. The shards are told of the pieces that they were
// told of before; the others will be told as they are now.
func (d *dealing) correctTrade(place streams.Place, r *Reference, before *state.TradeState, cause *inbox.Cause, m *inbox.PriceCorrected) (*state.TradeState, []streams.Out) {
	if before == nil || len(before.Pieces) == 0 || before.Pieces[0].PriceVersion >= m.Version || before.Stage == state.StageRejected {
		return before, nil
	}
	desk := newDesk(place, m.Trade, before, cause.ReceivedAt)
	why := r.checkStillCorrecting(before, cause)
	if why.code == "" {
		why = desk.reprice(m)
	}
	if why.code != "" {
		return before, []streams.Out{rejectionOut(place, cause, why)}
	}
	for n := range desk.trade.Pieces {
		desk.correctedEvent(n, m.Version)
	}
	if before.Sent == 0 {
		return &desk.trade, desk.outs
	}
	desk.outs = append(desk.outs, d.tellCorrection(cause, m, before, &desk.trade)...)
	desk.noteCorrected(batch.Correction(m.Trade, m.Version))
	return &desk.trade, desk.outs
}

// noteCorrected keeps under which id the shards were told of the trade last: what they hear later is not in the journals of this correction.
func (d *desk) noteCorrected(id string) {
	for n := range d.trade.Sent {
		d.trade.Pieces[n].Told = id
	}
	if d.trade.SettledTold != "" {
		d.trade.SettledTold = id
	}
}

// reprice gives each piece what it has at the right price.
func (d *desk) reprice(m *inbox.PriceCorrected) refusal {
	if told := int(d.trade.Sent); told > 0 && !mayTakeBack(&d.trade, told, postingsPerCorrected) {
		return refusal{codeTradeNotCorrectable, fmt.Sprintf("the pots were told of %d pieces of trade %s: one could not correct them in one record", told, m.Trade)}
	}
	cash, units := schemas.Money(0), schemas.Units(0)
	for n := range d.trade.Pieces {
		p := &d.trade.Pieces[n]
		if n < int(d.trade.Sent) && p.Told == "" {
			return refusal{codeTradeNotCorrectable, fmt.Sprintf("trade %s was told to the pots by a version that did not keep what a correction needs", m.Trade)}
		}
		if p.Cash > 0 {
			right, ok := d.dealtAt(m.Price, p, cash, units)
			if !ok {
				return refusal{codeTradeNotCorrectable, fmt.Sprintf("piece %d of trade %s: %s for %s units does not become at %s what a trade may move",
					n+1, m.Trade, p.Cash, p.Units.Text(int(d.trade.UnitsScale)), m.Price)}
			}
			*p = right
			cash, units = cash+p.Cash, units+p.Units
		}
		p.Price, p.PriceVersion = m.Price, m.Version
	}
	return refusal{}
}

// dealtAt is what a piece comes to at a price, after pieces of so much cash and so many units. What was ordered stays, and the other is rounded as custodians
// do: what the trade gets down; the units that a sell for cash takes up, in all. Such a sell takes no more units than are reserved for it, and brings what those are worth:
// what it was dealt for is kept, for the next correction. It returns false where that is nothing, or more than a trade may move.
func (d *desk) dealtAt(price schemas.Price, p *state.Piece, cash schemas.Money, units schemas.Units) (state.Piece, bool) {
	right, t, covered := *p, &d.trade, false
	var err error
	switch {
	case t.Side == inbox.SideBuy:
		right.Units, err = schemas.UnitsFor(p.Cash, price, t.UnitsScale)
	case t.Basis == inbox.BasisUnits:
		right.Cash, err = schemas.Worth(p.Units, price, t.UnitsScale)
	default:
		var through int64
		right.Cash, right.ConfirmedCash = cmp.Or(p.ConfirmedCash, p.Cash), 0
		through, err = schemas.MulDivCeil(int64(cash+right.Cash), schemas.PerPenny(t.UnitsScale), int64(price))
		if right.Units, covered = schemas.Units(through)-units, err != nil || schemas.Units(through) > coveredUnits(t); covered {
			right.Units = coveredUnits(t) - units
			right.ConfirmedCash = right.Cash
			right.Cash, err = schemas.Worth(right.Units, price, t.UnitsScale)
			right.Cash = min(right.Cash, right.ConfirmedCash)
		}
	}
	ok := err == nil && right.Units > 0 && right.Cash > 0 && sayable(units, right.Units, t.UnitsScale)
	return right, ok && (t.Side == inbox.SideBuy || right.Cash <= batch.ProceedsMax-cash)
}

func (d *desk) correctedEvent(n int, version int32) {
	p := &d.trade.Pieces[n]
	d.event(eventCorrected+"/"+strconv.Itoa(int(version))+"/"+strconv.Itoa(n+1), func(t *ledger.Trade) {
		t.Piece, t.Final, t.Cash = int32(n+1), p.Final, cashQuantity(p.Cash) //nolint:gosec // bounded by piecesMax
		t.Units = unitsQuantity(p.Units, d.trade.UnitsScale)
		t.Price, t.PriceVersion, t.Confirmation = &p.Price, version, p.Confirmation
	})
}

// tellCorrection tells every shard what the batch had got and given, and what it has at the right price.
func (d *dealing) tellCorrection(cause *inbox.Cause, m *inbox.PriceCorrected, before, after *state.TradeState) []streams.Out {
	told := inbox.BatchCorrected{
		Trade: m.Trade, Day: after.Day, Custodian: after.Custodian, Asset: after.Asset, UnitsScale: after.UnitsScale, Side: after.Side,
		Basis: after.Basis, Weight: weightOf(after), Price: m.Price, PriceVersion: m.Version,
		Policy: after.Policy,
	}
	for n := range int(after.Sent) {
		wasGiven, wasGot := moved(before, n+1)
		given, got := moved(after, n+1)
		told.Pieces = append(told.Pieces, inbox.CorrectedPiece{
			Told: after.Pieces[n].Told, WasGot: wasGot, WasGiven: wasGiven, Got: got, Given: given, Final: after.Pieces[n].Final,
		})
	}
	if after.SettledTold != "" {
		told.SettledOn, told.SettledTold = after.SettledOn, after.SettledTold
	}
	weights := &state.DealingTally{Weights: []state.TradeWeights{weightsOf(m.Trade, after)}}
	outs := make([]streams.Out, 0, d.shards)
	for shard := range d.shards {
		body := told
		body.Pieces = slices.Clone(told.Pieces)
		body.WeightBefore, body.WeightThrough = runningWeights(weights, m.Trade, shard)
		outs = append(outs, tell(shard, batch.Correction(m.Trade, m.Version), cause, &body))
	}
	return outs
}
