package dealing

import (
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of one sweep: what it tells must fit one record, and what it makes a pot post too, even where all the orders that a pot
// may have are in one trade. What is left is told by the next sweep.
const (
	toldMax       = 300
	piecesToldMax = 4
	// weightsMax bounds the shards' weights, of all trades together.
	weightsMax = 30_000
)

// isFull says whether nothing more may be told in this sweep. A trade that is given up is the last of its sweep: all of its pieces are told at once.
func isFull(tally *state.DealingTally) bool {
	weights := 0
	for i := range tally.Weights {
		weights += len(tally.Weights[i].Shards)
	}
	told := &tally.Confirmed
	return len(told.Priced)+len(told.Settled)+len(told.Rejected) >= toldMax || weights >= weightsMax || slices.ContainsFunc(told.Rejected, isGivenUp)
}

// flushTrade places a trade that is published, and collects what the shards have not been told of it.
func flushTrade(place streams.Place, r *Reference, id schemas.ID, before *state.TradeState, tally *state.DealingTally) (*state.TradeState, []streams.Out) {
	next := *before
	if next.Stage == state.StageBatched {
		next.Stage = state.StagePlaced
		return &next, placeTrade(place, id, &next)
	}
	tell := &tally.Confirmed
	var outs []streams.Out
	next.Pieces = slices.Clone(before.Pieces)
	for n := int(next.Sent); n < len(next.Pieces) && n < int(before.Sent)+piecesToldMax && !isFull(tally); n++ {
		if next.Pieces[n].Final {
			outs = r.carry(outs, place, id, &next, eventRestCarried)
		}
		tell.Priced = append(tell.Priced, pricedBatch(id, &next, n))
		next.Sent++
	}
	switch {
	case next.Told || isFull(tally):
	case next.Stage == state.StageSettled && int(next.Sent) == len(next.Pieces):
		tell.Settled, next.Told = append(tell.Settled, settledBatch(id, &next)), true
	case next.Stage == state.StageRejected:
		next.CarriedTo = nil // that of a rest that was carried before
		outs = r.carry(outs, place, id, &next, eventCarried)
		tell.Rejected, next.Told = append(tell.Rejected, rejectedBatch(id, &next)), true
	}
	if next.Sent == before.Sent && next.Told == before.Told {
		return before, nil
	}
	tally.Weights = append(tally.Weights, weightsOf(id, &next))
	noteTold(before, &next, flushID(tally))
	return &next, outs
}

// noteTold keeps under which id the shards are told of what is new: a correction names their journals by it.
func noteTold(before, next *state.TradeState, id string) {
	for n := before.Sent; n < next.Sent; n++ {
		next.Pieces[n].Told = id
	}
	if next.Told && next.Stage == state.StageSettled {
		next.SettledTold = id
	}
}

// pricedBatch is piece n of the trade as the shards need it: what the batch had got and given before it, and with it.
func pricedBatch(id schemas.ID, trade *state.TradeState, n int) inbox.PricedBatch {
	piece := &trade.Pieces[n]
	carriedTo := trade.CarriedTo
	if !piece.Final {
		carriedTo = nil
	}
	givenBefore, gotBefore := moved(trade, n)
	given, got := moved(trade, n+1)
	return inbox.PricedBatch{
		Trade: id, Day: trade.Day, Custodian: trade.Custodian, Asset: trade.Asset, UnitsScale: trade.UnitsScale, Side: trade.Side, Basis: trade.Basis,
		Weight: weightOf(trade), Piece: int32(n + 1), Final: piece.Final, Price: piece.Price, PriceVersion: piece.PriceVersion, Policy: trade.Policy, ConfirmedAt: piece.ConfirmedAt, //nolint:gosec // bounded by piecesMax
		GotBefore: gotBefore, GotThrough: got, GivenBefore: givenBefore, GivenThrough: given,
		CarriedTo: carriedTo,
	}
}

// settledBatch is the settled trade as the shards need it.
func settledBatch(id schemas.ID, trade *state.TradeState) inbox.SettledBatch {
	given, got := moved(trade, len(trade.Pieces))
	return inbox.SettledBatch{
		Trade: id, Day: trade.Day, Custodian: trade.Custodian, Asset: trade.Asset, UnitsScale: trade.UnitsScale, Side: trade.Side, Basis: trade.Basis,
		Weight: weightOf(trade), Got: got, Given: given, SettledOn: *trade.SettledOn, ConfirmedAt: trade.SettledAt,
	}
}

// rejectedBatch is the rejected trade as the shards need it, with the pieces of one that was dealt and is given up.
func rejectedBatch(id schemas.ID, trade *state.TradeState) inbox.RejectedBatch {
	told := inbox.RejectedBatch{
		Trade: id, Day: trade.Day, Custodian: trade.Custodian, Asset: trade.Asset, UnitsScale: trade.UnitsScale, Side: trade.Side, Basis: trade.Basis, Reason: trade.Reason,
		CarriedTo: trade.CarriedTo,
	}
	if len(trade.Pieces) > 0 {
		told.Weight, told.Policy = weightOf(trade), trade.Policy
	}
	for n := range trade.Pieces {
		given, got := moved(trade, n+1)
		told.Pieces = append(told.Pieces, inbox.GivenUpPiece{Told: trade.Pieces[n].Told, Got: got, Given: given})
	}
	return told
}

func weightsOf(id schemas.ID, trade *state.TradeState) state.TradeWeights {
	w := state.TradeWeights{Trade: id, Shards: make([]int64, len(trade.Totals))}
	for i := range trade.Totals {
		w.Shards[i] = trade.Totals[i].Weight
	}
	return w
}

// flushed tells every shard what was collected, each with its own place in the batches' weights.
func (d *dealing) flushed(cause *inbox.Cause, tally *state.DealingTally) []streams.Out {
	if len(tally.Weights) == 0 {
		return nil
	}
	id := flushID(tally)
	outs := make([]streams.Out, 0, d.shards)
	for shard := range d.shards {
		body := &inbox.BatchesConfirmed{
			Priced:   slices.Clone(tally.Confirmed.Priced),
			Settled:  slices.Clone(tally.Confirmed.Settled),
			Rejected: slices.Clone(tally.Confirmed.Rejected),
		}
		for i := range body.Priced {
			b := &body.Priced[i]
			b.WeightBefore, b.WeightThrough = runningWeights(tally, b.Trade, shard)
		}
		for i := range body.Settled {
			b := &body.Settled[i]
			b.WeightBefore, b.WeightThrough = runningWeights(tally, b.Trade, shard)
		}
		for i := range body.Rejected {
			if b := &body.Rejected[i]; len(b.Pieces) > 0 {
				b.WeightBefore, b.WeightThrough = runningWeights(tally, b.Trade, shard)
			}
		}
		outs = append(outs, tell(shard, id, cause, body))
	}
	if isLeft(tally) {
		outs = append(outs, flushOut(cause))
	}
	return outs
}

// isLeft says whether a bound of the sweep was reached, so that something may be left to be told.
func isLeft(tally *state.DealingTally) bool {
	told := &tally.Confirmed
	pieces := 0
	for i := range told.Priced {
		if i == 0 || told.Priced[i].Trade != told.Priced[i-1].Trade {
			pieces = 0
		}
		if pieces++; pieces == piecesToldMax {
			return true
		}
	}
	return isFull(tally)
}

// runningWeights sums the trade's weights over the shards before this one, and up to and with it.
func runningWeights(tally *state.DealingTally, trade schemas.ID, shard int32) (before, through int64) {
	for i := range tally.Weights {
		if tally.Weights[i].Trade != trade {
			continue
		}
		for n, weight := range tally.Weights[i].Shards {
			if n < int(shard) {
				before += weight
			}
			if n <= int(shard) {
				through += weight
			}
		}
	}
	return before, through
}

// flushID names what is told by the first of it: each piece, settlement and rejection is told once. It is known as soon as the first trade was visited.
func flushID(tally *state.DealingTally) string {
	trade, c := tally.Weights[0].Trade, &tally.Confirmed
	what := eventRejected
	switch {
	case len(c.Priced) > 0 && c.Priced[0].Trade == trade:
		what = strconv.Itoa(int(c.Priced[0].Piece))
	case len(c.Settled) > 0 && c.Settled[0].Trade == trade:
		what = eventSettled
	}
	return schemas.DeriveID("confirmed", trade.String(), what).String()
}
