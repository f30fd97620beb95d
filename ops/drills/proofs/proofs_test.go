// Package proofs_test proves every order of a long random run.
package proofs_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/penstock-ledger/penstock/ops/avrojson"
	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	shards     = 3
	seed       = 2008
	days       = 20
	actionsMax = 60
)

// TestEveryOrderOfALongRunIsProven plays a history of buys, sells, switches, rejections and deferrals in which one in five transactions is dropped and sweeps take several, and proves
// every order of every trade from what the shards told of it, with what it is derived from.
func TestEveryOrderOfALongRunIsProven(t *testing.T) {
	pipeline, err := sim.New(shards, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))...)
	if err != nil {
		t.Fatal(err)
	}
	pipeline.Vary(sim.Schedule{Seed: seed, RecordsMax: 20, VisitsMax: 2, DropOneIn: 5})
	h := history.Draw(seed, days, actionsMax)
	if err := history.New(&h, shards, pipeline).Play(); err != nil {
		t.Fatal(err)
	}
	trades := published(t, pipeline)
	proven, orders := 0, make(map[schemas.ID]int)
	kinds, steps := make(map[string]int), make(map[string]int)
	of := families(t, pipeline)
	for shard := range int32(shards) {
		told := toldBy(pipeline, shard)
		for _, id := range ordersIn(told) {
			lists := proof.NewLists(id)
			for _, record := range told {
				lists.Add(record)
			}
			derivation := of[id].derivation(id)
			steps[lastOf(derivation)]++
			for _, trade := range lists.Trades() {
				record := trades[trade]
				if record == nil {
					t.Errorf("order %s of shard %d was frozen for trade %s, which was never published", id, shard, trade)
					continue
				}
				p, err := proof.Make(id, shard, lists.Orders(trade), record, derivation)
				if err != nil {
					t.Errorf("order %s of shard %d in trade %s: %v", id, shard, trade, err)
					continue
				}
				if err := errors.Join(p.Check(), p.Compare(record)); err != nil {
					t.Error(err)
				}
				kinds[p.Trade.Side+" by "+p.Trade.Basis]++
				orders[id]++
				proven++
			}
		}
	}
	want, carried, rests := int64(0), 0, 0
	for _, record := range trades {
		want += record.Value.Orders
	}
	for id, times := range orders {
		if times > 1 {
			carried++
		}
		if orders[schemas.RestOf(id)] > 0 {
			rests++
		}
	}
	if int64(proven) != want || len(kinds) != 3 || carried == 0 || rests == 0 {
		t.Errorf("%d orders were proven, %d were published; by kind %v, %d carried, %d rests", proven, want, kinds, carried, rests)
	}
	if steps["order"] == 0 || steps["rest"] != rests || steps["part"] == 0 || len(steps) != 3 {
		t.Errorf("by the last step of what they are derived from they are %v", steps)
	}
	t.Logf("%d orders of %d trades are proven (%v), %d of them in more than one, %d rests; by the last step: %v", proven, len(trades), kinds, carried, rests, steps)
}

// toldBy is what a shard told of the orders that it froze.
func toldBy(pipeline *sim.Pipeline, shard int32) []*audit.FrozenOrders {
	return history.Decoded(pipeline.Partition(streams.AuditBatch, shard), streams.AuditBatch, func() *audit.FrozenOrders { return new(audit.FrozenOrders) })
}

// ordersIn are the orders that a shard told of, each once.
func ordersIn(told []*audit.FrozenOrders) []schemas.ID {
	var ids []schemas.ID
	seen := make(map[schemas.ID]bool)
	for _, record := range told {
		for _, b := range record.Batches {
			for _, order := range b.Orders {
				if !seen[order.ID] {
					seen[order.ID] = true
					ids = append(ids, order.ID)
				}
			}
		}
	}
	return ids
}

// published are the records that published trades, as penstock tail prints them.
func published(t *testing.T, pipeline *sim.Pipeline) map[schemas.ID]*proof.Published {
	t.Helper()
	codec, err := avrojson.New(ledger.TradeSchema)
	if err != nil {
		t.Fatal(err)
	}
	records := make(map[schemas.ID]*proof.Published)
	for _, record := range pipeline.Topic(streams.LedgerTrade) {
		payload, err := sim.Unframe(streams.LedgerTrade, record.Value)
		if err != nil {
			t.Fatal(err)
		}
		value, err := codec.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"topic": streams.LedgerTrade, "partition": record.Partition, "offset": record.Offset, "value": json.RawMessage(value)})
		if err != nil {
			t.Fatal(err)
		}
		told, err := proof.ParsePublished(line)
		if err != nil {
			t.Fatal(err)
		}
		id, err := schemas.ParseID(record.Key)
		if err != nil {
			t.Fatal(err)
		}
		if told.IsRoot() {
			records[id] = told
		}
	}
	return records
}
