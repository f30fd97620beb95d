package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// awaitMax is for a test that has failed: no machine is so slow and busy that nothing moves for so long.
const awaitMax = 4 * time.Minute

// fixture is a broker with the sample process's topics, and what was put into its inbox.
type fixture struct {
	t         testing.TB
	cluster   *kfake.Cluster
	addresses []string
	process   streams.Process
	shards    int32
	dir       string
	limits    Limits
	recent    int64
	client    *kgo.Client
	sent      [][]*kgo.Record
	// last is the instance that was started last.
	last atomic.Pointer[instance]
}

// recentFew is memory for a few recent states of a shard, so that some are found there and others are looked up in the store.
const recentFew = 1 << 10

func newFixture(t testing.TB, shards int32) *fixture {
	t.Helper()
	suffix := ""
	if realBroker() != "" {
		suffix = "." + uuid.NewString()
	}
	return newFixtureOf(t, sampleProcessNamed(suffix), shards)
}

func newFixtureOf(t testing.TB, process streams.Process, shards int32) *fixture {
	t.Helper()
	f := &fixture{
		t: t, addresses: []string{realBroker()}, process: process, shards: shards, dir: t.TempDir(), sent: make([][]*kgo.Record, shards),
		recent: int64(shards) * recentFew,
		limits: Limits{
			TransactionRecordsMax: 7, SweepVisitsMax: 3, RestoreRecordsMax: 5, RestoreBytesMax: 300, BackoffMax: 200 * time.Millisecond,
			// What a transaction holds must not depend on how busy the machine is: deaths are counted by it.
			TransactionTimeMax: awaitMax,
		},
	}
	if realBroker() == "" {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
		must(t, err)
		t.Cleanup(cluster.Close)
		f.cluster, f.addresses = cluster, cluster.ListenAddrs()
	}
	f.client = f.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(1<<20))
	forever := "-1"
	f.createTopic(f.process.Inbox.Name, map[string]*string{"retention.ms": &forever})
	f.createTopic(f.process.Outputs[0].Name, map[string]*string{"retention.ms": &forever})
	f.createTable("compact")
	return f
}

// realBroker is the address of a broker to run the tests against instead of one in the process. What only that one can do is skipped there.
func realBroker() string { return os.Getenv("PENSTOCK_KAFKA_ADDR") }

// fake returns the in-process broker, for what only it can do.
func (f *fixture) fake() *kfake.Cluster {
	f.t.Helper()
	requireFake(f.t)
	return f.cluster
}

// requireFake skips what needs the in-process broker. What makes topics of fixed names calls it first: a real broker is shared by all tests.
func requireFake(t testing.TB) {
	t.Helper()
	if realBroker() != "" {
		t.Skip("SKIPPED in-process broker: PENSTOCK_KAFKA_ADDR is set, and this needs a broker that can be made to fail")
	}
}

func (f *fixture) createTopic(name string, settings map[string]*string) {
	f.t.Helper()
	answer, err := kadm.NewClient(f.client).CreateTopic(context.Background(), f.shards, 1, settings, name)
	must(f.t, err)
	must(f.t, answer.Err)
	f.awaitTopic(name, answer.ID)
}

// awaitTopic waits until the brokers tell of a topic that was made, and not of a former one of the same name. A real controller answers before the brokers know.
func (f *fixture) awaitTopic(name string, id kadm.TopicID) {
	f.t.Helper()
	if f.cluster != nil {
		return
	}
	await(f.t, "the topic "+name+" to be known", func() bool {
		client, err := kgo.NewClient(kgo.SeedBrokers(f.addresses...)) // it remembers nothing
		must(f.t, err)
		defer client.Close()
		metadata, err := kadm.NewClient(client).Metadata(context.Background(), name)
		must(f.t, err)
		topic := metadata.Topics[name]
		known := topic.Err == nil && topic.ID == id && len(topic.Partitions) == int(f.shards)
		for _, partition := range topic.Partitions {
			known = known && partition.Err == nil && partition.Leader >= 0
		}
		return known
	})
}

func (f *fixture) createTable(policy string) {
	f.t.Helper()
	forever := "-1"
	f.createTopic(f.process.Table.Name, map[string]*string{"cleanup.policy": &policy, "retention.ms": &forever})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) newClient(options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(f.addresses...))...)
	must(f.t, err)
	f.t.Cleanup(client.Close)
	return client
}

// send puts texts into the inbox under a key, where the key belongs.
func (f *fixture) send(key string, texts ...string) {
	f.t.Helper()
	f.sendTo(streams.PartitionOf(key, f.shards), key, texts...)
}

func (f *fixture) sendTo(shard int32, key string, texts ...string) {
	f.t.Helper()
	var records []*kgo.Record
	for _, text := range texts {
		records = append(records, &kgo.Record{
			Topic: f.process.Inbox.Name, Partition: shard, Key: []byte(key), Value: append(plain{}.Frame("", nil), text...),
		})
	}
	must(f.t, f.client.ProduceSync(context.Background(), records...).FirstErr())
	f.sent[shard] = append(f.sent[shard], records...)
}

