package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func withStandby(c *Config) { c.Standby, c.Limits.StandbyLookEvery = true, 20*time.Millisecond }

// held returns what the store of a shard that is followed holds under a key, and false while there is no store.
func (i *instance) held(shard int32, key string) (string, bool) {
	s := i.engine.statuses[i.f.process.Name][shard]
	s.mu.Lock()
	store := s.store
	s.mu.Unlock()
	if store == nil {
		return "", false
	}
	value, open, err := store.read([]byte(key))
	must(i.f.t, err)
	return string(value), open
}

// follows waits until an instance holds all of a shard that another one runs.
func (i *instance) follows(shard int32, owner *instance) {
	i.f.t.Helper()
	await(i.f.t, "the standby to hold everything", func() bool {
		s := i.status(shard)
		return s.State == StateStandingBy && s.RestoredTo >= owner.status(shard).ChangelogNext && s.RestoredTo >= s.RestoreEnd && s.RestoreEnd > 0
	})
}

func (i *instance) restored(shard int32) int {
	return count(i.f.t, i.engine.metrics.of(i.f.process.Name, shard).restored)
}

// What a takeover reads is told by a count, not by a clock: of a shard that was followed, nothing is left but the new owner's own record.
func TestAStandbyTakesOverWithinItsTail(t *testing.T) {
	f := newFixture(t, 4)
	f.load(120, 29)
	a := f.start()
	f.caughtUp(a)
	registry := prometheus.NewRegistry()
	b := f.start(inDir(t.TempDir()), withStandby, func(c *Config) { c.Metrics = registry })
	await(t, "both to run shards", func() bool { return runs(a) == 2 && runs(b) == 2 })
	f.load(80, 29)
	f.caughtUp(a, b)
	before := map[int32]int{}
	for shard := range f.shards {
		if b.status(shard).State != StateRunning {
			b.follows(shard, a)
			before[shard] = b.restored(shard)
		}
	}
	if len(before) != 2 {
		t.Fatalf("b stands by for %d shards, not 2", len(before))
	}
	if shown := scrape(t, registry, "standby_remaining_offsets"); strings.Count(shown, "} 0\n") != 2 || strings.Count(shown, "\n") != 2 {
		t.Errorf("the standbys show\n%s", shown)
	}
	a.stop()
	f.caughtUp(b)
	if shown := scrape(t, registry, "standby_remaining_offsets", "standby_lag_seconds"); shown != "\n" {
		t.Errorf("standbys that took over left\n%s", shown)
	}
	for shard, n := range before {
		if read := b.restored(shard) - n; read != 1 {
			t.Errorf("shard %d: the takeover read %d records of the changelog, not the one that is its own", shard, read)
		}
	}
	f.checkStores(b)
	f.load(40, 29)
	f.caughtUp(b)
	f.checkStores(b)
	b.stop()
	f.check()
}

// A store of its own that was left behind is as good as a standby's, up to where it was left.
func TestAShardThatComesBackReadsOnlyTheTail(t *testing.T) {
	f := newFixture(t, 2)
	f.load(150, 23)
	a := f.start()
	f.caughtUp(a)
	whole := a.status(0).ChangelogNext
	b := f.start(inDir(t.TempDir()))
	await(t, "both to run a shard", func() bool { return runs(a) == 1 && runs(b) == 1 })
	moved := int32(0)
	if a.status(0).State == StateRunning {
		moved = 1
	}
	if n := b.restored(moved); n < 20 {
		t.Errorf("a member that joined with nothing restored %d records", n)
	}
	f.load(40, 23)
	f.caughtUp(a, b)
	left, before := a.status(moved).ChangelogNext, a.restored(moved)
	if left == 0 || left > whole+whole {
		t.Fatalf("a left the shard at %d", left)
	}
	b.stop()
	f.caughtUp(a)
	read := a.restored(moved) - before
	want := 0
	for _, r := range f.readAll(f.process.Table.Name)[moved] {
		if r.Offset >= left && r.Offset < a.status(moved).ChangelogNext {
			want++
		}
	}
	if read != want {
		t.Errorf("coming back read %d records of the changelog; %d were written since it went", read, want)
	}
	f.checkStores(a)
	a.stop()
	f.check()
}

