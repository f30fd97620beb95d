package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/allocation"
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// batchKey names the batch that an order belongs to. An asset has one custodian on a day, so it needs none.
type batchKey struct {
	day   schemas.Date
	asset schemas.AssetCode
	kind  batch.Kind
}

// tag is borne by pots with orders in the batch.
func (k batchKey) tag() string { return batch.Tag(k.day, k.asset, k.kind) }

func kindOf(o *state.Order) batch.Kind { return batch.Kind{Side: o.Side, Basis: o.Basis} }

func batchOf(o *state.Order) batchKey { return batchKey{o.Day, o.Asset, kindOf(o)} }

func dealtBatch(o *state.DealtOrder) batchKey {
	return batchKey{o.Day, o.Asset, batch.Kind{Side: o.Side, Basis: o.Basis}}
}

// batchPart is the part that a shard has of a batch, as a message tells of it.
type batchPart struct {
	batchKey
	trade     *schemas.ID
	custodian schemas.CustodianID
	scale     int32
	// before and through are the weights of all shards before this one, and up to and with it; whole is that of all.
	before, through, whole int64
}

func pricedPart(b *inbox.PricedBatch) batchPart {
	key := batchKey{b.Day, b.Asset, batch.Kind{Side: b.Side, Basis: b.Basis}}
	return batchPart{key, &b.Trade, b.Custodian, b.UnitsScale, b.WeightBefore, b.WeightThrough, b.Weight}
}

func settledPart(b *inbox.SettledBatch) batchPart {
	key := batchKey{b.Day, b.Asset, batch.Kind{Side: b.Side, Basis: b.Basis}}
	return batchPart{key, &b.Trade, b.Custodian, b.UnitsScale, b.WeightBefore, b.WeightThrough, b.Weight}
}

func rejectedPart(b *inbox.RejectedBatch) batchPart {
	key := batchKey{b.Day, b.Asset, batch.Kind{Side: b.Side, Basis: b.Basis}}
	return batchPart{key, &b.Trade, b.Custodian, b.UnitsScale, b.WeightBefore, b.WeightThrough, b.Weight}
}

func correctedPart(b *inbox.BatchCorrected) batchPart {
	key := batchKey{b.Day, b.Asset, batch.Kind{Side: b.Side, Basis: b.Basis}}
	return batchPart{key, &b.Trade, b.Custodian, b.UnitsScale, b.WeightBefore, b.WeightThrough, b.Weight}
}

// of is the shard's part of what the whole batch got and gave.
func (p batchPart) of(got, given int64) allocation.Amounts {
	return mustShare(allocation.Part(allocation.Amounts{Got: got, Given: given}, p.before, p.through, p.whole))
}

// mustHave panics where the orders that were found are not those whose weight was frozen for the shard.
func (p batchPart) mustHave(shares *state.BatchTally) {
	if frozen := p.through - p.before; shares.Weight != frozen {
		panic(fmt.Sprintf("pot: batch %s has weight %d in this shard, its pots have %d", p.trade, frozen, shares.Weight))
	}
}
