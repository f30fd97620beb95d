package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const releaseAll = "release"

// some sends a few records to healthy keys.
func (w *ward) some(n int) {
	for i := range n {
		w.send(fmt.Sprintf("healthy-%d", i%5), fmt.Sprintf("add %d", i+1))
	}
}

func TestAnIllKeyGoesAsideAndTheOthersFlowOn(t *testing.T) {
	for _, key := range []string{"panicking1", "failing-1"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, 1)
			w.illness.records = keySet(key)
			w.some(10)
			w.send(key, "add 1", "ill 2", "add 3")
			w.some(10)
			w.send(key, "ill 4")
			i := w.start()
			w.caughtUp(i)
			w.holds(i, 0, map[string][]int64{key: {11, 12, 23}})
			s := i.status(0)
			if p := s.Parked; p == nil || p.Keys != 1 || p.Records != 3 || len(p.Longest) != 1 || p.Longest[0].Key != key ||
				!strings.Contains(p.Longest[0].Reason, errIll.Error()) || p.Longest[0].Attempts != 1 || p.Longest[0].Waiting != 3 {
				t.Errorf("the status shows %+v", p)
			}
			if n := count(t, i.engine.metrics.aborts.WithLabelValues(w.process.Name, "0", "undecidable")); n != 1 {
				t.Errorf("%d lives ended undecidably, not 1", n)
			}
			w.illness.cure()
			w.send(key, releaseAll, "add 5")
			w.some(3)
			w.caughtUp(i)
			w.holds(i, 0, map[string][]int64{})
			if p := i.status(0).Parked; p != nil {
				t.Errorf("the status shows %+v", p)
			}
			i.stop()
			w.recovered()
			reason := "panic: " + errIll.Error()
			if len(key)%2 != 0 {
				reason = errIll.Error()
			}
			w.said(
				key+" parked @11 at 0 control=false: "+reason, key+" parked @12 at 1 control=false: "+reason, key+" parked @23 at 2 control=false: "+reason,
				key+" released by olga (mended), 0 left",
			)
		})
	}
}

func TestARecordThatFailsAgainParksItsKeyAgainWithWhatIsLeft(t *testing.T) {
	w := newWard(t, 1)
	w.illness.records = keySet("key")
	w.send("key", "ill 1", "add 2", "add 3")
	i := w.start()
	w.caughtUp(i)
	w.send("key", releaseAll, "add 4")
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"key": {0, 1, 2, 4}})
	keys, err := i.engine.Parked(w.process.Name, 0)
	must(t, err)
	if keys[0].Attempts != 2 {
		t.Errorf("the key failed %d times, not 2", keys[0].Attempts)
	}
	// The first is dropped, the next ones are done, and then one fails.
	w.send("key", "ill 5", "add 6", "drop 0", releaseAll)
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"key": {5, 6}})
	w.illness.cure()
	w.send("key", releaseAll, releaseAll, "drop 5", "add 7")
	w.caughtUp(i)
	i.stop()
	w.recovered(0)
	ill := errIll.Error()
	w.said(
		"key parked @0 at 0 control=false: "+ill, "key parked @1 at 1 control=false: "+ill, "key parked @2 at 2 control=false: "+ill,
		"key parked @0 at 0 control=false: "+ill, "key parked @4 at 3 control=false: "+ill,
		"key parked @5 at 4 control=false: "+ill, "key parked @6 at 5 control=false: "+ill,
		"key dropped @0 by olga (nonsense), 5 left",
		"key released by olga (mended), 2 left", "key parked @5 at 0 control=false: "+ill,
		"key released by olga (mended), 0 left",
	)
}

