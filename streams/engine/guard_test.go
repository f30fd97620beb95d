package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

func count(t testing.TB, c prometheus.Counter) int {
	t.Helper()
	var m dto.Metric
	must(t, c.Write(&m))
	return int(m.GetCounter().GetValue())
}

// aborts counts the lives of shard 0 that ended otherwise than cleanly.
func (i *instance) aborts() int {
	n := 0
	for _, cause := range []string{causeFenced, causeDoubt, causeUnknown, causeStopped} {
		n += count(i.f.t, i.engine.metrics.aborts.WithLabelValues(i.f.process.Name, "0", cause))
	}
	return n
}

func TestAKeyedRecordInTheWrongShardTouchesNothing(t *testing.T) {
	f := newFixture(t, 2)
	f.send("key-1", "add 1")
	f.sendTo(1-f.shardOf("key-1"), "key-1", "add 100")
	f.send("key-1", "add 2")
	i := f.start()
	f.caughtUp(i)
	if n := count(t, i.engine.metrics.of(f.process.Name, 1-f.shardOf("key-1")).astray); n != 1 {
		t.Errorf("%d records were counted as astray, not 1", n)
	}
	f.checkStores(i)
	i.stop()
	f.check()
}

func TestWhatCannotBeDecidedStopsItsShardAlone(t *testing.T) {
	for name, test := range map[string]struct {
		send func(f *fixture)
		says []string
	}{
		"panic":                        {func(f *fixture) { f.send("bad", "panic") }, []string{"deciding " + sampleInbox, `key "bad"`, "sample panic"}},
		"failure":                      {func(f *fixture) { f.send("bad", "fail") }, []string{"deciding " + sampleInbox, "sample failure"}},
		"unknown":                      {func(f *fixture) { f.send("bad", "sing") }, []string{"routing " + sampleInbox, "unknown record"}},
		"control under a client's key": {func(f *fixture) { f.send("bad", "note x") }, []string{"control record", `"bad"`}},
		"state under a ! key":          {func(f *fixture) { f.sendTo(f.shardOf("bad"), "!bad", "add 1") }, []string{"cannot be a state's"}},
		"unreadable": {func(f *fixture) {
			must(f.t, f.client.ProduceSync(context.Background(), &kgo.Record{
				Topic: f.process.Inbox.Name, Partition: f.shardOf("bad"), Key: []byte("bad"), Value: []byte("x"),
			}).FirstErr())
		}, []string{"cannot be read", "sample/frame"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			bad := f.shardOf("bad")
			f.load(20, 5)
			before := len(f.sent[bad])
			test.send(f)
			f.load(20, 5)
			i := f.start()
			await(t, "the shard to stop", func() bool { return i.status(bad).State == StateStopped })
			for _, says := range test.says {
				if reason := i.status(bad).Reason; !strings.Contains(reason, says) {
					t.Errorf("the reason %q does not say %q", reason, says)
				}
			}
			await(t, "the other shard to flow on", func() bool { return i.status(1-bad).Next == int64(len(f.sent[1-bad])) })
			i.stop()
			_, own := fold(f.readAll(f.process.Table.Name)[bad])
			if own[keyMeta] != "" {
				p, err := decodeMeta([]byte(own[keyMeta]))
				must(t, err)
				if p.next > int64(before) {
					t.Errorf("the position %d is past the bad record at %d", p.next, before)
				}
			}
		})
	}
}

func TestAPositionThatTheInboxDoesNotHoldStopsTheShard(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	must(t, f.fake().DeleteRecords(sampleInbox, 0, 10))
	i := f.start()
	await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
	if reason := i.status(0).Reason; !strings.Contains(reason, "does not hold the offset that comes next: "+sampleInbox+"/0") {
		t.Errorf("the reason is %q", reason)
	}
	i.stop()
}

func TestAKeyIsWrittenOncePerTransaction(t *testing.T) {
	f := newFixture(t, 1)
	f.limits = Limits{}
	for n := range 500 {
		f.send("key", fmt.Sprintf("add %d", n))
	}
	i := f.start()
	f.caughtUp(i)
	transactions := count(t, i.engine.metrics.of(f.process.Name, 0).committedTotal)
	i.stop()
	written := 0
	for _, r := range f.readAll(f.process.Table.Name)[0] {
		if string(r.Key) == "key" {
			written++
		}
	}
	if written != transactions || written > 50 {
		t.Errorf("the state was written %d times in %d transactions", written, transactions)
	}
	f.check()
}

func TestTopicsThatDoNotFitAreRefused(t *testing.T) {
	f := newFixture(t, 2)
	config := Config{
		Processes: []streams.Process{f.process}, Shards: 3, Kafka: []kgo.Opt{kgo.SeedBrokers(f.addresses...)}, Framing: plain{}, Dir: f.dir,
	}
	if err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "start with the number of shards that the topics were created with") {
		t.Errorf("other shards: %v", err)
	}
	config.Shards = 2
	config.Processes[0].Outputs = append(config.Processes[0].Outputs, streams.Topic{Name: "nowhere.v1"})
	if err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "nowhere.v1: existence is missing") {
		t.Errorf("a missing topic: %v", err)
	}
}

