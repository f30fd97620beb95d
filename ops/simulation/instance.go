package simulation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// Times that are short, because a simulation waits for them and nothing else is slow here.
const (
	sessionTime = 2 * time.Second
	// A request is given up later than a rebalance, which lasts up to three sessions: the broker in the process begins to wait anew with
	// each member that joins, and two whose patience is shorter than that would keep each other out for ever.
	requestTime    = 7 * time.Second
	retryPause     = 5 * time.Millisecond
	fetchWait      = time.Second
	stopTime       = 500 * time.Millisecond
	transactionAge = 5 * time.Second
	// No decision is endless here, but a process that has many runs beside each other on a busy machine may let one wait for long.
	decisionTime = 10 * time.Minute
	backoffMin   = 2 * time.Millisecond
	backoffMax   = 100 * time.Millisecond
	copyEvery    = 300 * time.Millisecond
	neverAgain   = time.Hour
	cacheBytes   = 1 << 20
	// So little that some states are found among the recent ones, and others are looked up.
	recentBytes = 16 << 10
	stateDir    = "state"
)

// instance is one process of the engine with a disk and a network of its own.
type instance struct {
	number int
	wire   *faults.Wire
	files  *vfs.MemFS
	engine *engine.Engine
	end    context.CancelFunc
	kill   context.CancelFunc
	done   chan struct{}
	err    error
}

// start starts the next instance on a disk.
func (s *system) start(files *vfs.MemFS) error {
	i := &instance{number: len(s.instances), files: files, done: make(chan struct{})}
	i.wire = faults.NewWire(s.network.dial, s.plan.Wire[i.number]...)
	dying, kill := context.WithCancel(context.Background())
	ctx, end := context.WithCancel(context.Background())
	i.kill, i.end = func() { i.wire.Kill(); kill(); end() }, end
	var err error
	i.engine, err = engine.New(engine.Config{
		Processes: s.processes, Shards: shards, Framing: sim.NewFraming(), Dir: stateDir, Files: files, CacheBytes: cacheBytes, RecentBytes: recentBytes,
		Kafka: []kgo.Opt{
			kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.Dialer(i.wire.Dial), kgo.DisableClientMetrics(),
			kgo.RequestTimeoutOverhead(requestTime),
			kgo.RetryBackoffFn(func(int) time.Duration { return retryPause }), kgo.FetchMaxWait(fetchWait),
		},
		Limits: engine.Limits{
			TransactionRecordsMax: s.plan.RecordsMax, SweepVisitsMax: s.plan.VisitsMax, RestoreRecordsMax: 50, TransactionTimeoutMax: transactionAge,
			BackoffMin: backoffMin, BackoffMax: backoffMax, StoppedRetry: neverAgain, StopTimeMax: stopTime, CopyEvery: copyEvery, SessionTimeMax: sessionTime,
			DecisionTimeMax: decisionTime,
		},
		Dying: dying, Faults: s.crashes(i), Logger: s.log.With("instance", i.number),
	})
	if err != nil {
		kill()
		end()
		return err
	}
	s.instances = append(s.instances, i)
	go func() {
		defer close(i.done)
		i.err = i.engine.Run(ctx)
	}()
	return nil
}

var errCrash = errors.New("a crash of the simulation")

// crashes returns the hook that crashes an instance's shards at the steps of the plan.
func (s *system) crashes(i *instance) func(string, int32, engine.Step) error {
	return func(process string, _ int32, at engine.Step) error {
		crash, ok := s.steps.comes(process, at)
		if !ok {
			return nil
		}
		if crash.Kill {
			i.kill()
		}
		return errCrash
	}
}

func (i *instance) ended() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

// stopped returns an error where a shard stopped for good, or the instance could not begin.
func (i *instance) stopped() error {
	if i.ended() && i.err != nil {
		return fmt.Errorf("instance %d ended: %w", i.number, i.err)
	}
	for _, shard := range i.engine.Status() {
		if shard.State == engine.StateStopped {
			return fmt.Errorf("instance %d: shard %d of %s stopped: %s", i.number, shard.Shard, shard.Process, shard.Reason)
		}
	}
	return nil
}
