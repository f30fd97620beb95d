package sim_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams/sim"
)

func mustPlay(t *rapid.T, h *history.History, shards int32, schedule sim.Schedule) *world {
	return mustDo(t, play, h, shards, schedule)
}

func mustOperate(t *rapid.T, h *history.History, shards int32, schedule sim.Schedule) *world {
	return mustDo(t, operate, h, shards, schedule)
}

func mustDo(t *rapid.T, play func(*history.History, int32, sim.Schedule) (*world, error), h *history.History, shards int32, schedule sim.Schedule) *world {
	w, err := play(h, shards, schedule)
	if err != nil {
		t.Fatalf("seed %d, %d shards, schedule %+v: %v", h.Seed, shards, schedule, err)
	}
	return w
}

func TestInvariantsHoldOverAnyHistory(t *testing.T) {
	var fills, settled int
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		shards := rapid.SampledFrom([]int32{1, 3, 8}).Draw(t, "shards")
		w := mustOperate(t, &h, shards, sim.Schedule{})
		in := w.Input()
		for _, result := range invariants.Check(in) {
			if !result.OK {
				t.Errorf("invariant %d, %s, on %s: %s", result.Number, result.Name, result.CheckedOn, result.Detail)
			}
		}
		if n := w.underWay(); n > 0 {
			t.Errorf("%d orders never came to their end", n)
		}
		for _, trade := range in.Trades {
			if trade.Event == "priced" {
				fills++
			}
			if trade.Event == "settled" {
				settled++
			}
		}
	})
	if fills == 0 || settled == 0 {
		t.Errorf("no history had a fill (%d) or a settlement (%d): nothing was checked", fills, settled)
	}
}

// canonical returns the canonical lines of each shard, sorted.
func canonical(w *world) map[int32][]string {
	lines := make(map[int32][]string)
	for _, j := range w.Input().Journals {
		for i := range j.Postings {
			lines[j.Shard] = append(lines[j.Shard], string(j.AppendCanonical(nil, i)))
		}
	}
	for _, l := range lines {
		slices.Sort(l)
	}
	return lines
}

func TestAnyScheduleWithLostTransactionsGivesTheSameLedger(t *testing.T) { sameLedger(t, operate) }

// TestAnyScheduleOfWhatIsRareGivesTheSameLedger does the same where units are split, merged and moved in specie, settlements given up, and whatever else is rare happens.
func TestAnyScheduleOfWhatIsRareGivesTheSameLedger(t *testing.T) { sameLedger(t, operateRarely) }

func sameLedger(t *testing.T, play func(*history.History, int32, sim.Schedule) (*world, error)) {
	t.Helper()
	dropped := 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		shards := rapid.SampledFrom([]int32{1, 3, 8}).Draw(t, "shards")
		want := canonical(mustDo(t, play, &h, shards, sim.Schedule{}))
		for range 2 {
			schedule := sim.Schedule{
				Seed: rapid.Uint64Range(1, 1<<40).Draw(t, "turns"), RecordsMax: rapid.IntRange(1, 6).Draw(t, "records"),
				VisitsMax: rapid.IntRange(1, 3).Draw(t, "visits"), DropOneIn: rapid.IntRange(2, 6).Draw(t, "drops"),
			}
			w := mustDo(t, play, &h, shards, schedule)
			dropped += w.Dropped
			got := canonical(w)
			for shard := range shards {
				if !slices.Equal(want[shard], got[shard]) {
					t.Errorf("schedule %+v: shard %d differs%s", schedule, shard, difference(want[shard], got[shard]))
				}
			}
			for _, result := range invariants.Check(w.Input()) {
				if !result.OK {
					t.Errorf("schedule %+v: invariant %d, %s: %s", schedule, result.Number, result.Name, result.Detail)
				}
			}
		}
	})
	if dropped == 0 {
		t.Error("no transaction was ever dropped: nothing was checked")
	}
}

// difference shows the first line that only one side has.
func difference(want, got []string) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Sprintf(" at line %d:\n%s\n%s", i, want[i], got[i])
		}
	}
	return fmt.Sprintf(": %d lines, not %d", len(got), len(want))
}

func TestSharesDoNotDependOnTheNumberOfShards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		want := sharesOf(mustPlay(t, &h, 1, sim.Schedule{}))
		for _, shards := range []int32{3, 8} {
			got := sharesOf(mustPlay(t, &h, shards, sim.Schedule{}))
			if len(got) != len(want) {
				t.Errorf("%d shards: %d orders, not %d", shards, len(got), len(want))
			}
			for id, share := range want {
				if got[id] != share {
					t.Errorf("%d shards: order %s has %v, not %v", shards, id, got[id], share)
				}
			}
		}
	})
}

// sharesOf sums what each order got and gave.
func sharesOf(w *world) map[schemas.ID][2]schemas.Quantity {
	shares := make(map[schemas.ID][2]schemas.Quantity)
	for _, j := range w.Input().Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Order == nil || p.Stage != "priced" {
				continue
			}
			share := shares[*p.Order]
			if p.To == ledger.PotPending {
				share[0] += p.Quantity
			} else {
				share[1] += p.Quantity
			}
			shares[*p.Order] = share
		}
	}
	return shares
}

// TestReferenceDataMayChangeUnderWay changes calendars, cut-offs and lags while orders are under way. Days and dates are not judged here:
// they follow from what was known at each moment. All else must hold, and everything must come to its end.
func TestReferenceDataMayChangeUnderWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		w, err := newWorld(&h, rapid.SampledFrom([]int32{1, 3}).Draw(t, "shards"), sim.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		w.Restless = true
		if err := w.Play(); err != nil {
			t.Fatal(err)
		}
		for _, result := range invariants.Check(w.Input()) {
			if !result.OK && result.Number != 10 && result.Number != 22 {
				t.Errorf("invariant %d, %s: %s", result.Number, result.Name, result.Detail)
			}
		}
		if n := w.underWay(); n > 0 {
			t.Errorf("%d orders never came to their end", n)
		}
	})
}
