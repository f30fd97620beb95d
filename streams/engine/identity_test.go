package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// recreate deletes a topic and makes it again under its name, empty, and returns its new id.
func (f *fixture) recreate(name string, settings map[string]string) string {
	f.t.Helper()
	admin := kadm.NewClient(f.client)
	_, err := admin.DeleteTopic(context.Background(), name)
	must(f.t, err)
	wanted := map[string]*string{}
	for key, value := range settings {
		wanted[key] = &value
	}
	var made kadm.TopicID
	await(f.t, "the broker to forget the former topic", func() bool {
		answer, err := admin.CreateTopic(context.Background(), f.shards, 1, wanted, name)
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return false
		}
		must(f.t, err)
		made = answer.ID
		return answer.Err == nil
	})
	f.awaitTopic(name, made)
	// A client that knew the former topic refuses to write to this one.
	f.client.PurgeTopicsFromClient(name)
	return asKafkaShows(made)
}

var (
	inboxSettings = map[string]string{"retention.ms": "-1"}
	tableSettings = map[string]string{"retention.ms": "-1", "cleanup.policy": "compact"}
)

// stopped waits for a shard to stop, and returns why it did. A stopped shard is tried again, so state and reason must be of one look.
func (i *instance) stopped(shard int32) (reason string) {
	i.f.t.Helper()
	await(i.f.t, "the shard to stop", func() bool {
		s := i.status(shard)
		reason = s.Reason
		return s.State == StateStopped
	})
	return reason
}

// stopsFor waits for the shard to stop, and compares why.
func (i *instance) stopsFor(words ...string) {
	i.f.t.Helper()
	reason := i.stopped(0)
	for _, word := range words {
		if !strings.Contains(reason, word) {
			i.f.t.Errorf("the reason %q does not say %q", reason, word)
		}
	}
}

// worked is a fixture of one shard that has processed some records, and stopped.
func worked(t *testing.T) *fixture {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	return f
}

// nothingNew runs an action and checks that it wrote no output.
func (f *fixture) nothingNew(act func()) {
	f.t.Helper()
	before := len(f.readAll(f.process.Outputs[0].Name)[0])
	act()
	if after := len(f.readAll(f.process.Outputs[0].Name)[0]); after != before {
		f.t.Errorf("%d outputs were written", after-before)
	}
}

func accepting(topic, id string) option {
	return func(c *Config) { c.Accepted = map[string]string{topic: id} }
}

func TestAChangelogMadeAgainIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		lose func(f *fixture)
		says []string
	}{
		"the store proves it": {
			func(f *fixture) {
				_, err := kadm.NewClient(f.client).DeleteGroup(context.Background(), f.process.Name)
				must(f.t, err)
			},
			[]string{"the changelog was lost", "the store in"},
		},
		"the group proves it": {
			func(f *fixture) { must(f.t, os.RemoveAll(f.dir)) },
			[]string{"the changelog was lost", "remembers position"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := worked(t)
			f.recreate(f.process.Table.Name, tableSettings)
			test.lose(f)
			f.limits.StoppedRetry = f.limits.BackoffMax // every further attempt must come to the same
			f.nothingNew(func() {
				i := f.start()
				i.stopsFor(test.says...)
				await(t, "some more attempts", func() bool { return i.aborts() > 2 })
				i.stopsFor(test.says...)
				i.stop()
			})
		})
	}
}

func TestAChangelogMadeAgainUnderARunningShardStopsIt(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start()
	f.caughtUp(i)
	f.recreate(f.process.Table.Name, tableSettings)
	f.nothingNew(func() {
		f.send("key-001", "add 1")
		i.stopsFor("the changelog was lost")
		i.stop()
	})
}

func TestAFullCopyOfAChangelogIsTakenOnWord(t *testing.T) {
	f := worked(t)
	table := f.process.Table.Name
	records := f.readAll(table)[0]
	id := f.recreate(table, tableSettings)
	for _, r := range records {
		must(t, f.client.ProduceSync(t.Context(), &kgo.Record{Topic: table, Key: r.Key, Value: r.Value}).FirstErr())
	}
	f.nothingNew(func() {
		i := f.start()
		i.stopsFor("deleted and made again", "--accept-topic "+table+"="+id)
		i.stop()
	})
	f.load(10, 5)
	f.finish(accepting(table, id))
	f.load(10, 5)
	f.finish()
}

