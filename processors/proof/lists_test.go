package proof_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

func TestListsAreFoundWhereverTheOrderStandsInThem(t *testing.T) {
	a, b, c := schemas.ID{1}, schemas.ID{2}, schemas.ID{3}
	one, two, three := schemas.ID{10}, schemas.ID{20}, schemas.ID{30}
	part := func(trade schemas.ID, before int64, orders ...schemas.ID) audit.FrozenBatch {
		batch := audit.FrozenBatch{Trade: trade, Before: before}
		for _, order := range orders {
			batch.Orders = append(batch.Orders, audit.FrozenOrder{ID: order})
		}
		return batch
	}
	records := []*audit.FrozenOrders{
		{RecordedAt: 1, Batches: []audit.FrozenBatch{part(one, 0, a), part(two, 0, c)}},
		{RecordedAt: 1, Batches: []audit.FrozenBatch{part(one, 1, b), part(two, 1, a)}},
		{RecordedAt: 1, Batches: []audit.FrozenBatch{part(one, 2, c)}},
		// A pot was missing in the third trade: when it is there its list begins anew.
		{RecordedAt: 2, Batches: []audit.FrozenBatch{part(three, 0, a, b)}},
		{RecordedAt: 3, Batches: []audit.FrozenBatch{part(three, 0, a)}},
		{RecordedAt: 3, Batches: []audit.FrozenBatch{part(three, 1, c, b)}},
	}
	lists := proof.NewLists(b)
	for _, record := range records {
		lists.Add(record)
	}
	if got := lists.Trades(); !slices.Equal(got, []schemas.ID{one, three}) {
		t.Fatalf("the order is in %v", got)
	}
	for trade, want := range map[schemas.ID][]schemas.ID{one: {a, b, c}, three: {a, c, b}} {
		var got []schemas.ID
		for _, order := range lists.Orders(trade) {
			got = append(got, order.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("trade %s: %v, want %v", trade, got, want)
		}
	}
}
