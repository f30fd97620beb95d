package invariants

import (
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// deriveTransfer works out the orders of a transfer out, one for each asset that the pot had. How many there were, only its answer says, and which assets,
// only its journal: the orders' ids are derived, and everything else about them is judged as of any sell of all.
func (f *facts) deriveTransfer(received *Received, answered []schemas.ID) {
	i := received.Instruction
	if _, leaves := i.Body.(*ingest.TransferOut); !leaves {
		return
	}
	for n := range answered {
		id := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), string(rune('a'+n)))
		if f.orders[id] == nil && slices.Contains(answered, id) {
			f.orders[id] = &order{id: id, pot: i.Pot, received: received, asset: f.reservedBy(id), sells: true, trades: make(map[schemas.ID]bool)}
		}
	}
}

// reservedBy is the asset that an order has reserved, empty where none was.
func (f *facts) reservedBy(order schemas.ID) schemas.AssetCode {
	for _, j := range f.Journals {
		for n := range j.Postings {
			if p := &j.Postings[n]; p.Stage == stageReserved && p.Order != nil && *p.Order == order {
				return p.Asset
			}
		}
	}
	return ""
}
