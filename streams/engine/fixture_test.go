package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
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

const awaitMax = 60 * time.Second

// fixture is a broker with the sample process's topics, and what was put into its inbox.
type fixture struct {
	t         testing.TB
	cluster   *kfake.Cluster
	addresses []string
	process   streams.Process
	shards    int32
	dir       string
	limits    Limits
	client    *kgo.Client
	sent      [][]*kgo.Record
	// last is the instance that was started last.
	last atomic.Pointer[instance]
}

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
		limits: Limits{
			TransactionRecordsMax: 7, SweepVisitsMax: 3, RestoreRecordsMax: 5, RestoreBytesMax: 300, BackoffMax: 200 * time.Millisecond,
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
	if f.cluster == nil {
		f.t.Skip("SKIPPED in-process broker: PENSTOCK_KAFKA_ADDR is set, and this needs a broker that can be made to fail")
	}
	return f.cluster
}

func (f *fixture) createTopic(name string, settings map[string]*string) {
	f.t.Helper()
	answer, err := kadm.NewClient(f.client).CreateTopic(context.Background(), f.shards, 1, settings, name)
	must(f.t, err)
	must(f.t, answer.Err)
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

func withFaults(hook func(shard int32, at step) error) option {
	return func(c *Config) { c.faults = func(_ string, shard int32, at step) error { return hook(shard, at) } }
}

func (f *fixture) start(options ...option) *instance {
	f.t.Helper()
	dying, kill := context.WithCancel(context.Background())
	config := Config{
		Processes: []streams.Process{f.process}, Shards: f.shards, Kafka: []kgo.Opt{kgo.SeedBrokers(f.addresses...)},
		Framing: plain{}, Dir: f.dir, Limits: f.limits, dying: dying,
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
	f.t.Cleanup(func() { kill(); end(); wait.Wait() })
	return i
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

// crash ends an instance without finishing anything.
func (i *instance) crash() {
	i.f.t.Helper()
	i.kill()
	i.stop()
}

// await polls until the condition holds.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(awaitMax)
	for ticker := time.Tick(2 * time.Millisecond); !condition(); <-ticker {
		if time.Now().After(deadline) {
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
	await(f.t, "the inbox to be processed", func() bool {
		left := map[int32]bool{}
		for shard := range f.shards {
			left[shard] = true
		}
		last = nil
		for _, i := range instances {
			i.alive()
			for _, s := range i.engine.Status() {
				last = append(last, s)
				if s.State == StateRunning && s.Next >= int64(len(f.sent[s.Shard])) {
					delete(left, s.Shard)
				}
			}
		}
		return len(left) == 0
	})
}

// expect returns what each shard must come to.
func (f *fixture) expect() []*model {
	models := make([]*model, f.shards)
	for shard := range f.shards {
		m := newModel(f.process, shard, f.shards)
		for offset, r := range f.sent[shard] {
			if streams.PartitionOf(r.Key, f.shards) == shard {
				m.take(int64(offset), string(r.Key), string(r.Value[1:]))
			}
		}
		models[shard] = m
	}
	return models
}

// check compares the outputs and the changelog, read committed, with the model: no loss, no duplicate, nothing else.
func (f *fixture) check() {
	f.t.Helper()
	outputs, tables := f.readAll(f.process.Outputs[0].Name), f.readAll(f.process.Table.Name)
	for shard, m := range f.expect() {
		var got []string
		for _, r := range outputs[shard] {
			got = append(got, string(r.Key)+": "+string(r.Value))
		}
		if !reflect.DeepEqual(got, m.outputs) {
			f.t.Errorf("shard %d: outputs are\n%q\nnot\n%q", shard, got, m.outputs)
		}
		states, own := fold(tables[shard])
		if !reflect.DeepEqual(states, m.states) {
			f.t.Errorf("shard %d: states are %v, not %v", shard, states, m.states)
		}
		if own[keyReference] != m.reference {
			f.t.Errorf("shard %d: reference is %q, not %q", shard, own[keyReference], m.reference)
		}
		if sweep, ok := own[keySweep]; ok {
			f.t.Errorf("shard %d: a sweep is left: %s", shard, sweep)
		}
		p, err := decodeMeta([]byte(own[keyMeta]))
		must(f.t, err)
		m.progress.next = int64(len(f.sent[shard]))
		if p != m.progress {
			f.t.Errorf("shard %d: progress is %+v, not %+v", shard, p, m.progress)
		}
	}
}

// fold returns what a changelog comes to: states, and the engine's own values.
func fold(records []*kgo.Record) (states, own map[string]string) {
	states, own = map[string]string{}, map[string]string{}
	for _, r := range records {
		into := states
		if marked(string(r.Key)) {
			into = own
		}
		into[string(r.Key)] = string(r.Value)
		if r.Value == nil {
			delete(into, string(r.Key))
		}
	}
	return states, own
}

// readAll reads a topic's committed records, by partition. A record written behind them tells where they end.
func (f *fixture) readAll(topic string) [][]*kgo.Record {
	f.t.Helper()
	const endKey = "!end"
	partitions := f.shards
	for p := range partitions {
		must(f.t, f.client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Partition: p, Key: []byte(endKey)}).FirstErr())
	}
	reader := f.newClient(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	admin := kadm.NewClient(f.client)
	ends, err := admin.ListEndOffsets(context.Background(), topic)
	must(f.t, err)
	all := make([][]*kgo.Record, partitions)
	ctx, cancel := context.WithTimeout(context.Background(), awaitMax)
	defer cancel()
	for left := partitions; left > 0; {
		fetches := reader.PollFetches(ctx)
		must(f.t, ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			end, _ := ends.Lookup(topic, r.Partition)
			if r.Offset == end.Offset-1 {
				left--
			}
			if string(r.Key) != endKey {
				all[r.Partition] = append(all[r.Partition], r)
			}
		})
	}
	return all
}

func (f *fixture) shardOf(key string) int32 { return streams.PartitionOf(key, f.shards) }

// checkStores compares the stores of the instances with the model: states, reference and index.
func (f *fixture) checkStores(instances ...*instance) {
	f.t.Helper()
	for shard, m := range f.expect() {
		store := f.storeOf(int32(shard), instances...)
		keys, err := store.scan([]string{"all"}, "", 1<<20)
		must(f.t, err)
		if want := m.tagged([]string{"all"}); !reflect.DeepEqual(keys, want) {
			f.t.Errorf("shard %d: indexed keys are %q, not %q", shard, keys, want)
		}
		odd, err := store.scan([]string{"odd"}, "", 1<<20)
		must(f.t, err)
		if want := m.tagged([]string{"odd"}); !reflect.DeepEqual(odd, want) {
			f.t.Errorf("shard %d: odd keys are %q, not %q", shard, odd, want)
		}
		for key, want := range m.states {
			if got, err := store.state(new([]byte), key); err != nil || string(got) != want {
				f.t.Errorf("shard %d: the state of %s is %q (%v), not %q", shard, key, got, err, want)
			}
		}
		if got, err := store.get([]byte(keyReference)); err != nil || string(got) != m.reference {
			f.t.Errorf("shard %d: the reference is %q (%v), not %q", shard, got, err, m.reference)
		}
	}
}

func (f *fixture) storeOf(shard int32, instances ...*instance) *store {
	f.t.Helper()
	for _, i := range instances {
		if s := i.engine.statuses[f.process.Name][shard].committedStore(); s != nil {
			return s
		}
	}
	f.t.Fatalf("nobody runs shard %d", shard)
	return nil
}

// finish runs the inbox to its end on a fresh instance and checks everything.
func (f *fixture) finish(options ...option) {
	f.t.Helper()
	i := f.start(options...)
	f.caughtUp(i)
	f.checkStores(i)
	i.stop()
	f.check()
}

// status returns the status of one shard.
func (i *instance) status(shard int32) ShardStatus {
	return i.engine.statuses[i.f.process.Name][shard].snapshot()
}

// storeDir is where an instance of the fixture's folder keeps a shard.
func (f *fixture) storeDir(shard int32) string {
	return filepath.Join(f.dir, f.process.Name, strconv.Itoa(int(shard)))
}
