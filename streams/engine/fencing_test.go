package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestTwoInstancesShareTheShardsAndOneLeaves(t *testing.T) {
	f := newFixture(t, 4)
	f.load(80, 29)
	a := f.start()
	f.caughtUp(a)
	b := f.start(inDir(t.TempDir()))
	await(t, "both to run shards", func() bool { return runs(a) > 0 && runs(b) > 0 && runs(a)+runs(b) == 4 })
	f.load(80, 29)
	f.caughtUp(a, b)
	f.checkStores(a, b)
	f.load(40, 29)
	a.stop()
	f.load(80, 29)
	f.caughtUp(b)
	f.checkStores(b)
	b.stop()
	f.check()
}

func runs(i *instance) int {
	n := 0
	for _, s := range i.engine.Status() {
		if s.State == StateRunning {
			n++
		}
	}
	return n
}

// A former owner is held at a step, a new one takes the shard over and goes on, and then the former one goes on too.
func TestAZombieCannotCommit(t *testing.T) {
	for _, at := range []Step{StepRestored, StepBegun, StepDecided, StepWritten, StepFlushed, StepCommitted} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.load(30, 5)
			held, release := make(chan struct{}), make(chan struct{})
			hook := crashAt(at, 1, func() { close(held); <-release })
			f.limits.BackoffMin = time.Hour // its answer to the doubt is to fence in its turn; that is not the question here
			zombie := f.start(inGroup("zombie-"), withFaults(func(shard int32, now Step) error {
				_ = hook(shard, now) // held, but not crashed: it goes on as if nothing had been
				return nil
			}))
			<-held
			owner := f.start(inDir(t.TempDir()))
			f.caughtUp(owner)
			close(release)
			await(t, "the zombie to notice", func() bool { return zombie.aborts() > 0 })
			zombie.kill()
			f.load(30, 5)
			f.caughtUp(owner)
			f.checkStores(owner)
			if n := owner.aborts(); n != 0 {
				t.Errorf("the zombie cost its successor %d lives", n)
			}
			owner.stop()
			f.check()
		})
	}
}

// A starting owner has read a changelog of a shard that has not begun, and is held. A new one takes the shard over and begins it, so that the group
// remembers a position. What the former one has read says nothing about the changelog any more.
func TestAZombieDoesNotTakeTheChangelogForLost(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	var begun kadm.Offsets
	begun.AddOffset(f.process.Inbox.Name, 0, 13, -1)
	must(t, kadm.NewClient(f.newClient()).CommitAllOffsets(t.Context(), "zombie-"+f.process.Name, begun))
	held, release := make(chan struct{}), make(chan struct{})
	hook := crashAt(StepRestored, 1, func() { close(held); <-release })
	f.limits.BackoffMin = time.Hour
	zombie := f.start(inGroup("zombie-"), withFaults(func(shard int32, now Step) error {
		_ = hook(shard, now) // held, but not crashed
		return nil
	}))
	<-held
	owner := f.start(inDir(t.TempDir()))
	f.caughtUp(owner)
	close(release)
	await(t, "the zombie to notice", func() bool { return zombie.aborts() > 0 })
	if status := zombie.status(0); status.State == StateStopped {
		t.Errorf("the zombie has stopped: %s", status.Reason)
	}
	zombie.kill()
	owner.stop()
	f.check()
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// What a dead owner left open is aborted by fencing, and a restore that meets it does not wait for it.
func TestTheOpenTransactionOfADeadOwnerIsDropped(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	dead := f.newClient(kgo.TransactionalID(f.process.Name+".0"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, dead.BeginTransaction())
	for n := range 5 {
		must(t, dead.ProduceSync(context.Background(),
			&kgo.Record{Topic: f.process.Table.Name, Key: []byte(fmt.Sprintf("key-00%d", n)), Value: []byte("never")},
			&kgo.Record{Topic: f.process.Table.Name, Key: []byte(keyMeta), Value: []byte(`{"next":1000000}`)},
			&kgo.Record{Topic: f.process.Outputs[0].Name, Key: []byte("key-000"), Value: []byte("never")},
		).FirstErr())
	}
	f.load(30, 5)
	f.finish(inDir(t.TempDir()))
}

// A decision that never returns can keep neither its instance from ending nor others from its shard, and commits nothing when it returns after all.
func TestAnInstanceEndsAlthoughADecisionDoesNot(t *testing.T) {
	f := newFixture(t, 2)
	f.limits.StopTimeMax = 50 * time.Millisecond
	sound, stuck := f.process, make(chan struct{})
	met := holding(&f.process, "add 17", stuck)
	f.load(40, 7)
	first := f.start()
	await(t, "the decision to hang", met.Load)
	first.stop()
	f.process, f.limits.StopTimeMax = sound, 0
	second := f.start(inDir(t.TempDir()))
	f.caughtUp(second)
	close(stuck)
	first.gone()
	f.checkStores(second)
	second.stop()
	f.check()
}
