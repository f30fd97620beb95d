package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// runUntilDead runs an instance until a deadly decision kills it, as the end of the process would, or until it is at the end of the inbox.
func (w *ward) runUntilDead(options ...option) (died bool) {
	w.t.Helper()
	var i *instance
	started := make(chan struct{})
	w.illness.set(func(ill *illness) { ill.die = func() { <-started; i.kill() } })
	i = w.start(options...)
	close(started)
	awaitProgress(w.t, "the instance to die or to be done", func() (bool, int64) {
		if i.engine.config.Dying.Err() != nil {
			died = true
			return true, 0
		}
		return w.done(i)
	})
	i.stop()
	return died
}

// done says whether an instance that runs all shards has processed the whole inbox, and how far it is.
func (w *ward) done(i *instance) (done bool, progress int64) {
	done = true
	for shard := range w.shards {
		s := i.status(shard)
		done = done && s.State == StateRunning && s.Next >= int64(len(w.sent[shard]))
		progress += s.Next
	}
	return done, progress
}

// livesUntilDone counts the deaths until the inbox is done.
func (w *ward) livesUntilDone(options ...option) (deaths int) {
	w.t.Helper()
	for w.runUntilDead(options...) {
		if deaths++; deaths > 20 {
			w.t.Fatal("the process dies on and on")
		}
	}
	return deaths
}

// releaseMended cures everybody, releases keys and checks that everything has come to what it should be.
func (w *ward) releaseMended(keys ...string) {
	w.t.Helper()
	w.illness.cure()
	for _, key := range keys {
		w.send(key, releaseAll)
	}
	i := w.start()
	w.caughtUp(i)
	for shard := range w.shards {
		w.holds(i, shard, map[string][]int64{})
	}
	i.stop()
	w.recovered()
}

// tried returns what the changelog says was noted as under way, in order: compaction has not yet come to it.
func (w *ward) tried(shard int32) (marks []string) {
	for _, r := range w.readAll(w.process.Table.Name)[shard] {
		if string(r.Key) == keyTrying && r.Value != nil {
			marks = append(marks, string(r.Value))
		}
	}
	return marks
}

const killed = "the process died 3 times while deciding it"

func TestARecordThatKillsTheProcessIsParkedAfterThreeDeaths(t *testing.T) {
	w := newWard(t, 1)
	w.illness.deadly = keySet("deadly")
	w.some(30)
	w.send("deadly", "ill 1", "add 2") // @30, @31
	w.some(10)
	// The first death may have been of anything. The second comes before the life has committed anything, so the next lives go carefully; three of those die.
	if deaths := w.livesUntilDone(); deaths != 5 {
		t.Errorf("the process died %d times, not 5", deaths)
	}
	w.said("deadly parked @30 at 0 control=false: "+killed, "deadly parked @31 at 1 control=false: "+killed)
	w.releaseMended("deadly")
}

func TestAVisitThatKillsTheProcessIsSetAsideAfterThreeDeaths(t *testing.T) {
	w := newWard(t, 1)
	w.illness.deadlyVisits = keySet("key-7")
	for n := range 12 {
		w.send(fmt.Sprintf("key-%d", n), fmt.Sprintf("add %d", n))
	}
	w.control("sweep all")
	w.send("key-7", "add 100")
	if deaths := w.livesUntilDone(); deaths < 4 || deaths > 5 {
		t.Errorf("the process died %d times, not 4 or 5", deaths)
	}
	w.said("key-7 parked @12 at 0 control=true: "+killed, "key-7 parked @13 at 1 control=false: "+killed)
	if want := []string{"12 closed with 11 without all/key-7"}; !slices.Equal(w.closes(0), want) {
		t.Errorf("the closes are %q, not %q", w.closes(0), want)
	}
	w.releaseMended("key-7")
}

// Such a sweep is one transaction, however long it is: without a trace of how far it came, the innocent that are visited before would hide who was.
func TestAVisitThatKillsTheProcessIsFoundInASweepThatWritesNothing(t *testing.T) {
	w := newWard(t, 1)
	w.illness.deadlyVisits = keySet("key-7")
	for n := range 12 {
		w.send(fmt.Sprintf("key-%d", n), fmt.Sprintf("add %d", n))
	}
	w.control("look all")
	// The second life notes how far it came before it dies, the third dies in the first part that it makes, and the next ones go carefully.
	if deaths := w.livesUntilDone(); deaths != 6 {
		t.Errorf("the process died %d times, not 6", deaths)
	}
	w.said("key-7 parked @12 at 0 control=true: " + killed)
	w.releaseMended("key-7")
	if want := []string{"12 closed with 11 without all/key-7", "12 closed with 12 again"}; !slices.Equal(w.closes(0), want) {
		t.Errorf("the closes are %q, not %q", w.closes(0), want)
	}
}

