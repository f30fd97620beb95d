package pot

import (
	"math"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// frozenMax is how many frozen orders wait in the tally before they are told of, in one record of some 20 kB. One record for each order would
// cost more than the rest of a day's closing.
const frozenMax = 500

// dayClosedTags are the tags of all pots with orders of the day.
func dayClosedTags(m *inbox.DayClosed) []string {
	kinds := batch.Kinds()
	tags := make([]string, 0, len(kinds)*len(m.Assets))
	for i := range m.Assets {
		for _, kind := range kinds {
			tags = append(tags, batch.Tag(m.Day, m.Assets[i].Asset, kind))
		}
	}
	return tags
}

// freeze adds one pot's orders of the day to the totals, and tells of what was frozen once there is enough of it. No pot is written: that the orders are
// frozen is a fact of the day.
func freeze(place streams.Place, r *Reference, pot *state.PotState, m *inbox.DayClosed, tally *state.PotTally) []streams.Out {
	for i := range pot.Orders {
		order := &pot.Orders[i]
		for a := range m.Assets {
			if order.Day != m.Day || order.Asset != m.Assets[a].Asset || order.Awaits != state.AwaitsNothing {
				continue
			}
			trade := batch.Trade(m.Day, m.Assets[a].Custodian, order.Asset, kindOf(order))
			if place.Released && !r.owesTotal(trade) {
				continue // it was told, and some of its orders may have come to their end since
			}
			freezeOrder(order, tallyOf(tally, trade, HeldTotal))
			tally.Frozen = append(tally.Frozen, state.FrozenOrder{Trade: trade, Order: order.ID, Weight: order.Amount, Salt: order.Salt})
		}
	}
	if len(tally.Frozen) < frozenMax {
		return nil
	}
	return frozenOuts(place, m, tally)
}

// freezeOrder adds an order to the total of its batch.
func freezeOrder(order *state.Order, entry *state.BatchTally) {
	sum, err := schemas.AddChecked(entry.Weight, order.Amount)
	if err != nil {
		sum = math.MaxInt64 // far more than dealing lets a trade be for: it ends before it is placed
	}
	entry.Orders++
	entry.Weight = sum
	if order.Side == inbox.SideSell && order.Basis == inbox.BasisCash && batch.IsLess(int64(order.Reserved), order.Amount, entry.LeastReserved, entry.LeastWeight) {
		entry.LeastReserved, entry.LeastWeight = int64(order.Reserved), order.Amount
	}
	entry.Peaks = appendLeaf(entry.Peaks, merkle.Leaf(merkle.Salt(order.Salt), order.ID, order.Amount))
}

// owesTotal says whether the shard has not told the total of the batch yet, because a pot was set aside.
func (r *Reference) owesTotal(trade schemas.ID) bool {
	return slices.ContainsFunc(r.held, func(h state.HeldBatch) bool { return h.Trade == trade && h.Piece == HeldTotal })
}

// frozenOuts tells of the orders that were frozen since it was last told of any: who is to prove an order needs the leaves beside it, and the salts
// stand nowhere else once the order has come to its end.
func frozenOuts(place streams.Place, m *inbox.DayClosed, tally *state.PotTally) []streams.Out {
	if len(tally.Frozen) == 0 {
		return nil
	}
	told := &audit.FrozenOrders{Shard: place.Shard, Day: m.Day, RecordedAt: place.RecordedAt}
	for i := range tally.Frozen {
		f := &tally.Frozen[i]
		frozen := frozenOf(told, f.Trade)
		frozen.Orders = append(frozen.Orders, audit.FrozenOrder{ID: f.Order, Weight: f.Weight, Salt: audit.FrozenSalt(f.Salt)})
	}
	for i := range told.Batches {
		frozen := &told.Batches[i]
		frozen.Before = tallyOf(tally, frozen.Trade, HeldTotal).Orders - int64(len(frozen.Orders))
	}
	tally.Frozen = tally.Frozen[:0]
	return []streams.Out{{Topic: streams.AuditBatch, Key: streams.ControlKey(place.Shard), Value: told}}
}

// frozenOf returns what is told of a batch, making it where there is nothing.
func frozenOf(told *audit.FrozenOrders, trade schemas.ID) *audit.FrozenBatch {
	for i := range told.Batches {
		if told.Batches[i].Trade == trade {
			return &told.Batches[i]
		}
	}
	told.Batches = append(told.Batches, audit.FrozenBatch{Trade: trade})
	return &told.Batches[len(told.Batches)-1]
}

func appendLeaf(stored []state.Peak, leaf merkle.Hash) []state.Peak {
	peaks := merkle.Append(peaksOf(stored), leaf)
	stored = stored[:0]
	for _, p := range peaks {
		stored = append(stored, state.Peak{Height: p.Height, Hash: state.PeakHash(p.Hash)})
	}
	return stored
}

func rootOf(stored []state.Peak) merkle.Hash { return merkle.Root(peaksOf(stored)) }

func peaksOf(stored []state.Peak) []merkle.Peak {
	peaks := make([]merkle.Peak, len(stored), len(stored)+1)
	for i, p := range stored {
		peaks[i] = merkle.Peak{Height: p.Height, Hash: merkle.Hash(p.Hash)}
	}
	return peaks
}