func (f *fixture) truncateTable(before int64) {
	f.t.Helper()
	table, admin := f.process.Table.Name, kadm.NewClient(f.client)
	for _, policy := range []string{"compact,delete", "compact"} { // a broker deletes records only where the policy allows it
		answers, err := admin.AlterTopicConfigs(context.Background(), []kadm.AlterConfig{{Name: "cleanup.policy", Value: &policy}}, table)
		must(f.t, err)
		must(f.t, answers[0].Err)
		// The controller answers before the brokers know, and an engine does not begin on a table that may lose records.
		await(f.t, "the policy to be "+policy, func() bool { return f.setting(table, "cleanup.policy") == policy })
		if policy == "compact" {
			return
		}
		offsets := kadm.Offsets{}
		offsets.AddOffset(table, 0, before, -1)
		await(f.t, "the records to be deleted", func() bool {
			deleted, err := admin.DeleteRecords(context.Background(), offsets)
			must(f.t, err)
			return deleted.Error() == nil
		})
	}
}

// setting is what the broker says of a topic.
func (f *fixture) setting(topic, name string) string {
	f.t.Helper()
	described, err := kadm.NewClient(f.client).DescribeTopicConfigs(context.Background(), topic)
	must(f.t, err)
	must(f.t, described[0].Err)
	for _, config := range described[0].Configs {
		if config.Key == name {
			return config.MaybeValue()
		}
	}
	return ""
}

func TestAChangelogThatLostItsFirstRecordsIsRefused(t *testing.T) {
	f := worked(t)
	whole := f.dir
	f.truncateTable(3)
	f.dir = t.TempDir()
	f.nothingNew(func() {
		i := f.start()
		i.stopsFor("has lost its first records", "where its store is whole")
		i.stop()
	})
	// The store that saw it all needs no record of before.
	f.load(10, 5)
	i := f.start(inDir(whole))
	f.caughtUp(i)
	f.checkStores(i)
	i.stop()
}

func TestAnInboxMadeAgainIsRefusedUntilItIsAccepted(t *testing.T) {
	for name, running := range map[string]bool{"while stopped": false, "while running": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := worked(t)
			inbox := f.process.Inbox.Name
			var i *instance
			if running {
				i = f.start()
				f.caughtUp(i)
			}
			id := f.recreate(inbox, inboxSettings)
			before := f.sent[0]
			f.sent[0] = nil
			f.nothingNew(func() {
				f.load(2*len(before), 7) // the old position is in the middle of these
				if !running {
					i = f.start()
				}
				i.stopsFor("deleted and made again", "--accept-topic "+inbox+"="+id)
				i.stop()
				other := f.start(accepting(inbox, "another-id"))
				other.stopsFor("deleted and made again")
				other.stop()
			})
			i = f.start(accepting(inbox, id))
			f.caughtUp(i)
			i.stop()
			accepted := f.sent[0]
			f.sent[0] = append(append(before[:0:0], before...), accepted...)
			i = f.start()
			await(t, "the shard to run without being told again", func() bool { return i.status(0).State == StateRunning })
			i.stop()
			// The states are those of both inboxes, one after the other.
			want := f.expect()[0]
			states, _ := fold(f.readAll(f.process.Table.Name)[0])
			for key, state := range want.states {
				if states[key] != state {
					t.Errorf("the state of %s is %q, not %q", key, states[key], state)
				}
			}
		})
	}
}

// What is parked bears offsets of the former inbox. The release in the new one may have any offset: the first, or just that of what it releases.
func TestWhatWasParkedIsReleasedThroughAnInboxMadeAgain(t *testing.T) {
	for name, before := range map[string]int{"by its first record": 0, "at the same offset": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, 1)
			w.illness.visits = keySet("ill-a")
			w.send("ill-a", "add 1")
			w.control("sweep all") // @1
			i := w.start()
			w.caughtUp(i)
			w.holds(i, 0, map[string][]int64{"ill-a": {1}})
			i.stop()
			w.illness.cure()
			inbox := w.process.Inbox.Name
			id := w.recreate(inbox, inboxSettings)
			w.sent[0] = nil
			want := []string{"1 closed with 0 without all/ill-a", "1 closed with 1 again"}
			if before > 0 {
				w.control("sweep nothing")
				want = slices.Insert(want, 1, "0 closed with 0")
			}
			w.send("ill-a", releaseAll)
			i = w.start(accepting(inbox, id))
			w.caughtUp(i)
			w.holds(i, 0, map[string][]int64{})
			i.stop()
			if !slices.Equal(w.closes(0), want) {
				t.Errorf("the closes are %q, not %q", w.closes(0), want)
			}
		})
	}
}

