package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// deriveAccepted derives the orders of the instructions that were accepted. The receipt counts that was answered so: others of
// the same id may have come before it, and been refused, or after it.
func (f *facts) deriveAccepted() {
	receipts := make(map[instructionKey][]*Received)
	for n := range f.Instructions {
		i := f.Instructions[n].Instruction
		key := instructionKey{i.Source, i.Pot, i.ID}
		receipts[key] = append(receipts[key], &f.Instructions[n])
	}
	for _, s := range f.Statuses {
		if s.Source == sourceRebalancing {
			f.noteRun(s)
			continue
		}
		f.noteHeld(s, receipts[instructionKey{s.Source, s.Pot, s.ID}])
		if s.State != stateAccepted || s.Duplicate {
			continue
		}
		for _, received := range receipts[instructionKey{s.Source, s.Pot, s.ID}] {
			if received.ReceivedAt == s.ReceivedAt {
				if !f.accept(received, s) {
					f.derive(received)
				}
				f.deriveTransfer(received, s.Orders)
				break
			}
		}
	}
}

// derive works out which orders an accepted instruction makes.
func (f *facts) derive(received *Received) {
	i := received.Instruction
	switch body := i.Body.(type) {
	case *ingest.Buy:
		f.deriveBuy(received, 0, body.Asset, body.Cash)
	case *ingest.Sell:
		f.deriveSell(received, body.Asset, body.Units, body.Cash, "")
	case *ingest.Switch:
		f.deriveSell(received, body.Asset, body.Units, body.Cash, body.Into)
	case *ingest.Contribution:
		f.deriveSplit(received, body)
	}
}

// deriveSplit works out the orders of a contribution with a split, and returns their ids.
func (f *facts) deriveSplit(received *Received, c *ingest.Contribution) []schemas.ID {
	var ids []schemas.ID
	for n, part := range split(c) {
		if part > 0 {
			ids = append(ids, f.deriveBuy(received, n, c.Split[n].Asset, part))
		}
	}
	return ids
}

func (f *facts) deriveBuy(received *Received, leg int, asset schemas.AssetCode, cash schemas.Money) schemas.ID {
	i := received.Instruction
	id := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), string(rune('a'+leg)))
	if f.orders[id] == nil {
		f.orders[id] = &order{id: id, pot: i.Pot, received: received, asset: asset, cash: cash, trades: make(map[schemas.ID]bool)}
	}
	return id
}

// deriveSell works out the order of a sell, or the selling one of a switch. What a switch buys for is known once it has sold.
func (f *facts) deriveSell(received *Received, asset schemas.AssetCode, units *schemas.Quantity, cash *schemas.Money, into schemas.AssetCode) {
	i := received.Instruction
	id := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), "a")
	if f.orders[id] != nil {
		return
	}
	o := &order{id: id, pot: i.Pot, received: received, asset: asset, sells: true, into: into, trades: make(map[schemas.ID]bool)}
	if cash != nil {
		o.byCash, o.cash = true, *cash
	}
	if units != nil {
		o.units = *units
	}
	f.orders[id] = o
}
