package pot

import (
	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// dayClosed ends the closing of a day: the shard's total of each batch goes to dealing. The total of a batch with pots that are set aside is
// withheld until a repeated sweep finds all of them; the day is closed all the same, so that nothing joins the batch meanwhile.
func dayClosed(place streams.Place, stored *state.PotReference, cause *inbox.Cause, m *inbox.DayClosed, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	c := newClosing(place, stored)
	next := *stored
	outs := append(make([]streams.Out, 0, 1+batch.KindCount*len(m.Assets)), frozenOuts(place, m, tally)...)
	for i := range m.Assets {
		asset := &m.Assets[i]
		if !place.Released {
			next.Closed = closedThrough(next.Closed, asset.Asset, m.Day)
		}
		for _, kind := range batch.Kinds() {
			trade := batch.Trade(m.Day, asset.Custodian, asset.Asset, kind)
			// Nothing of an incomplete total is kept: the repeated sweep finds every order as it was.
			if c.due(batch.Tag(m.Day, asset.Asset, kind), trade, HeldTotal, &state.BatchTally{}) {
				outs = append(outs, totalOut(place, cause, m.Day, asset, kind, tallyOf(tally, trade, HeldTotal)))
			}
		}
	}
	if place.Released {
		return c.after(stored), outs
	}
	return c.after(&next), outs
}

// totalOut tells dealing what the shard has frozen for a batch. An empty batch is told of, too: dealing has to know that all shards have closed it.
func totalOut(place streams.Place, cause *inbox.Cause, day schemas.Date, asset *inbox.ClosedAsset, kind batch.Kind, total *state.BatchTally) streams.Out {
	return streams.Out{Topic: streams.DealingInbox, Key: total.Trade.String(), Value: &inbox.DealingMessage{
		Cause: *cause,
		Body: &inbox.ShardTotal{
			Shard: place.Shard, Trade: total.Trade, Day: day, Custodian: asset.Custodian, Asset: asset.Asset, UnitsScale: asset.UnitsScale,
			Side: kind.Side, Basis: kind.Basis, Weight: total.Weight, Orders: total.Orders, Root: inbox.Root(rootOf(total.Peaks)),
			LeastReserved: total.LeastReserved, LeastWeight: total.LeastWeight, SettlesOn: asset.SettlesOn, Policy: asset.Policy,
		},
	}}
}

// batchesConfirmed ends a sweep over confirmed batches: it books the shard's part of each, and what rounding leaves. Where pots of a batch are
// set aside, that waits until a repeated sweep has found all of them.
func batchesConfirmed(place streams.Place, stored *state.PotReference, cause *inbox.Cause, m *inbox.BatchesConfirmed, tally *state.PotTally) (*state.PotReference, []streams.Out) {
	c := newClosing(place, stored)
	d := newDraft(&state.PotState{}, 2*len(m.Priced)+2*len(m.Settled))
	for i := range m.Priced {
		b := &m.Priced[i]
		if shares := tallyOf(tally, b.Trade, b.Piece); c.due(pricedPart(b).tag(), b.Trade, b.Piece, shares) {
			d.round(b, shares)
		}
	}
	for i := range m.Settled {
		b := &m.Settled[i]
		if part := settledPart(b); c.due(part.tag(), b.Trade, HeldSettlement, &state.BatchTally{}) {
			d.settle(part, b.SettledOn, part.of(b.Got, b.Given))
		}
	}
	for i := range m.Rejected {
		b := &m.Rejected[i]
		if shares := tallyOf(tally, b.Trade, HeldGivenUp); len(b.Pieces) > 0 && c.due(rejectedPart(b).tag(), b.Trade, HeldGivenUp, shares) {
			d.unround(b, shares)
		}
	}
	return c.after(stored), d.closed(place, cause, c)
}

// closed returns the journal of a sweep's close, or none where nothing was posted. One message may close several times, each time with something else: what a
// repetition does is in the name of its journal.
func (d *draft) closed(place streams.Place, cause *inbox.Cause, c *closing) []streams.Out {
	if len(d.postings) == 0 {
		return nil
	}
	return []streams.Out{journalOut(place, nil, streams.ControlKey(place.Shard), cause, "closed"+c.done, d.postings)}
}

// round posts the residue of a piece, which is the shard's part less the shares of its orders, to the rounding account.
func (d *draft) round(b *inbox.PricedBatch, shares *state.BatchTally) {
	part := pricedPart(b)
	part.mustHave(shares)
	had := part.of(b.GotThrough, b.GivenThrough).Minus(part.of(b.GotBefore, b.GivenBefore))
	d.residue(part, had.Got-shares.Got, shares.Given-had.Given)
}

// residue posts what rounding leaves of what a batch got and gave to the rounding account, or back where a later piece takes a rounded quantum away again.
func (d *draft) residue(b batchPart, got, given int64) {
	p := purpose{stage: stageRounded, effectiveOn: b.day, trade: b.trade}
	cash, units := cashAndUnits(b.kind.Side, got, given)
	cashOwed, unitsOwed := owed(b.custodian)
	shift(d, p, schemas.Cash, schemas.MoneyScale, cashOwed, outside[schemas.Money](ledger.SchemeRounding), schemas.Money(cash))
	shift(d, p, b.asset, b.scale, unitsOwed, outside[schemas.Units](ledger.SchemeRounding), schemas.Units(units))
}

// settle books the outside leg of a settled batch, or of the correction of one: the shard's part of what was paid and delivered.
func (d *draft) settle(b batchPart, on schemas.Date, moved allocation.Amounts) {
	p := purpose{stage: stageSettled, effectiveOn: on, trade: b.trade}
	cash, units := cashAndUnits(b.kind.Side, moved.Got, moved.Given)
	if b.kind.Side == inbox.SideSell {
		cash, units = -cash, -units
	}
	cashOwed, unitsOwed := owed(b.custodian)
	shift(d, p, schemas.Cash, schemas.MoneyScale, cashOwed, outside[schemas.Money](ledger.BankClientMoney), schemas.Money(cash))
	shift(d, p, b.asset, b.scale, outside[schemas.Units](ledger.UnitsSettled(b.custodian)), unitsOwed, schemas.Units(units))
}

// timeReached tells readers how far the shard has come. A repeated sweep has nothing to tell: it has come further since.
func timeReached(place streams.Place, m *inbox.TimeReached) []streams.Out {
	if place.Released {
		return nil
	}
	return []streams.Out{{Topic: streams.LedgerProgress, Key: streams.ControlKey(place.Shard), Value: &ledger.Progress{
		Shard: place.Shard, Sequence: place.Sequence, RecordedBefore: m.Time,
	}}}
}
