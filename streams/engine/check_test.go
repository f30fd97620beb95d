package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

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
		m.progress.next, m.progress.identity = int64(len(f.sent[shard])), p.identity
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

// readAll reads a topic's committed records, by partition. A record written behind them tells where they end: its own offset does, the partition's end does not,
// because a broker may write the marker of a transaction that it has reported as ended behind that record.
func (f *fixture) readAll(topic string) [][]*kgo.Record {
	f.t.Helper()
	const endKey = "!end"
	all := make([][]*kgo.Record, f.shards)
	ends := make([]int64, f.shards)
	for p := range f.shards {
		end, err := f.client.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Partition: p, Key: []byte(endKey)}).First()
		must(f.t, err)
		ends[p] = end.Offset
	}
	reader := f.newClient(kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), awaitMax)
	defer cancel()
	for left := f.shards; left > 0; {
		fetches := reader.PollFetches(ctx)
		must(f.t, ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			switch {
			case r.Offset == ends[r.Partition]:
				left--
			case string(r.Key) != endKey:
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

// storeOf returns the committed store of a shard. Who had the shard may just have lost it to the group's impatience with a busy machine; then somebody gets it.
func (f *fixture) storeOf(shard int32, instances ...*instance) *store {
	f.t.Helper()
	var found *store
	await(f.t, fmt.Sprintf("somebody to run shard %d", shard), func() bool {
		for _, i := range instances {
			i.alive()
			if found = i.engine.statuses[f.process.Name][shard].committedStore(); found != nil {
				return true
			}
		}
		return false
	})
	return found
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