func TestAReleasedRecordThatKillsTheProcessIsParkedAgain(t *testing.T) {
	w := newWard(t, 1)
	w.illness.records = keySet("key")
	w.send("key", "ill 1")
	i := w.start()
	w.caughtUp(i)
	i.stop()
	w.illness.cure()
	w.illness.deadly = keySet("key")
	w.send("key", releaseAll, "add 2")
	w.some(5)
	if deaths := w.livesUntilDone(); deaths != 4 {
		t.Errorf("the process died %d times, not 4", deaths)
	}
	w.said("key parked @0 at 0 control=false: "+errIll.Error(), "key parked @0 at 0 control=false: "+killed, "key parked @2 at 1 control=false: "+killed)
	w.releaseMended("key")
}

func TestKillersInTwoShardsAreToldApartFromTheInnocent(t *testing.T) {
	w := newWard(t, 2)
	w.some(20)
	var keys []string
	for n := 0; len(keys) < 2; n++ {
		if key := fmt.Sprintf("deadly-%d", n); int(w.shardOf(key)) == len(keys) {
			keys = append(keys, key)
			w.send(key, "ill 1")
		}
	}
	w.illness.deadly = keySet(keys...)
	w.some(20)
	w.livesUntilDone()
	history := w.history()
	slices.Sort(history)
	for n, key := range keys {
		if len(history) != 2 || !strings.HasPrefix(history[n], key+" parked @") || !strings.HasSuffix(history[n], killed) {
			t.Fatalf("the history is %q", history)
		}
	}
	w.releaseMended(keys...)
}

func TestAnEndlessDecisionIsEndedWithItsProcessAndParkedAfterThree(t *testing.T) {
	w := newWard(t, 1)
	w.limits.DecisionTimeMax = time.Second // enough for the others on the busiest machine: each that is blamed in vain costs a life more
	w.illness.deadly = keySet("endless")
	w.send("well", "add 1")
	w.send("endless", "ill 1", "add 2")
	w.send("well", "add 2")
	var mu sync.Mutex
	var reasons []string
	for deaths := 0; ; deaths++ {
		if deaths > 10 {
			t.Fatal("the process dies on and on")
		}
		var i *instance
		stuck, started := make(chan struct{}), make(chan struct{})
		w.illness.set(func(ill *illness) { ill.die = func() { <-stuck } })
		i = w.start(func(c *Config) {
			c.Die = func(reason string) {
				<-started
				mu.Lock()
				reasons = append(reasons, reason)
				mu.Unlock()
				i.kill()
				close(stuck)
			}
		})
		close(started)
		awaitProgress(t, "the end of the loop or of the inbox", func() (bool, int64) {
			done, progress := w.done(i)
			return done || i.engine.config.Dying.Err() != nil, progress
		})
		dead := i.engine.config.Dying.Err() != nil
		i.stop()
		if !dead {
			break
		}
	}
	if len(reasons) != 4 || !strings.Contains(reasons[0], "@1 has taken more than 1s") {
		t.Errorf("the reasons were %q", reasons)
	}
	w.said("endless parked @1 at 0 control=false: "+killed, "endless parked @2 at 1 control=false: "+killed)
	w.releaseMended("endless")
}

// While a process is stopped no decision goes on, and the watchdog does not look. What it finds afterwards is a decision that it has seen for no longer than before.
func TestTheWatchdogCountsNoTimeInWhichItDidNotLook(t *testing.T) {
	const idle, decision, other = 2, 3, 5
	p := patience{every: time.Second}
	for n, look := range []struct {
		beats uint64
		taken time.Duration
	}{{idle, 0}, {idle, 0}, {decision, 0}, {decision, time.Second}, {decision, 2 * time.Second}, {decision + 1, 0}, {other, 0}, {other, time.Second}} {
		if taken := p.look(look.beats); taken != look.taken {
			t.Errorf("at look %d the decision has taken %s, not %s", n, taken, look.taken)
		}
	}
}

func TestADecisionIsEndedWhenTheMemoryFillsUnderIt(t *testing.T) {
	w := newWard(t, 1)
	w.limits.MemoryMax = 1 // every heap is larger
	w.illness.deadly = keySet("hungry")
	w.send("hungry", "ill 1")
	stuck, died := make(chan struct{}), make(chan string, 1)
	w.illness.set(func(ill *illness) { ill.die = func() { <-stuck } })
	i := w.start(func(c *Config) { c.Die = func(reason string) { died <- reason } })
	if reason := <-died; !strings.Contains(reason, "@0 is under way while the heap of") {
		t.Errorf("the reason was %q", reason)
	}
	i.kill()
	close(stuck)
	i.stop()
}