// A standby reads what was committed. What an open transaction holds it has never seen, and it goes on when the transaction is aborted.
func TestAStandbyHoldsNothingThatWasNotCommitted(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	a := f.start()
	f.caughtUp(a)
	const stays = 10 * time.Minute // the broker must not end it before the test does
	other := f.newClient(kgo.TransactionalID("another"), kgo.TransactionTimeout(stays), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, other.BeginTransaction())
	must(t, other.ProduceSync(context.Background(), &kgo.Record{Topic: f.process.Table.Name, Key: []byte("ghost"), Value: []byte("never")}).FirstErr())
	b := f.start(inDir(t.TempDir()), withStandby)
	f.load(30, 5)
	f.caughtUp(a)
	await(t, "the standby to come as far as it may", func() bool { s := b.status(0); return s.RestoredTo > 0 && s.RestoredTo == s.RestoreEnd })
	if s := b.status(0); s.RestoredTo >= a.status(0).ChangelogNext {
		t.Errorf("the standby is at %d, past an open transaction", s.RestoredTo)
	}
	must(t, other.EndTransaction(context.Background(), kgo.TryAbort))
	b.follows(0, a)
	if value, open := b.held(0, "sghost"); !open || value != "" {
		t.Errorf("the standby holds %q (%v) of an aborted transaction", value, open)
	}
	if n := a.aborts(); n != 0 {
		t.Errorf("being followed cost the owner %d lives", n)
	}
	a.stop()
	f.finishOn(b)
}

// finishOn runs the inbox to its end on an instance that runs already, and checks everything.
func (f *fixture) finishOn(i *instance) {
	f.t.Helper()
	f.caughtUp(i)
	f.checkStores(i)
	i.stop()
	f.check()
}

func TestAStandbyDiscardsAStoreThatDoesNotFit(t *testing.T) {
	for name, change := range map[string]func(p *position){
		"ahead of the changelog":    func(p *position) { p.Next += 1000 },
		"of another topic":          func(p *position) { p.Topic = "AAAAAAAAAAAAAAAAAAAAAA" },
		"of another cluster":        func(p *position) { p.Cluster = "elsewhere" },
		"older than deletions stay": func(p *position) { p.CompleteAt = time.Now().Add(-48 * time.Hour) },
		"of another layout":         func(p *position) { p.Layout = storeLayout + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.load(60, 9)
			i := f.start()
			f.caughtUp(i)
			i.stop()
			f.tamper(0, change)
			a := f.start(inDir(t.TempDir()))
			f.caughtUp(a)
			b := f.start(withStandby) // in the folder with the bad store
			b.follows(0, a)
			if value, _ := b.held(0, "sghost"); value != "" {
				t.Errorf("the store was kept: %q", value)
			}
			a.stop()
			f.finishOn(b)
		})
	}
}

// A changelog that was deleted and made again is another one, also for who is in the middle of it.
func TestAStandbyLeavesAChangelogThatWasMadeAgain(t *testing.T) {
	f := newFixture(t, 1)
	f.load(40, 5)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	// The owner has the shard and does nothing with it: what follows would stop it anyway.
	owner := f.start(inDir(t.TempDir()), withFaults(func(int32, Step) error { return stopf("as the test wants it") }))
	await(t, "the owner to have it", func() bool { return owner.status(0).State == StateStopped })
	b := f.start(withStandby)
	await(t, "the standby to hold the states", func() bool {
		value, _ := b.held(0, "skey-000")
		return value != "" && b.status(0).State == StateStandingBy
	})
	f.recreate(f.process.Table.Name, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"})
	// It is longer than the former one, so that the offset that the standby wants next is there, and is another record.
	records := make([]*kgo.Record, 500)
	for n := range records {
		records[n] = &kgo.Record{Topic: f.process.Table.Name, Key: []byte("key-new"), Value: []byte("new")}
	}
	must(t, f.client.ProduceSync(t.Context(), records...).FirstErr())
	await(t, "the standby to hold the new changelog alone", func() bool {
		former, _ := b.held(0, "skey-000")
		value, _ := b.held(0, "skey-new")
		return former == "" && value == "new"
	})
	b.stop()
}

// A standby that cannot keep up with deletions may have missed one: after the time that the changelog keeps them it begins anew.
func TestAStandbyThatIsBehindForTooLongBeginsAnew(t *testing.T) {
	f := newFixture(t, 1)
	// Long enough to read the changelog from its beginning, also for a machine that is slow and busy: who needs longer never catches up.
	retention := "4000"
	_, err := kadm.NewClient(f.client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "delete.retention.ms", Value: &retention}}, f.process.Table.Name)
	must(t, err)
	f.load(40, 5)
	a := f.start()
	f.caughtUp(a)
	b := f.start(inDir(t.TempDir()), withStandby)
	b.follows(0, a)
	unreadable := f.fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: f.process.Table.Name, Err: kerr.NotLeaderForPartition, Count: -1})
	f.load(15, 5)
	f.caughtUp(a)
	await(t, "the standby to begin anew", func() bool { state, open := b.held(0, "skey-001"); return open && state == "" })
	unreadable.Remove()
	b.follows(0, a)
	a.stop()
	f.finishOn(b)
}

