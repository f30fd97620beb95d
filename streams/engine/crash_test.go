package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var errCrash = errors.New("crash")

var allSteps = []Step{
	StepFenced, StepOwned, StepRestored, StepBegun, StepDecided, StepWritten, StepFlushed, StepCommitted, StepStored,
}

// crashAt returns a hook that calls act, once, at the nth time that a shard comes to a step.
func crashAt(at Step, nth int64, act func()) func(int32, Step) error {
	var seen atomic.Int64
	return func(_ int32, now Step) error {
		if now != at || seen.Add(1) != nth {
			return nil
		}
		act()
		return errCrash
	}
}

func TestACrashAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	for n, at := range allSteps {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.load(90, 13)
			var i *instance
			started, crashed := make(chan struct{}), make(chan struct{})
			nth := int64(1)
			if n > 2 {
				nth = int64(n) // somewhere in the stream
			}
			i = f.start(withFaults(crashAt(at, nth, func() { <-started; i.kill(); close(crashed) })))
			close(started)
			<-crashed
			i.stop()
			f.load(30, 13)
			f.finish()
		})
	}
}

func TestADoubtAtAnyStepIsAnsweredByStartingAgain(t *testing.T) {
	for _, at := range allSteps {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.load(90, 13)
			i := f.start(withFaults(crashAt(at, 2, func() {})))
			f.caughtUp(i)
			f.checkStores(i)
			i.stop()
			f.check()
		})
	}
}

func TestManyCrashesInARow(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	f := newFixture(t, 2)
	for range 12 {
		f.load(20, 17)
		var i *instance
		started, crashed := make(chan struct{}), make(chan struct{})
		at, nth := allSteps[random.IntN(len(allSteps))], 1+random.Int64N(2)
		options := []option{withFaults(crashAt(at, nth, func() { <-started; i.kill(); close(crashed) }))}
		if random.IntN(4) == 0 {
			options = append(options, inDir(t.TempDir()))
		}
		i = f.start(options...)
		close(started)
		<-crashed
		i.stop()
	}
	f.finish()
}

func TestASweepGoesOnInTheMiddleAfterACrash(t *testing.T) {
	f := newFixture(t, 1)
	for n := range 40 {
		f.send(fmt.Sprintf("key-%02d", n), fmt.Sprintf("add %d", n))
	}
	f.control("sweep odd even")
	f.send("key-07", "add 1000")
	i := f.start(withFaults(f.crashInSweep(6)))
	await(t, "the sweep to be cut", func() bool { return i.status(0).State != StateRunning && i.engine.config.Dying.Err() != nil })
	i.stop()
	_, own := fold(f.readAll(f.process.Table.Name)[0])
	mark, err := decodeSweep([]byte(own[keySweep]))
	must(t, err)
	if mark.Visits < 6 || mark.Visits >= 40 {
		t.Fatalf("the sweep was cut after %d visits, not in its middle", mark.Visits)
	}
	f.finish()
}

// crashInSweep kills the last started instance once a sweep has committed so many visits.
func (f *fixture) crashInSweep(visits int64) func(int32, Step) error {
	return func(shard int32, at Step) error {
		i := f.last.Load()
		if at != StepStored || i == nil {
			return nil
		}
		if sweep := i.status(shard).Sweep; sweep == nil || sweep.Visits < visits {
			return nil
		}
		i.kill()
		return errCrash
	}
}

func TestASweepIsRefusedToOtherRules(t *testing.T) {
	f := newFixture(t, 1)
	for n := range 40 {
		f.send(fmt.Sprintf("key-%02d", n), fmt.Sprintf("add %d", n))
	}
	f.control("sweep odd even")
	i := f.start(withFaults(f.crashInSweep(6)))
	await(t, "the sweep to be cut", func() bool { return i.engine.config.Dying.Err() != nil })
	i.stop()
	f.process.Rules = "rules-2"
	i = f.start()
	await(t, "the shard to be refused", func() bool { return i.status(0).State == StateStopped })
	for _, word := range []string{"middle of a sweep", `"rules-1"`, `"rules-2"`} {
		if reason := i.status(0).Reason; !strings.Contains(reason, word) {
			t.Errorf("the reason %q does not say %s", reason, word)
		}
	}
	i.stop()
	f.process.Rules = "rules-1"
	f.finish()
}