// control sends a control record to every shard.
func (f *fixture) control(text string) {
	f.t.Helper()
	for shard := range f.shards {
		f.send(streams.ControlKey(shard), text)
	}
}

// load sends n additions over some keys, a few deletions, and two control records in between.
func (f *fixture) load(n, keys int) {
	f.t.Helper()
	for i := range n {
		key := fmt.Sprintf("key-%03d", i%keys)
		f.send(key, fmt.Sprintf("add %d", i))
		switch {
		case i%37 == 36:
			f.send(key, "forget")
		case i == n/3:
			f.control("sweep odd")
		case i == n/2:
			f.control("note half")
		case i == n/2+1:
			f.control("peek even odd")
		case i == 2*n/3:
			f.control("sweep even odd")
		}
	}
}

// instance is a running engine.
type instance struct {
	f      *fixture
	engine *Engine
	end    context.CancelFunc
	kill   context.CancelFunc
	done   chan error
}

// option changes an instance's configuration.
type option func(*Config)

func inDir(dir string) option { return func(c *Config) { c.Dir = dir } }

func inGroup(prefix string) option { return func(c *Config) { c.GroupPrefix = prefix } }

// toldWhy makes a test that fails say why lives ended.
func toldWhy(t testing.TB) option {
	return func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
}

func withFaults(hook func(shard int32, at Step) error) option {
	return func(c *Config) { c.Faults = func(_ string, shard int32, at Step) error { return hook(shard, at) } }
}

func (f *fixture) start(options ...option) *instance {
	f.t.Helper()
	dying, kill := context.WithCancel(context.Background())
	config := Config{
		Processes: []streams.Process{f.process}, Shards: f.shards, Kafka: []kgo.Opt{kgo.SeedBrokers(f.addresses...)},
		Framing: plain{}, Dir: f.dir, Limits: f.limits, RecentBytes: f.recent, Dying: dying,
	}
	if os.Getenv("ENGINE_LOG") != "" {
		config.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	}
	for _, o := range options {
		o(&config)
	}
	engine, err := New(config)
	must(f.t, err)
	ctx, end := context.WithCancel(context.Background())
	i := &instance{f: f, engine: engine, end: end, kill: kill, done: make(chan error, 1)}
	f.last.Store(i)
	var wait sync.WaitGroup
	wait.Go(func() { i.done <- engine.Run(ctx) })
	f.t.Cleanup(func() {
		kill()
		end()
		wait.Wait()
		if !f.t.Failed() {
			i.gone()
		}
	})
	return i
}

// gone waits until nothing that the instance may have left behind has a store open any more: what is still written to it would be there again after the test's
// folder was deleted.
func (i *instance) gone() {
	i.f.t.Helper()
	await(i.f.t, "what was left behind to end", func() bool {
		for _, s := range i.engine.Status() {
			if s.State != StateNotOurs {
				return false
			}
		}
		return true
	})
}

// alive fails the test if the instance has given up.
func (i *instance) alive() {
	i.f.t.Helper()
	select {
	case err := <-i.done:
		i.done <- err
		i.f.t.Fatalf("the instance has ended: %v", err)
	default:
	}
}

// stop ends an instance cleanly.
func (i *instance) stop() {
	i.f.t.Helper()
	i.end()
	must(i.f.t, <-i.done)
}

// await polls until the condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	awaitProgress(t, what, func() (bool, int64) { return condition(), 0 })
}

// awaitProgress polls until the condition holds, and gives up when its measure of progress, which only grows, has not grown for long. So a busy machine may take
// as long as it needs.
func awaitProgress(t testing.TB, what string, look func() (holds bool, progress int64)) {
	t.Helper()
	furthest, deadline := int64(0), time.Now().Add(awaitMax)
	for ticker := time.Tick(2 * time.Millisecond); ; <-ticker {
		holds, progress := look()
		switch {
		case holds:
			return
		case progress > furthest:
			furthest, deadline = progress, time.Now().Add(awaitMax)
		case time.Now().After(deadline):
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// caughtUp waits until the instances have, between them, processed the whole inbox.
func (f *fixture) caughtUp(instances ...*instance) {
	f.t.Helper()
	var last []ShardStatus
	defer func() {
		if f.t.Failed() {
			f.t.Logf("last seen: %+v", last)
		}
	}()
	next := make([]int64, f.shards)
	awaitProgress(f.t, "the inbox to be processed", func() (bool, int64) {
		left, progress := f.shards, int64(0)
		seen := make([]bool, f.shards)
		last = nil
		for _, i := range instances {
			i.alive()
			for _, s := range i.engine.Status() {
				last = append(last, s)
				next[s.Shard] = max(next[s.Shard], s.Next)
				if s.State == StateRunning && s.Next >= int64(len(f.sent[s.Shard])) && !seen[s.Shard] {
					seen[s.Shard] = true
					left--
				}
			}
		}
		for _, n := range next {
			progress += n
		}
		return left == 0, progress
	})
}