func TestDroppingTheLastRecordUnparksTheKey(t *testing.T) {
	w := newWard(t, 1)
	w.illness.records = keySet("key")
	w.send("key", "add 1", "ill 2", "add 3")
	i := w.start()
	w.caughtUp(i)
	w.send("key", "drop 7", "drop 2", "drop 1", "drop 1", "add 4")
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{})
	i.stop()
	w.recovered(1, 2)
	ill := errIll.Error()
	w.said("key parked @1 at 0 control=false: "+ill, "key parked @2 at 1 control=false: "+ill, "key refused olga: no record @7 is in the queue",
		"key dropped @2 by olga (nonsense), 1 left", "key dropped @1 by olga (nonsense), 0 left")
	var told []string
	for _, r := range w.readAll(w.process.Outputs[0].Name)[0] {
		if strings.Contains(string(r.Value), "dropped") {
			told = append(told, string(r.Value))
		}
	}
	if !slices.Equal(told, []string{"2 dropped", "1 dropped"}) {
		t.Errorf("the sender was told %q", told)
	}
}

func TestADropThatCannotBeToldIsRefused(t *testing.T) {
	w := newWard(t, 1)
	w.illness.records, w.illness.dropFails = keySet("key"), true
	w.send("key", "ill 1", "drop 0")
	i := w.start()
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"key": {0}})
	w.illness.cure()
	w.send("key", releaseAll)
	w.caughtUp(i)
	i.stop()
	w.recovered()
	w.said("key parked @0 at 0 control=false: "+errIll.Error(), "key refused olga: the drop could not be told to the sender: "+errIll.Error(),
		"key released by olga (mended), 0 left")
}

func TestASweepSetsAsideWhatItCannotVisit(t *testing.T) {
	w := newWard(t, 1)
	w.illness.records, w.illness.visits = keySet("ill-a"), keySet("ill-b")
	for _, key := range []string{"ill-a", "ill-b", "well-a", "well-b", "well-c", "well-d", "well-e"} {
		w.send(key, "add 1") // @0 to @6
	}
	w.send("ill-a", "ill 2")     // @7
	w.control("sweep tag-a all") // @8
	w.send("ill-b", "add 3")     // @9
	w.control("sweep tag-c")     // @10: neither of them bears this tag
	w.control("sweep tag-b")     // @11
	w.send("ill-a", "drop 8")    // @12
	w.send("well-b", "add 9")    // @13
	i := w.start()
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"ill-a": {7, 8}, "ill-b": {8, 9, 11}})
	w.illness.set(func(i *illness) { i.records = nil })
	w.send("ill-a", releaseAll) // @14
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"ill-b": {8, 9, 11}})
	w.send("ill-b", releaseAll) // @15: its visit fails again
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{"ill-b": {8, 9, 11}})
	w.illness.cure()
	w.send("ill-b", releaseAll) // @16
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{})
	i.stop()
	w.recovered()
	want := []string{
		"8 closed with 5 without all/ill-a without all/ill-b without tag-a/ill-a", "10 closed with 1", "11 closed with 1 without tag-b/ill-b",
		"8 closed with 6 without all/ill-b again", "8 closed with 6 without all/ill-b again", "8 closed with 7 again", "11 closed with 2 again",
	}
	if got := w.closes(0); !slices.Equal(got, want) {
		t.Errorf("the closes are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if history := w.history(); !slices.ContainsFunc(history, func(line string) bool {
		return strings.HasPrefix(line, "ill-a refused olga: @8 is a control record")
	}) {
		t.Errorf("the drop of a control record was not refused: %q", history)
	}
}

// illLoad sends records to ill and healthy keys with sweeps between them, in more than one transaction.
func (w *ward) illLoad() {
	w.illness.records, w.illness.visits = keySet("ill-a", "sick-b"), keySet("odd-one-c")
	for n := range 60 {
		for _, key := range []string{"ill-a", "well-a", "sick-b", "well-b", "odd-one-c", "well-d"} {
			w.send(key, fmt.Sprintf("add %d", n+1))
		}
		switch n {
		case 9:
			w.send("ill-a", "ill 1000")
		case 19, 39:
			w.control("sweep all")
		case 29:
			w.send("sick-b", "ill 2000")
		}
	}
}

