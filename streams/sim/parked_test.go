package sim_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// drawSchedule draws how the shards take turns.
func drawSchedule(t *rapid.T) sim.Schedule {
	return sim.Schedule{
		Seed: rapid.Uint64Range(1, 1<<40).Draw(t, "turns"), RecordsMax: rapid.IntRange(1, 6).Draw(t, "records"),
		VisitsMax: rapid.IntRange(1, 3).Draw(t, "visits"), DropOneIn: rapid.IntRange(3, 8).Draw(t, "drops"),
	}
}

// drawBusy draws a history. Half of them are full, for illness needs something to fall on.
func drawBusy(t *rapid.T) history.History {
	if rapid.Bool().Draw(t, "sparse") {
		return drawHistory(t)
	}
	return history.Draw(rapid.Uint64Range(1, 1<<40).Draw(t, "history"), daysOfHistory, actionsOfDayMax)
}

func drawClinic(t *rapid.T, h *history.History, shards int32) *clinic {
	w, err := newWorld(h, shards, drawSchedule(t))
	if err != nil {
		t.Fatal(err)
	}
	return newClinic(w, rapid.Uint64Range(1, 1<<40).Draw(t, "illness"))
}

// judge reports the invariants that do not hold, but for the given ones.
func judge(t *rapid.T, when string, w *world, except ...int) {
	for _, result := range invariants.Check(w.Input()) {
		if !result.OK && !slices.Contains(except, result.Number) {
			t.Errorf("%s: invariant %d, %s: %s", when, result.Number, result.Name, result.Detail)
		}
	}
}

// never is before every day.
const never = history.Monday - 1

// midway are the invariants that cannot hold while pots are set aside: their shares, and what the shard owes of their batches, are still to come.
var midway = []int{7, 8, 12, 14, 15, 18, 19, 20, 21, 30}

func TestIllnessLeavesNoTraceInTheLedger(t *testing.T) {
	failed, most := make(map[int]int), 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawBusy(t)
		shards := rapid.SampledFrom([]int32{1, 3}).Draw(t, "shards")
		well := mustPlay(t, &h, shards, sim.Schedule{})
		want := canonical(well)
		c := drawClinic(t, &h, shards)
		careful := max(well.lastDealt(), history.Monday+schemas.Date(len(h.Days)))
		if err := c.playIll(careful, func() { judge(t, "midway", c.world, midway...) }); err != nil {
			t.Fatal(err)
		}
		got := canonical(c.world)
		for shard := range shards {
			if !slices.Equal(want[shard], got[shard]) {
				t.Errorf("shard %d differs%s", shard, difference(want[shard], got[shard]))
			}
		}
		judge(t, "at the end", c.world)
		if n := c.underWay(); n > 0 {
			t.Errorf("%d orders never came to their end", n)
		}
		for kind, n := range c.failed {
			failed[kind] += n
		}
		most = max(most, c.longest)
	})
	t.Logf("decisions that failed, by kind: %v; at most %d keys were parked at a time", failed, most)
	for kind := range illKinds {
		if failed[kind] == 0 {
			t.Errorf("nobody was ever ill at kind %d: it was not checked", kind)
		}
	}
}

// TestIllnessAtAnyTimeKeepsTheBooksRight lets pots be parked while their days close, and operators drop what they like. What then becomes of an
// instruction may differ from what would have become of it, but for the rest everything must hold and come to its end.
func TestIllnessAtAnyTimeKeepsTheBooksRight(t *testing.T) {
	dropped, late := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawBusy(t)
		c := drawClinic(t, &h, rapid.SampledFrom([]int32{1, 3}).Draw(t, "shards"))
		c.drops = rapid.Bool().Draw(t, "dropping")
		// What was parked when its day was closed deals on a later day than its receipt says (10). The id of what was dropped may be used again (7).
		except := []int{10}
		if c.drops {
			except = append(except, 7)
		}
		if err := c.playIll(never, func() { judge(t, "midway", c.world, append(midway, except...)...) }); err != nil {
			t.Fatal(err)
		}
		judge(t, "at the end", c.world, except...)
		for _, result := range invariants.Check(c.Input()) {
			if result.Number == 10 && !result.OK {
				late++
			}
		}
		if n := c.underWay(); n > 0 {
			t.Errorf("%d orders never came to their end", n)
		}
		dropped += c.dropped
	})
	if dropped == 0 || late == 0 {
		t.Errorf("nothing was dropped (%d), or nothing came late (%d): it was not checked", dropped, late)
	}
}
