package proof

import (
	"bytes"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// Lists collects, of one shard, the orders of the trades that an order is in, from the records of audit.batch.v1 in their order.
type Lists struct {
	order  schemas.ID
	trades map[schemas.ID][]audit.FrozenOrder
	// open are lists that may still go on: the order may come later in them. They are forgotten with the next day that is closed.
	open map[schemas.ID][]audit.FrozenOrder
	at   schemas.Instant
}

// NewLists collects for the order.
func NewLists(order schemas.ID) *Lists {
	return &Lists{order: order, trades: make(map[schemas.ID][]audit.FrozenOrder), open: make(map[schemas.ID][]audit.FrozenOrder)}
}

// Add takes the next record. A list may begin anew, because an order was missing when it was told of first, and only then have the order.
func (l *Lists) Add(frozen *audit.FrozenOrders) {
	if frozen.RecordedAt != l.at {
		clear(l.open)
		l.at = frozen.RecordedAt
	}
	for i := range frozen.Batches {
		b := &frozen.Batches[i]
		if b.Before == 0 {
			delete(l.open, b.Trade)
			delete(l.trades, b.Trade)
		}
		into := l.open
		if _, ours := l.trades[b.Trade]; ours {
			into = l.trades
		}
		if int64(len(into[b.Trade])) != b.Before {
			continue // its beginning was not read
		}
		into[b.Trade] = append(into[b.Trade], b.Orders...)
		for k := range b.Orders {
			if b.Orders[k].ID == l.order {
				l.trades[b.Trade] = into[b.Trade]
				delete(l.open, b.Trade)
			}
		}
	}
}

// Trades returns the trades that the order is in: one, or several where it was carried from one to another.
func (l *Lists) Trades() []schemas.ID {
	return slices.SortedFunc(maps.Keys(l.trades), func(a, b schemas.ID) int { return bytes.Compare(a[:], b[:]) })
}

// Orders returns the shard's orders of one of these trades, in the order of their leaves.
func (l *Lists) Orders(trade schemas.ID) []audit.FrozenOrder { return l.trades[trade] }
