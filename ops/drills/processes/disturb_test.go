package processes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/penstock-ledger/penstock/ops/drills/script"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// disturbance is what is done to a run from outside while it is driven.
type disturbance func(ctx context.Context, r *drive, random *rand.Rand) error

// moments draws points of a run's progress, in thousandths and in order. None is at the very end: then nothing would be under way.
func moments(random *rand.Rand, count int) []int {
	drawn := make([]int, count)
	for n := range drawn {
		drawn[n] = 10 + random.IntN(940)
	}
	slices.Sort(drawn)
	return drawn
}

// atMoments does something at so many random moments.
func atMoments(count int, do func(ctx context.Context, r *drive, random *rand.Rand) error) disturbance {
	return func(ctx context.Context, r *drive, random *rand.Rand) error {
		for _, moment := range moments(random, count) {
			if err := r.progress(ctx, moment); err != nil {
				return err
			}
			if err := do(ctx, r, random); err != nil {
				return err
			}
		}
		return nil
	}
}

// killOne kills any member; robOne also takes its stores away.
func killOne(ctx context.Context, r *drive, random *rand.Rand) error {
	names := r.crew.names()
	return r.killAndAwait(ctx, names[random.IntN(len(names))], false)
}

func robOne(ctx context.Context, r *drive, random *rand.Rand) error {
	names := r.crew.names()
	return r.killAndAwait(ctx, names[random.IntN(len(names)-1)], true) // the last one is the custodians', and has no store
}

// killAndAwait kills a member and waits until one of its roles runs again. Progress comes in leaps, and several moments may have come at
// once; but who dies three times over one record is taken to die of it.
func (r *drive) killAndAwait(ctx context.Context, name string, robbed bool) error {
	runs := func() int { return len(r.crew.said(name, "role is running")) }
	before := runs()
	r.crew.kill(name, robbed)
	if err := r.until(ctx, func() (bool, error) { return runs() > before, r.crew.trouble() }); err != nil {
		return fmt.Errorf("waiting until %s runs again: %w", name, err)
	}
	return nil
}

func killPostgres(ctx context.Context, r *drive, _ *rand.Rand) error {
	r.on.server.Kill()
	r.brokenBy++
	return r.on.server.Restart(ctx)
}

func killBroker(ctx context.Context, r *drive, _ *rand.Rand) error {
	if err := r.on.broker.Kill(); err != nil {
		return err
	}
	r.brokenBy++
	return r.on.broker.Restart(ctx)
}

// restartAll restarts every member, one after the other, politely.
func restartAll(_ context.Context, r *drive, _ *rand.Rand) error {
	for _, name := range r.crew.names() {
		r.crew.start(name, r.crew.stop(name))
	}
	return r.crew.trouble()
}

// comeAndGo lets one more member join, run shards of pots, and leave. It keeps its stores, which are old when it comes again.
func comeAndGo(ctx context.Context, r *drive, _ *rand.Rand) error {
	const guest = "guest"
	running := func() int { return len(r.crew.said(guest, "msg=running", "process=pot")) }
	before := running()
	r.crew.start(guest, everything)
	err := r.until(ctx, func() (bool, error) { return running() > before, r.crew.trouble() })
	if err != nil {
		return fmt.Errorf("waiting until the guest runs a shard: %w", err)
	}
	r.crew.stop(guest)
	return r.crew.trouble()
}

// thaw lets frozen members go on, each once others have taken over the shard at which it was frozen: what it commits in it from then on is a fault.
func thaw(ctx context.Context, r *drive, _ *rand.Rand) error {
	plan := &r.crew.base.Plan
	for n, point := range plan.Points {
		err := r.until(ctx, func() (bool, error) { return len(plan.Struck()) > n, r.crew.trouble() })
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", point, err)
		}
		strike := plan.Struck()[n]
		frozen := r.crew.named(strike.Pid)
		err = r.until(ctx, func() (bool, error) {
			if point.Process == sink {
				return r.booksNothing(ctx, frozen), r.crew.trouble()
			}
			taken, err := r.crew.takenOver(point.Process, strike.Shard, frozen)
			return taken, errors.Join(err, r.crew.trouble())
		})
		if err != nil {
			return fmt.Errorf("waiting until others take over shard %d of %s, at which %s was frozen: %w", strike.Shard, point.Process, frozen, err)
		}
		r.crew.signal(frozen, syscall.SIGCONT)
	}
	return nil
}

// booksNothing says whether no shard is the named sink's any more.
func (r *drive) booksNothing(ctx context.Context, name string) bool {
	pool, err := postgres.OpenPool(ctx, r.on.postgres, postgres.RoleAuditor)
	if err != nil {
		return false
	}
	defer pool.Close()
	count := 0
	err = pool.QueryRow(ctx, "select count(*) from ledger.position where claimed_by = $1", name).Scan(&count)
	return err == nil && count == 0
}

// The names by which points know who is struck.
const (
	sink              = "sink"
	intakeInstruction = "intake-instruction"
)

// engineSteps are the named steps of a shard's life: first those of a transaction, for only a crash there leads to another start.
func engineSteps() []engine.Step {
	return []engine.Step{
		engine.StepBegun, engine.StepDecided, engine.StepWritten, engine.StepFlushed, engine.StepCommitted, engine.StepStored,
		engine.StepFenced, engine.StepOwned, engine.StepRestored,
	}
}

// every makes a plan of points, each at one of its first few occurrences after the point before; a start is struck at once, for there
// are only as many as shards.
func every[S ~string](random *rand.Rand, process string, steps ...S) []script.Point {
	starts := []engine.Step{engine.StepFenced, engine.StepOwned, engine.StepRestored, engine.StepAttempted, engine.StepTrying}
	var points []script.Point
	for _, step := range steps {
		point := script.Point{Process: process, Step: string(step)}
		if !slices.Contains(starts, engine.Step(step)) {
			point.Occurrence = 1 + random.IntN(4)
		}
		points = append(points, point)
	}
	return points
}

func whileSweeping(points []script.Point) []script.Point {
	for n := range points {
		points[n].Sweeping, points[n].Occurrence = true, 1+points[n].Occurrence%2
	}
	return points
}

func freeze(process string, step string) []script.Point {
	return []script.Point{{Process: process, Step: step, Occurrence: 3, Freeze: true}}
}

// disturbMax bounds a disturbance beyond its run.
const disturbMax = 10 * time.Minute