// gate is a framing whose registry is away for records that say so, until it is opened.
type gate struct {
	plain
	open   chan struct{}
	waited atomic.Bool
}

func (g *gate) Unframe(ctx context.Context, topic string, framed []byte) ([]byte, error) {
	if strings.HasSuffix(string(framed), "1000") && !isClosed(g.open) {
		g.waited.Store(true)
		select {
		case <-g.open:
		case <-ctx.Done():
			return nil, errors.New("the registry is away")
		}
	}
	return g.plain.Unframe(ctx, topic, framed)
}

func TestWhatWasDecidedDoesNotWaitForTheRegistry(t *testing.T) {
	f := newFixture(t, 1)
	f.limits.TransactionTimeMax = 50e6
	for n := range 3 {
		f.send("key", fmt.Sprintf("add %d", n))
	}
	f.send("key", "add 1000", "add 5")
	g := &gate{open: make(chan struct{})}
	i := f.start(func(c *Config) { c.Framing = g })
	await(t, "the records before to be committed", func() bool { return i.status(0).Next == 3 && g.waited.Load() })
	await(t, "the status to say what it waits for", func() bool { return strings.Contains(i.status(0).Reason, "registry is away") })
	close(g.open)
	f.caughtUp(i)
	if n := i.aborts(); n != 0 {
		t.Errorf("waiting cost %d lives of the shard", n)
	}
	i.stop()
	f.check()
}

func TestALostChangelogIsNoticed(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	must(t, f.fake().DeleteTopic(f.process.Table.Name))
	f.createTable("compact")
	i = f.start()
	await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
	if reason := i.status(0).Reason; !strings.Contains(reason, "the changelog was lost") {
		t.Errorf("the reason is %q", reason)
	}
	i.stop()
}

// Somebody's console moves the group's offsets about: they are a copy and decide nothing.
func TestTheOffsetsOfTheGroupDecideNothing(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	for _, offset := range []int64{0, 7, 1000} {
		offsets := kadm.Offsets{}
		offsets.AddOffset(f.process.Inbox.Name, 0, offset, -1)
		_, err := kadm.NewClient(f.client).CommitOffsets(t.Context(), f.process.Name, offsets)
		must(t, err)
		f.load(10, 5)
		f.finish()
	}
}

func TestABrokerWithTheOlderTransactionsIsRefused(t *testing.T) {
	f := newFixture(t, 1)
	f.fake()
	request := kmsg.NewPtrUpdateFeaturesRequest()
	update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	update.Feature, update.MaxVersionLevel, update.AllowDowngrade, update.UpgradeType = "transaction.version", 1, true, 2
	request.FeatureUpdates = append(request.FeatureUpdates, update)
	response, err := request.RequestWith(t.Context(), f.client)
	must(t, err)
	must(t, kerr.ErrorForCode(response.ErrorCode))
	config := Config{
		Processes: []streams.Process{f.process}, Shards: 1, Kafka: []kgo.Opt{kgo.SeedBrokers(f.addresses...)}, Framing: plain{}, Dir: f.dir,
	}
	if err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "transaction.version of broker 0 is 1, must be 2 or more") {
		t.Errorf("the answer was %v", err)
	}
}

func TestAChangelogThatWouldForgetIsRefused(t *testing.T) {
	f := newFixture(t, 1)
	must(t, f.fake().DeleteTopic(f.process.Table.Name))
	f.createTable("compact,delete")
	config := Config{
		Processes: []streams.Process{f.process}, Shards: 1, Kafka: []kgo.Opt{kgo.SeedBrokers(f.addresses...)}, Framing: plain{}, Dir: f.dir,
	}
	if err := Run(t.Context(), config); err == nil || !strings.Contains(err.Error(), "cleanup.policy is compact,delete, must be compact") {
		t.Errorf("the answer was %v", err)
	}
}

// What a stopped shard left open would keep every reader of its outputs waiting until the broker drops it.
func TestAStoppedShardLeavesNothingOpen(t *testing.T) {
	f := newFixture(t, 1)
	f.limits.TransactionTimeoutMax = 2 * awaitMax // the broker must not end it for the shard
	f.load(5, 5)
	i := f.start(withFaults(func(_ int32, at Step) error {
		if at == StepFlushed {
			return stopf("as the test wants it")
		}
		return nil
	}))
	await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
	for _, topic := range []string{f.process.Outputs[0].Name, f.process.Table.Name} {
		// A broker may write the marker of a transaction's end a little after it has reported the end.
		await(t, topic+" to be stable up to its end", func() bool {
			admin := kadm.NewClient(f.client)
			stable, err := admin.ListCommittedOffsets(t.Context(), topic)
			must(t, err)
			ends, err := admin.ListEndOffsets(t.Context(), topic)
			must(t, err)
			at, _ := stable.Lookup(topic, 0)
			end, _ := ends.Lookup(topic, 0)
			return at.Offset == end.Offset && end.Offset > 0
		})
	}
	i.stop()
}