func TestAStandbyBuildsTheIndexOfItsTags(t *testing.T) {
	f := newFixture(t, 1)
	f.load(60, 9)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	f.process.TagsVersion = "parity-2"
	a := f.start(inDir(t.TempDir()))
	f.caughtUp(a)
	b := f.start(withStandby)
	await(t, "the index to be built again", func() bool {
		var p position
		value, open := b.held(0, keyPosition)
		return open && json.Unmarshal([]byte(value), &p) == nil && p.IndexVersion == "parity-2"
	})
	f.load(40, 9)
	f.caughtUp(a)
	b.follows(0, a)
	a.stop()
	f.finishOn(b)
}

func TestStandbysAreBounded(t *testing.T) {
	f := newFixture(t, 4)
	f.load(40, 9)
	a := f.start()
	f.caughtUp(a)
	b := f.start(inDir(t.TempDir()), withStandby, func(c *Config) { c.Limits.StandbyShardsMax = 1 })
	await(t, "both to run shards", func() bool { return runs(a) == 2 && runs(b) == 2 })
	standing := func() (n int) {
		for _, s := range b.engine.Status() {
			if s.State == StateStandingBy {
				n++
			}
		}
		return n
	}
	await(t, "the one standby", func() bool { return standing() == 1 })
	f.load(20, 9)
	f.caughtUp(a, b)
	if n := standing(); n != 1 {
		t.Errorf("%d shards are followed", n)
	}
	a.stop()
	f.finishOn(b)
}

// Instances come, go and die, and the shards move between their standbys, again and again.
func TestManyTakeoversByStandbys(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	f := newFixture(t, 3)
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	stays := f.start(inDir(dirs[0]), withStandby)
	for round := range 10 {
		f.load(20, 17)
		step := random.IntN(len(allSteps))
		at, nth := allSteps[step], int64(1)
		if step > 2 {
			nth += random.Int64N(3) // a life begins once and has many transactions
		}
		crashes := random.IntN(2) == 0
		started, crashed := make(chan struct{}), make(chan struct{})
		var i *instance
		i = f.start(inDir(dirs[1+round%2]), withStandby, withFaults(func() func(int32, Step) error {
			if !crashes {
				return func(int32, Step) error { return nil }
			}
			return crashAt(at, nth, func() { <-started; i.kill(); close(crashed) })
		}()))
		close(started)
		f.load(10, 17)
		if crashes {
			sent := 0
			await(t, "the crash", func() bool {
				f.send(fmt.Sprintf("key-%03d", sent%17), "add 1") // whichever shards it got, one of these is for them
				sent++
				return isClosed(crashed)
			})
		} else {
			f.caughtUp(stays, i)
		}
		i.stop()
	}
	f.finishOn(stays)
}

func TestStandbysSpreadWhatTheyRead(t *testing.T) {
	var p pace
	now := time.Unix(1_000_000, 0)
	for i, want := range []time.Duration{500 * time.Millisecond, time.Second, 1500 * time.Millisecond} {
		if got := p.take(500, 1000, now); got != want {
			t.Errorf("after %d reads the pause is %s, not %s", i+1, got, want)
		}
	}
	if got := p.take(100, 1000, now.Add(time.Minute)); got != 100*time.Millisecond {
		t.Errorf("what was not read a minute ago is caught up on: %s", got)
	}
}