func TestDoubtsInOneProcessBlameNobody(t *testing.T) {
	w := newWard(t, 1)
	w.some(20)
	w.crash(StepFlushed, 1) // so that the next process goes carefully
	failures := 0
	i := w.start(withFaults(func(_ int32, at Step) error {
		if at == StepFlushed && failures < 8 {
			failures++
			return errCrash
		}
		return nil
	}))
	w.caughtUp(i)
	i.stop()
	if len(w.tried(0)) < 8 {
		t.Errorf("the shard did not go carefully: it noted %q", w.tried(0))
	}
	w.said()
	w.recovered()
}

func TestIdleAndHealthyLivesAreNotCounted(t *testing.T) {
	w := newWard(t, 1)
	for n := range 4 {
		i := w.start()
		await(t, "the shard to run", func() bool { return i.status(0).State == StateRunning })
		i.kill()
		i.stop()
		if n < 2 {
			continue // idle
		}
		w.some(10)
		i = w.start()
		w.caughtUp(i)
		i.kill()
		i.stop()
	}
	if marks := w.tried(0); len(marks) > 0 {
		t.Errorf("the shard went carefully: %q", marks)
	}
	w.recovered()
}

func TestRandomKillsParkNobody(t *testing.T) {
	seed := seedOfKills(t)
	random := rand.New(rand.NewPCG(seed, 2))
	w := newWard(t, 1)
	steps := append(slices.Clone(allSteps), StepAttempted, StepTrying)
	for range 25 {
		w.some(5 + random.IntN(20))
		if random.IntN(3) == 0 {
			w.control("sweep all")
		}
		w.crash(steps[random.IntN(len(steps))], 1+random.Int64N(20))
	}
	i := w.start()
	w.caughtUp(i)
	i.stop()
	w.said()
	w.recovered()
}

func TestADecisionThatOutlastsItsLifeIsEndedToo(t *testing.T) {
	w := newWard(t, 1)
	w.limits.DecisionTimeMax = 500 * time.Millisecond
	w.illness.deadly = keySet("endless")
	w.send("endless", "ill 1")
	begun, stuck, died := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	w.illness.set(func(ill *illness) { ill.die = func() { close(begun); <-stuck } })
	i := w.start(func(c *Config) { c.Die = func(reason string) { died <- reason } })
	<-begun
	i.kill()
	if reason := <-died; !strings.Contains(reason, "@0 has taken more than") {
		t.Errorf("the reason was %q", reason)
	}
	close(stuck)
	i.stop()
}

// Illness comes and goes, operators release too early, processes die and lose their stores: in the end the states are those of a run in which nothing
// of it happened.
func TestManyCrashesWithIllKeys(t *testing.T) {
	seed := seedOfKills(t)
	random := rand.New(rand.NewPCG(seed, 3))
	w := newWard(t, 1)
	keys := []string{"ann-a", "bob-b", "cleo-a", "dora-b", "ed-a", "fay-b"}
	for _, key := range keys {
		w.send(key, "add 1")
	}
	i := w.start()
	w.caughtUp(i)
	i.stop()
	steps := append(slices.Clone(allSteps), StepAttempted, StepTrying)
	for range 15 {
		w.illness.set(func(ill *illness) {
			ill.records, ill.visits = keySet(keys[random.IntN(6)], keys[random.IntN(6)]), keySet(keys[random.IntN(6)])
		})
		for n := range 30 {
			key := keys[random.IntN(6)]
			switch random.IntN(12) {
			case 0:
				w.control([]string{"sweep all", "sweep tag-a", "sweep tag-b tag-a"}[random.IntN(3)])
			case 1:
				w.send(key, releaseAll)
			case 2, 3, 4:
				w.send(key, fmt.Sprintf("ill %d", n+1))
			default:
				w.send(key, fmt.Sprintf("add %d", n+1))
			}
		}
		if random.IntN(4) == 0 {
			w.dir = t.TempDir()
		}
		w.crash(steps[random.IntN(len(steps))], 1+random.Int64N(12))
	}
	w.releaseMended(keys...)
	for _, line := range w.history() {
		if strings.Contains(line, killed) {
			t.Errorf("the innocent was blamed: %s", line)
		}
	}
}

func TestTheProcessEndsWithAStatusOfItsOwn(t *testing.T) {
	const asked = "ENGINE_TEST_DIES"
	if os.Getenv(asked) != "" {
		Config{}.withDefaults().Die("a test asked for it")
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), asked+"=1", "PENSTOCK_REAL=0")
	var exit *exec.ExitError
	if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != DiedExit {
		t.Errorf("the process ended with %v, not with status %d", err, DiedExit)
	}
}
