package drills_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/streams"
)

// Who proves an order may read the orders of each batch with a client of their own, too.

func TestForeignClientReadsWhatBatchesAreMadeOf(t *testing.T) {
	python := findPython(t)
	readBatches(newRig(t, inProcess(t)), python)
}

func TestRealKafkaWithAForeignReaderOfBatches(t *testing.T) {
	python := findPython(t)
	readBatches(newRig(t, onRealKafka(t, false)), python)
}

// readBatches closes a day with an order for each pot, and has Python read what the shards tell of it.
func readBatches(r *rig, python string) {
	r.refer(spineReference())
	r.contribute()
	r.tick(at("2008-03-20T12:00:01Z"))
	all := await(r, streams.AuditBatch, "the orders of a batch", func(all []*audit.FrozenOrders) bool { return len(frozen(all)) == pots })
	for _, order := range frozen(all) {
		if order.Weight != 100_00 {
			r.t.Errorf("order %s weighs %d", order.ID, order.Weight)
		}
	}
	f := &foreign{rig: r, python: python, today: day("2008-03-20")}
	lines := f.run(consumeScript, streams.AuditBatch, strconv.Itoa(len(all)))
	want := make(map[string]map[string]any)
	for _, told := range all {
		want[fmt.Sprintf("%s of %d", streams.ControlKey(told.Shard), told.Shard)] = pythonFrozen(told)
	}
	for _, line := range lines {
		var s seen
		r.must(json.Unmarshal([]byte(line), &s))
		place := fmt.Sprintf("%s of %v", s.Key, s.Value["shard"])
		if want[place] == nil {
			r.t.Errorf("Python read a record of %s, which nobody wrote, or twice", place)
			continue
		}
		compare(r.t, place, s.Value, want[place])
		delete(want, place)
	}
	for place := range want {
		r.t.Errorf("Python did not read the record of %s", place)
	}
}

// frozen is the orders of all batches.
func frozen(all []*audit.FrozenOrders) (orders []audit.FrozenOrder) {
	for _, told := range all {
		for i := range told.Batches {
			orders = append(orders, told.Batches[i].Orders...)
		}
	}
	return orders
}

// pythonFrozen is a record of frozen orders as Python sees it: ids and salts are bytes there.
func pythonFrozen(told *audit.FrozenOrders) map[string]any {
	batches := []any{}
	for i := range told.Batches {
		batch := &told.Batches[i]
		orders := []any{}
		for _, order := range batch.Orders {
			orders = append(orders, map[string]any{
				"id": fmt.Sprintf("bytes %x", order.ID[:]), "weight": float64(order.Weight), "salt": fmt.Sprintf("bytes %x", order.Salt[:]),
			})
		}
		batches = append(batches, map[string]any{"trade": fmt.Sprintf("bytes %x", batch.Trade[:]), "before": float64(batch.Before), "orders": orders})
	}
	return map[string]any{
		"shard": float64(told.Shard), "day": "date " + told.Day.String(), "batches": batches, "recordedAt": pythonTime(told.RecordedAt),
	}
}