// rewriteMeta changes the last !meta of shard 0 as no program of ours would.
func (f *fixture) rewriteMeta(change func(*meta)) {
	f.t.Helper()
	_, own := fold(f.readAll(f.process.Table.Name)[0])
	var m meta
	must(f.t, json.Unmarshal([]byte(own[keyMeta]), &m))
	change(&m)
	record := &kgo.Record{Topic: f.process.Table.Name, Key: []byte(keyMeta), Value: mustJSON(m)}
	must(f.t, f.client.ProduceSync(f.t.Context(), record).FirstErr())
}

func TestAnotherClusterIsRefused(t *testing.T) {
	f := worked(t)
	f.rewriteMeta(func(m *meta) { m.Cluster = "elsewhere" })
	f.nothingNew(func() {
		i := f.start()
		i.stopsFor("written in the cluster elsewhere", "correct the brokers' address")
		i.stop()
	})
}

func TestAPositionFromBeforeThereWereIdentitiesIsAdopted(t *testing.T) {
	f := worked(t)
	f.rewriteMeta(func(m *meta) { m.identity = identity{} })
	f.load(10, 5)
	f.finish()
	_, own := fold(f.readAll(f.process.Table.Name)[0])
	p, err := decodeMeta([]byte(own[keyMeta]))
	must(t, err)
	if p.identity.Cluster == "" || p.identity.Inbox == "" || p.identity.Table == "" || own[keyBorn] == "" {
		t.Errorf("the identity is %+v, %s is %q", p.identity, keyBorn, own[keyBorn])
	}
}

// Somebody's console moves or deletes the group under a running shard: its offsets are a copy and decide nothing.
func TestTheGroupDecidesNothingWhileAShardRuns(t *testing.T) {
	f := newFixture(t, 1)
	f.load(30, 5)
	i := f.start(func(c *Config) { c.Limits.CopyEvery = f.limits.BackoffMax })
	f.caughtUp(i)
	admin := kadm.NewClient(f.client)
	for _, offset := range []int64{0, 1 << 40} {
		offsets := kadm.Offsets{}
		offsets.AddOffset(f.process.Inbox.Name, 0, offset, -1)
		// A broker refuses this while the group has members; whatever it says, nothing may change.
		_, _ = admin.CommitOffsets(t.Context(), f.process.Name, offsets)
		_, _ = admin.DeleteGroup(t.Context(), f.process.Name)
		f.load(10, 5)
		f.caughtUp(i)
	}
	i.stop()
	f.check()
	_, err := admin.DeleteGroup(t.Context(), f.process.Name)
	must(t, err)
	f.load(10, 5)
	f.finish()
}

// numbers is a framing whose registry has given the schemas of the sample these ids.
type numbers struct {
	plain
	inbox, table uint32
}

func (n numbers) ID(topic string) (uint32, bool) {
	if strings.HasSuffix(topic, "-table") {
		return n.table, true
	}
	return n.inbox, true
}

func TestARegistryThatNumbersAnewIsRefused(t *testing.T) {
	with := func(n numbers) option { return func(c *Config) { c.Framing = n } }
	f := newFixture(t, 1)
	f.process.Inbox.Schema, f.process.Table.Schema = `"string"`, `"long"`
	f.load(30, 5)
	f.finish(with(numbers{inbox: 3, table: 4}))
	for name, now := range map[string]numbers{"the same schema has another id": {inbox: 3, table: 5}, "of the inbox, too": {inbox: 7, table: 4}} {
		t.Run(name, func(*testing.T) {
			f.nothingNew(func() {
				i := f.start(with(now))
				i.stopsFor("the schema registry gives the schema of", "bring the former one back")
				i.stop()
			})
		})
	}
	t.Run("another schema has the id", func(*testing.T) {
		f.process.Table.Schema = `"int"`
		i := f.start(with(numbers{inbox: 3, table: 4}))
		i.stopsFor("the schema registry gives the schema of", "the id 4")
		i.stop()
	})
	f.process.Table.Schema = `"int"`
	f.load(10, 5)
	f.finish(with(numbers{inbox: 3, table: 6})) // the next version of a schema has an id of its own
}
