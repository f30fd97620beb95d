package proofs_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// legs is how many orders an instruction of a history makes at most.
const legs = 5

// family is an instruction with all orders that came of it.
type family struct {
	origin proof.Origin
	orders []schemas.ID
}

// families finds which instruction each order came of: one of its own, the rest of such an order, or a part of a switch's buy.
func families(t *testing.T, pipeline *sim.Pipeline) map[schemas.ID]*family {
	t.Helper()
	frozen := make(map[schemas.ID]bool)
	for shard := range int32(shards) {
		for _, id := range ordersIn(toldBy(pipeline, shard)) {
			frozen[id] = true
		}
	}
	of := make(map[schemas.ID]*family)
	for _, record := range pipeline.Topic(streams.IngestInstruction) {
		i, ok := history.Decode(streams.IngestInstruction, record.Value, new(ingest.Instruction))
		if !ok {
			continue // histories send what cannot be read too
		}
		f := &family{origin: proof.Origin{Source: i.Source, Pot: i.Pot, Instruction: string(i.ID), BookedOn: i.InstructedOn}}
		for leg := range legs {
			id := schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), string(rune('a'+leg)))
			f.orders = append(f.orders, id)
			of[id] = f
		}
		f.grow(frozen, of)
	}
	return of
}

// grow adds the orders that came of those that the family has.
func (f *family) grow(frozen map[schemas.ID]bool, of map[schemas.ID]*family) {
	for before := 0; before < len(f.orders); {
		before = len(f.orders)
		for _, one := range f.orders[:before] {
			next := []schemas.ID{schemas.RestOf(one)}
			for _, other := range f.orders[:before] {
				next = append(next, schemas.DeriveID("part", one.String(), other.String()))
			}
			for _, id := range next {
				if frozen[id] && of[id] == nil {
					f.orders = append(f.orders, id)
					of[id] = f
				}
			}
		}
	}
}

// derivation is that of an order, or nil where no instruction is known that it came of.
func (f *family) derivation(order schemas.ID) [][]string {
	if f == nil {
		return nil
	}
	return proof.Derivation(order, []proof.Origin{f.origin}, f.orders)
}

// lastOf names the last step of a derivation.
func lastOf(derivation [][]string) string {
	if len(derivation) == 0 {
		return "nothing"
	}
	return derivation[len(derivation)-1][0]
}
