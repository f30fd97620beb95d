package pot

import (
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// The kind of batch that an order, or a part of a message, belongs to.

func kindOf(o *state.Order) batch.Kind { return batch.Kind{Side: o.Side, Basis: o.Basis} }

func dealtKind(o *state.DealtOrder) batch.Kind { return batch.Kind{Side: o.Side, Basis: o.Basis} }

func correctedKind(b *inbox.BatchCorrected) batch.Kind {
	return batch.Kind{Side: b.Side, Basis: b.Basis}
}

func pricedKind(b *inbox.PricedBatch) batch.Kind { return batch.Kind{Side: b.Side, Basis: b.Basis} }

func settledKind(b *inbox.SettledBatch) batch.Kind { return batch.Kind{Side: b.Side, Basis: b.Basis} }

func rejectedKind(b *inbox.RejectedBatch) batch.Kind { return batch.Kind{Side: b.Side, Basis: b.Basis} }
