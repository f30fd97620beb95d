package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestKeyedRecordsAreDecidedExactlyOnce(t *testing.T) {
	f := newFixture(t, 2)
	i := f.start()
	for n := range 60 {
		f.send(fmt.Sprintf("key-%d", n%7), fmt.Sprintf("add %d", n))
	}
	f.caughtUp(i)
	state, found, err := i.engine.Get(f.process.Name, "key-3")
	if err != nil || !found || string(state) != f.expect()[f.shardOf("key-3")].states["key-3"] {
		t.Errorf("Get returned %q, %v, %v", state, found, err)
	}
	i.stop()
	f.check()
	if _, _, err := i.engine.Get(f.process.Name, "key-3"); !errors.Is(err, ErrNotHere) {
		t.Errorf("Get on a stopped instance returned %v", err)
	}
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	f := newFixture(t, 2)
	f.load(120, 11)
	for range 3 {
		i := f.start()
		f.caughtUp(i)
		i.stop()
		f.load(40, 11)
	}
	i := f.start()
	f.caughtUp(i)
	i.stop()
	f.check()
}

func TestNothingOfAnInstanceRunsOnAfterIt(t *testing.T) {
	f := newFixture(t, 3)
	f.load(60, 7)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	// goka does not wait for the goroutine that reads its group's errors, so it may take a moment.
	await(t, "the goroutines to end", func() bool {
		var stacks bytes.Buffer
		must(t, pprof.Lookup("goroutine").WriteTo(&stacks, 1))
		return !strings.Contains(stacks.String(), "lovoo/goka") && !strings.Contains(stacks.String(), "engine.(*") &&
			!strings.Contains(stacks.String(), "cockroachdb/pebble")
	})
}

func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	f := newFixture(t, 1)
	f.load(20, 3)
	var away atomic.Bool
	away.Store(true)
	i := f.start(func(c *Config) {
		c.Kafka = append(c.Kafka, kgo.RetryTimeout(10*time.Millisecond), kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			if away.Load() {
				away.Store(false)
				return nil, errors.New("the broker is away")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}))
	})
	f.caughtUp(i)
	i.stop()
	f.check()
}

func TestTheStatusTellsOfEveryShard(t *testing.T) {
	f := newFixture(t, 2)
	f.load(60, 7)
	i := f.start()
	f.caughtUp(i)
	await(t, "the end of the inbox to be known", func() bool {
		for _, s := range i.engine.Status() {
			if s.End != int64(len(f.sent[s.Shard])) {
				return false
			}
		}
		return true
	})
	for shard, m := range f.expect() {
		s := i.engine.Status()[shard]
		if s.Process != f.process.Name || s.Shard != int32(shard) || s.Sequence != m.progress.chain.Sequence || s.RecordedAt != m.progress.recordedAt ||
			s.Sweep != nil || s.TransactionAge != 0 {
			t.Errorf("the status of shard %d is %+v", shard, s)
		}
	}
	reference, err := i.engine.Reference(f.process.Name, 1)
	if err != nil || string(reference) != f.expect()[1].reference {
		t.Errorf("the reference is %q, %v", reference, err)
	}
	i.stop()
	for _, s := range i.engine.Status() {
		if s.State != StateNotOurs {
			t.Errorf("a shard of a stopped instance is %s", s.State)
		}
	}
}
