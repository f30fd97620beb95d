package pot

import (
	"fmt"

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
		if shares := tallyOf(tally, b.Trade, b.Piece); c.due(batch.Tag(b.Day, b.Asset, pricedKind(b)), b.Trade, b.Piece, shares) {
			d.round(b, shares)
		}
	}
	for i := range m.Settled {
		b := &m.Settled[i]
		if c.due(batch.Tag(b.Day, b.Asset, settledKind(b)), b.Trade, HeldSettlement, &state.BatchTally{}) {
			d.settle(b)
		}
	}
	for i := range m.Rejected {
		b := &m.Rejected[i]
		if shares := tallyOf(tally, b.Trade, HeldGivenUp); len(b.Pieces) > 0 && c.due(batch.Tag(b.Day, b.Asset, rejectedKind(b)), b.Trade, HeldGivenUp, shares) {
			d.unround(b, shares)
		}
	}
	if len(d.postings) == 0 {
		return c.after(stored), nil
	}
	// One message may close several times, each time with something else: what a repetition does is in the name of its journal.
	return c.after(stored), []streams.Out{journalOut(place, nil, streams.ControlKey(place.Shard), cause, "closed"+c.done, d.postings)}
}

// round posts the residue of a piece, which is the shard's part less the shares of its orders, to the rounding account.
func (d *draft) round(b *inbox.PricedBatch, shares *state.BatchTally) {
	if want := b.WeightThrough - b.WeightBefore; shares.Weight != want {
		panic(fmt.Sprintf("pot: batch %s has weight %d in this shard, its pots have %d", b.Trade, want, shares.Weight))
	}
	through := mustShare(allocation.Part(allocation.Amounts{Got: b.GotThrough, Given: b.GivenThrough}, b.WeightBefore, b.WeightThrough, b.Weight))
	before := mustShare(allocation.Part(allocation.Amounts{Got: b.GotBefore, Given: b.GivenBefore}, b.WeightBefore, b.WeightThrough, b.Weight))
	part := through.Minus(before)
	p := purpose{stage: stageRounded, effectiveOn: b.Day, trade: &b.Trade}
	given, got := shares.Given-part.Given, part.Got-shares.Got
	cash, units := given, got
	if b.Side == inbox.SideSell {
		cash, units = got, given
	}
	residue(d, p, schemas.Cash, schemas.MoneyScale, ledger.CashOwed(b.Custodian), schemas.Money(cash))
	residue(d, p, b.Asset, b.UnitsScale, ledger.UnitsOwed(b.Custodian), schemas.Units(units))
}

// residue posts from an owed account to rounding, or back where a later piece takes a rounded quantum away again.
func residue[T ~int64](d *draft, p purpose, asset schemas.AssetCode, scale int32, owed schemas.Account, amount T) {
	either(d, p, asset, scale, owed, ledger.SchemeRounding, amount)
}

// either posts an amount between accounts of the outside world: from one to the other, or the other way where it is negative.
func either[T ~int64](d *draft, p purpose, asset schemas.AssetCode, scale int32, from, to schemas.Account, amount T) {
	if amount < 0 {
		from, to, amount = to, from, -amount
	}
	move(d, p, asset, scale, outside[T](from), outside[T](to), amount)
}

// settle books the outside leg of a settled batch: the shard's part of what was paid and delivered.
func (d *draft) settle(b *inbox.SettledBatch) {
	part := mustShare(allocation.Part(allocation.Amounts{Got: b.Got, Given: b.Given}, b.WeightBefore, b.WeightThrough, b.Weight))
	p := purpose{stage: stageSettled, effectiveOn: b.SettledOn, trade: &b.Trade}
	cashOwed, bank := outside[schemas.Money](ledger.CashOwed(b.Custodian)), outside[schemas.Money](ledger.BankClientMoney)
	owed, settled := outside[schemas.Units](ledger.UnitsOwed(b.Custodian)), outside[schemas.Units](ledger.UnitsSettled(b.Custodian))
	if b.Side == inbox.SideSell {
		d.moveCash(p, bank, cashOwed, schemas.Money(part.Got))
		move(d, p, b.Asset, b.UnitsScale, owed, settled, schemas.Units(part.Given))
		return
	}
	d.moveCash(p, cashOwed, bank, schemas.Money(part.Given))
	move(d, p, b.Asset, b.UnitsScale, settled, owed, schemas.Units(part.Got))
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
