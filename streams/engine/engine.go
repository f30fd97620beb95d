package engine

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// How often, and how far apart, the broker is asked before topics that do not fit are refused.
const (
	refusalsMax  = 4
	refusalPause = 300 * time.Millisecond
)

// ErrNotHere says that this instance does not run the shard that was asked about; another one may.
var ErrNotHere = errors.New("this instance does not run the shard")

// Engine runs processes.
type Engine struct {
	config  Config
	metrics *metricSet
	cache   *pebble.Cache
	// partitions and retention are what the broker says of our topics; they are set before any shard starts.
	partitions map[string]int32
	retention  map[string]time.Duration
	statuses   map[string][]*status
	// suspects lets one shard at a time make a decision that was under way when a process died.
	suspects chan struct{}
	// pace is that of all standbys.
	pace pace
}

// Run runs what config says until ctx ends, then stops cleanly.
func Run(ctx context.Context, config Config) error {
	e, err := New(config)
	if err != nil {
		return err
	}
	return e.Run(ctx)
}

// New checks a configuration and registers the metrics. Run may be called once on what it returns.
func New(config Config) (*Engine, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	metrics, err := newMetricSet(config.Metrics)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: config, metrics: metrics, partitions: map[string]int32{}, retention: map[string]time.Duration{}, statuses: map[string][]*status{},
		suspects: make(chan struct{}, 1),
	}
	for _, p := range config.Processes {
		for shard := range p.Inbox.Width.Partitions(config.Shards) {
			e.statuses[p.Name] = append(e.statuses[p.Name], newStatus(p.Name, shard))
		}
	}
	if err := newMoments(e).register(config.Metrics); err != nil {
		return nil, err
	}
	return e, nil
}

// Run checks the topics, joins the groups and runs the shards that they assign, until ctx ends. An error means that it could not begin.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	e.cache = pebble.NewCache(e.config.CacheBytes + e.standbyCacheBytes())
	defer e.cache.Unref()
	var wait sync.WaitGroup
	defer wait.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range e.config.Processes {
		m, err := e.join(&e.config.Processes[i])
		if err != nil {
			return err
		}
		wait.Go(func() { m.run(ctx) })
	}
	<-ctx.Done()
	return nil
}

// prepare checks the broker and the topics. A broker that is away is waited for; topics that do not fit are refused.
func (e *Engine) prepare(ctx context.Context) error {
	for refusals := 0; ; {
		err := e.check(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		wait := e.config.Limits.BackoffMax
		if refused(err) {
			// A topic that was just made is not at once known to every broker.
			if refusals++; refusals == refusalsMax {
				return err
			}
			wait = refusalPause
		}
		e.config.Logger.Warn("waiting for the broker", "reason", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// check asks the broker once, by a client of its own: a client remembers topics for a while.
func (e *Engine) check(ctx context.Context) error {
	client, err := kgo.NewClient(e.config.Kafka...)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	return e.checkTopics(ctx, client)
}

// shard makes the shard that the group assigned.
func (e *Engine) shard(process *streams.Process, number int32) *shard {
	return &shard{
		engine: e, process: process, number: number, shards: process.Inbox.Width.Partitions(e.config.Shards),
		status: e.statuses[process.Name][number], metrics: e.metrics.of(process.Name, number),
		log: e.config.Logger.With("process", process.Name, "shard", number), failed: map[failure]string{},
	}
}

// recentBytesMax is what a shard may hold of states that were committed last.
func (e *Engine) recentBytesMax() int {
	shards := 0
	for _, statuses := range e.statuses {
		shards += len(statuses)
	}
	return int(e.config.RecentBytes) / shards
}

// Status returns a moment of every shard of every process, also of those that other instances run, by process and shard.
func (e *Engine) Status() []ShardStatus {
	var all []ShardStatus
	for _, statuses := range e.statuses {
		for _, s := range statuses {
			all = append(all, s.snapshot())
		}
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Process < all[j].Process || all[i].Process == all[j].Process && all[i].Shard < all[j].Shard
	})
	return all
}

// Get returns the committed state of a key, as the handler wrote it. It fails with ErrNotHere where another instance, or none, runs the key's shard.
func (e *Engine) Get(process, key string) (state []byte, found bool, err error) {
	shards := int32(len(e.statuses[process])) //nolint:gosec // shards are few
	if shards == 0 {
		return nil, false, fmt.Errorf("reading the state of %q: there is no process %s here", key, process)
	}
	state, err = e.read(process, streams.PartitionOf(key, shards), append([]byte{spaceState}, key...))
	return state, state != nil, err
}

// Reference returns the committed reference state of a shard, nil where it has none. It fails as Get does.
func (e *Engine) Reference(process string, shard int32) ([]byte, error) {
	if int(shard) >= len(e.statuses[process]) || shard < 0 {
		return nil, fmt.Errorf("reading the reference: there is no shard %d of process %s", shard, process)
	}
	return e.read(process, shard, []byte(keyReference))
}

// Parked returns what is parked in a shard as committed, by key, without the records' values. It fails as Get does.
func (e *Engine) Parked(process string, shard int32) ([]ParkedKey, error) {
	if int(shard) >= len(e.statuses[process]) || shard < 0 {
		return nil, fmt.Errorf("reading what is parked: there is no shard %d of process %s", shard, process)
	}
	store := e.statuses[process][shard].committedStore()
	if store == nil {
		return nil, fmt.Errorf("shard %d of %s: %w", shard, process, ErrNotHere)
	}
	keys, open, err := store.readParked()
	if err == nil && !open {
		err = ErrNotHere
	}
	if err != nil {
		return nil, fmt.Errorf("shard %d of %s: %w", shard, process, err)
	}
	return keys, nil
}

func (e *Engine) read(process string, shard int32, key []byte) ([]byte, error) {
	store := e.statuses[process][shard].committedStore()
	if store == nil {
		return nil, fmt.Errorf("shard %d of %s: %w", shard, process, ErrNotHere)
	}
	value, open, err := store.read(key)
	if err == nil && !open {
		err = ErrNotHere
	}
	if err != nil {
		return nil, fmt.Errorf("shard %d of %s: %w", shard, process, err)
	}
	return value, nil
}
