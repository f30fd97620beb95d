package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

const (
	// killsFull and killsShort are how often the binary is killed, the latter with -short.
	killsFull  = 30
	killsShort = 4
	// stepMax bounds a step, over all its interruptions.
	stepMax = 10 * time.Minute
	// delayMax bounds the time from the beginning of a step, or of a start, to the kill; most kills come within soonMax, while the step
	// is at work.
	delayMax = 800 * time.Millisecond
	soonMax  = 60 * time.Millisecond
	// seedVariable names another seed than the usual one, to run a failure again.
	seedVariable = "PENSTOCK_KILL_SEED"
)

// interruption kills the binary some time after a step began, and then perhaps once more while it starts again.
type interruption struct {
	after time.Duration
	start []time.Duration
}

// plan spreads so many kills over the steps.
func plan(seed uint64, steps, kills int) map[int][]interruption {
	random := rand.New(rand.NewPCG(seed, 2))
	delay := func() time.Duration {
		if random.IntN(3) > 0 {
			return time.Duration(random.Int64N(int64(soonMax)))
		}
		return time.Duration(random.Int64N(int64(delayMax)))
	}
	p := make(map[int][]interruption)
	for kills > 0 {
		at := interruption{after: delay()}
		kills--
		if kills > 0 && random.IntN(4) == 0 {
			at.start = append(at.start, delay())
			kills--
		}
		n := random.IntN(steps)
		p[n] = append(p[n], at)
	}
	return p
}

func TestTheLedgerIsTheSameHoweverOftenTheBinaryIsKilled(t *testing.T) {
	seed, kills := uint64(20080320), killsFull
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	if testing.Short() {
		kills = killsShort
	}
	t.Logf("seed %d (set %s to run with another)", seed, seedVariable)
	binary := build(t)
	want := run(t, binary, seed, nil)
	got := run(t, binary, seed, plan(seed, len(script(seed)), kills))
	if got != want {
		t.Errorf("after %d kills the ledger has %s, undisturbed it has %s", kills, got, want)
	}
}

// run does the script on a new folder, interrupted as planned, and returns what the ledger came to.
func run(t *testing.T, binary string, seed uint64, plan map[int][]interruption) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := embedded.Remove(dir); err != nil {
			t.Errorf("deleting the stack: %v", err)
		}
	})
	l := &life{t: t, binary: binary, dir: dir, behaviour: filepath.Join(dir, "behaviour.yaml")}
	if err := os.WriteFile(l.behaviour, []byte(behaviour), 0o600); err != nil {
		t.Fatal(err)
	}
	l.start()
	t.Cleanup(l.kill)
	began := time.Now()
	for n, s := range script(seed) {
		l.perform(s, plan[n])
	}
	result := l.inspect()
	l.stop()
	t.Logf("%d kills, %d of them while a step was under way, %s: %s", l.killed, l.hit, time.Since(began).Round(time.Millisecond), result)
	if len(plan) > 0 && l.hit == 0 && !testing.Short() {
		t.Error("no kill came while a step was under way: the drill proves nothing")
	}
	return result
}

// perform does a step until it is done.
func (l *life) perform(s step, interruptions []interruption) {
	l.t.Helper()
	bounded, cancel := context.WithTimeout(l.t.Context(), stepMax)
	defer cancel()
	for {
		ctx, stop := context.WithCancelCause(bounded)
		done := make(chan error, 1)
		go func() { done <- s.do(ctx, l) }()
		var err error
		if len(interruptions) == 0 {
			err = <-done
		} else {
			l.interrupt(interruptions[0])
			interruptions = interruptions[1:]
			stop(errKilled)
			if err = <-done; err != nil && bounded.Err() == nil {
				err = errKilled
				l.hit++
			}
		}
		stop(nil)
		switch {
		case err == nil && len(interruptions) == 0:
			return
		case err != nil && !errors.Is(err, errKilled):
			l.t.Fatalf("%s: %v\n%s", s.name, err, l.said())
		}
	}
}

// interrupt waits, kills the binary, and starts it again, perhaps not at once with success.
func (l *life) interrupt(i interruption) {
	l.t.Helper()
	<-time.After(i.after)
	l.kill()
	for _, after := range i.start {
		l.launch()
		<-time.After(after)
		l.kill()
	}
	l.start()
	l.killed += 1 + len(i.start)
}

// inspect verifies the ledger and returns its canonical hash.
func (l *life) inspect() string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), stepMax)
	defer cancel()
	p, err := l.places()
	if err != nil {
		l.t.Fatal(err)
	}
	pool, err := postgres.OpenPool(ctx, p.Postgres, postgres.RoleAuditor)
	if err != nil {
		l.t.Fatal(err)
	}
	defer pool.Close()
	report, err := postgres.Verify(ctx, pool, postgres.VerifyOptions{AtRest: true}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, check := range report.Checks {
		if !check.OK() {
			l.t.Errorf("%s: %s: %+v", check.Name, check.Title, check.Findings)
		}
	}
	sum, postings, err := postgres.CanonicalHash(ctx, pool)
	if err != nil {
		l.t.Fatal(err)
	}
	return fmt.Sprintf("%d postings, hash %x", postings, sum)
}
