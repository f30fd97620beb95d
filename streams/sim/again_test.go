package sim_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// acceptedOnce says of each instruction's key whether it was ever accepted. What was refused because there was no such pot is not
// remembered, and may do something when it comes again.
func (w *world) acceptedOnce() map[[3]string]bool {
	accepted := make(map[[3]string]bool)
	for _, s := range w.Input().Statuses {
		if s.State == "accepted" {
			accepted[[3]string{string(s.Source), string(s.Pot), string(s.ID)}] = true
		}
	}
	return accepted
}

// sendAgain sends all that was ingested a second time, file by file, and returns how many records that are.
func (w *world) sendAgain() int {
	accepted := w.acceptedOnce()
	count := 0
	for _, topic := range []string{streams.IngestInstruction, streams.IngestPrice, streams.IngestConfirmation, streams.IngestReference} {
		for _, record := range w.Topic(topic) {
			if topic == streams.IngestInstruction {
				i, ok := history.Decode(topic, record.Value, new(ingest.Instruction))
				if ok && !accepted[[3]string{string(i.Source), string(i.Pot), string(i.ID)}] {
					continue
				}
			}
			w.Now++
			count++
			w.ProduceTo(topic, record.Partition, record.Key, record.Value, w.Now)
		}
	}
	return count
}

func TestIngestingEverythingAgainChangesNothing(t *testing.T) {
	sent := 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		shards := rapid.SampledFrom([]int32{1, 3}).Draw(t, "shards")
		w := mustPlay(t, &h, shards, sim.Schedule{})
		w.At(history.Monday+daysOfHistory+history.TailDays, 9*hour)
		lines, journals, trades, orders := canonical(w), len(w.Topic(streams.LedgerJournal)), len(w.Topic(streams.LedgerTrade)), len(w.Topic(streams.CustodianOrder))
		references := make([][]byte, shards)
		for shard := range shards {
			references[shard] = w.Reference("pot", shard)
		}
		sent += w.sendAgain()
		if err := w.Run(); err != nil {
			t.Fatal(err)
		}
		if got := len(w.Topic(streams.LedgerJournal)); got != journals {
			for shard, was := range lines {
				t.Logf("shard %d%s", shard, difference(was, canonical(w)[shard]))
			}
			t.Errorf("%d journals became %d", journals, got)
		}
		if got := len(w.Topic(streams.LedgerTrade)); got != trades {
			t.Errorf("%d events of trades became %d", trades, got)
		}
		if got := len(w.Topic(streams.CustodianOrder)); got != orders {
			t.Errorf("%d orders to custodians became %d", orders, got)
		}
		for shard := range shards {
			if !slices.Equal(references[shard], w.Reference("pot", shard)) {
				t.Errorf("the reference data of shard %d changed", shard)
			}
		}
	})
	if sent == 0 {
		t.Error("nothing was sent again")
	}
}