func TestParkedKeysSurviveATakeoverAndALostStore(t *testing.T) {
	w := newWard(t, 2)
	w.illLoad()
	i := w.start()
	w.caughtUp(i)
	want := []map[string][]int64{w.parkedKeys(i, 0), w.parkedKeys(i, 1)}
	if len(want[0])+len(want[1]) != 3 {
		t.Fatalf("parked is %v", want)
	}
	i.kill()
	i.stop()
	other := w.start(inDir(t.TempDir())) // another member, which has no store
	w.caughtUp(other)
	for shard := range w.shards {
		w.holds(other, shard, want[shard])
	}
	w.illness.cure()
	for _, key := range []string{"ill-a", "sick-b", "odd-one-c"} {
		w.send(key, releaseAll)
	}
	w.caughtUp(other)
	other.stop()
	i = w.start() // the first store is behind
	w.caughtUp(i)
	w.holds(i, 0, map[string][]int64{})
	w.holds(i, 1, map[string][]int64{})
	i.stop()
	w.recovered()
}

func TestACrashAtAnyStepOfParkingOrReleaseLosesNothing(t *testing.T) {
	for n, at := range append(slices.Clone(allSteps), StepAttempted) {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			w := newWard(t, 1)
			w.illLoad()
			w.crash(at, int64(1+n/2))
			i := w.start()
			w.caughtUp(i)
			i.stop()
			history := w.history()
			w.illness.cure()
			for _, key := range []string{"ill-a", "sick-b", "odd-one-c"} {
				w.send(key, releaseAll)
			}
			// Of these transactions, some are in the middle of a queue and some in the middle of a sweep that is made again.
			for nth := int64(1); nth < 10; nth += 2 {
				w.crash(at, nth)
			}
			i = w.start()
			w.caughtUp(i)
			w.holds(i, 0, map[string][]int64{})
			i.stop()
			w.recovered()
			parked := slices.DeleteFunc(w.history(), func(line string) bool { return strings.Contains(line, "released") })
			if !slices.Equal(parked, history) {
				t.Errorf("the history is\n%s\nnot\n%s", strings.Join(parked, "\n"), strings.Join(history, "\n"))
			}
			seen := map[string]bool{}
			for _, line := range w.history() {
				if seen[line] {
					t.Errorf("%q was told twice", line)
				}
				seen[line] = true
			}
		})
	}
}

// crash runs an instance until it has come to a step for the nth time, or to the end of the inbox.
func (w *ward) crash(at Step, nth int64) {
	w.t.Helper()
	var i *instance
	started, crashed := make(chan struct{}), make(chan struct{})
	i = w.start(withFaults(crashAt(at, nth, func() { <-started; i.kill(); close(crashed) })))
	close(started)
	awaitProgress(w.t, fmt.Sprintf("a crash at %s or the end of the inbox", at), func() (bool, int64) {
		done, progress := w.done(i)
		return done || isClosed(crashed), progress
	})
	i.stop()
}

func TestParkedRecordsAreNeverTakenForStatesNorForEachOther(t *testing.T) {
	w := newWard(t, 1)
	keys := []string{"a", "a/0000000000000000000", "parked/a", "/a"}
	w.illness.records = keySet(keys...)
	for n, key := range keys {
		w.send(key, "add 1", fmt.Sprintf("ill %d", n+2), "add 9")
	}
	want := map[string][]int64{keys[0]: {1, 2}, keys[1]: {4, 5}, keys[2]: {7, 8}, keys[3]: {10, 11}}
	i := w.start()
	w.caughtUp(i)
	w.holds(i, 0, want)
	i.stop()
	w.process.TagsVersion = "2" // the index is built anew from what is in the store
	for _, dir := range []string{w.dir, t.TempDir()} {
		i = w.start(inDir(dir))
		w.caughtUp(i)
		w.holds(i, 0, want)
		indexed, err := w.storeOf(0, i).scan([]string{"all"}, "", 100)
		must(t, err)
		if !slices.Equal(indexed, []string{"/a", "a", "a/0000000000000000000", "parked/a"}) {
			t.Errorf("indexed are %q", indexed)
		}
		i.stop()
	}
	w.releaseMended(keys...)
}
