package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// run is one shard of one process: what it has committed, and its index.
type run struct {
	pipeline *Pipeline
	process  *streams.Process
	shard    int32
	handler  streams.Handler
	progress progress
	states   map[string][]byte
	index    map[string]map[string]bool // by tag, the keys that bear it
	parked   map[string]*queue
	// failed are the decisions that the next transactions know to have failed, and why.
	failed map[decision]string
}

// progress is what a transaction commits besides states: how far the shard is.
type progress struct {
	next       int64
	chain      streams.Chain
	recordedAt schemas.Instant
	reference  []byte
	// sweep is where a sweep over several transactions stands, the first or one that a release repeats; nil between sweeps.
	sweep *sweep
}

type sweep struct {
	cursor string
	tally  []byte
}

// transaction is what a shard has done and not committed.
type transaction struct {
	*run
	progress progress
	states   map[string][]byte // nil is a deletion
	tags     []tagging
	outs     []out
	parked   map[string]*queue // nil is a key that is parked no more
}

type tagging struct {
	key           string
	before, after []string
}

type out struct {
	topic, key string
	value      []byte
	at         schemas.Instant
}

func newRun(p *Pipeline, process *streams.Process, shard int32) (*run, error) {
	r := &run{
		pipeline: p, process: process, shard: shard, handler: process.NewHandler(framing{}),
		states: make(map[string][]byte), index: make(map[string]map[string]bool), parked: make(map[string]*queue), failed: make(map[decision]string),
	}
	if err := r.handler.Restore(nil, nil); err != nil {
		return nil, fmt.Errorf("starting shard %d of %s: %w", shard, process.Name, err)
	}
	return r, nil
}

func (r *run) inbox() []Record { return r.pipeline.partitions[r.process.Inbox.Name][r.shard] }

// transact takes as many records as the schedule lets it, and commits or drops what came of them. A decision that fails drops them, too; the next
// transaction parks its key.
func (r *run) transact() error {
	t := &transaction{run: r, progress: r.progress, states: make(map[string][]byte), parked: make(map[string]*queue)}
	err := t.work()
	var failed *failure
	if errors.As(err, &failed) {
		r.failed[failed.decision] = failed.reason
		return r.restore()
	}
	if err != nil {
		return err
	}
	return t.end()
}

func (t *transaction) work() error {
	r := t.run
	limit := r.pipeline.bound(r.pipeline.schedule.RecordsMax)
	for taken := 0; taken < limit && t.progress.next < int64(len(r.inbox())); taken++ {
		record, route, err := t.read(&r.inbox()[t.progress.next])
		if err != nil {
			return err
		}
		if route.Control && len(route.Tags) > 0 || route.Unpark != nil {
			// The index is read as committed, so what came before must be.
			if taken > 0 {
				break
			}
			if route.Unpark != nil {
				return t.unpark(route)
			}
			if done, err := t.sweep(route, ""); err != nil || !done {
				return err
			}
			t.progress.next++
			break
		}
		if err := t.take(record, route); err != nil {
			return err
		}
	}
	return nil
}

// read unframes and routes a record.
func (t *transaction) read(stored *Record) (*streams.Record, *streams.Route, error) {
	topic := t.process.Inbox.Name
	record := &streams.Record{
		Topic: topic, Partition: t.shard, Offset: stored.Offset, Key: stored.Key, Timestamp: stored.Timestamp,
		Size: len(stored.Value), Digest: sha256.Sum256(stored.Value),
	}
	value, err := framing{}.Unframe(context.Background(), topic, stored.Value)
	if unreadable := (*streams.Unreadable)(nil); errors.As(err, &unreadable) && t.process.ReadsAnything {
		record.Unreadable = unreadable
	} else if err != nil {
		return nil, nil, fmt.Errorf("reading %s/%d at %d: %w", topic, t.shard, stored.Offset, err)
	}
	record.Value = value
	route, err := t.handler.Route(record)
	if err != nil {
		return nil, nil, err
	}
	route.Record = record
	return record, &route, nil
}

// take decides a keyed record, or closes a control record that visits nobody.
func (t *transaction) take(record *streams.Record, route *streams.Route) error {
	t.progress.next++
	width := t.process.Inbox.Width.Partitions(t.pipeline.shards)
	switch {
	case route.Control:
		return t.close(route, "")
	case !t.process.ReadsAnything && streams.PartitionOf(route.Key, width) != t.shard:
		t.pipeline.Astray++
		return nil
	}
	if t.mustPark(route, route.Key) {
		t.park(route, route.Key)
		return nil
	}
	if err := t.decide(route, route.Key, false); err != nil {
		return fmt.Errorf("deciding %s/%d at %d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	return nil
}

func (t *transaction) decide(route *streams.Route, key string, released bool) error {
	scope := t.scope(route)
	scope.Released = released
	state, changed := t.states[key]
	if !changed {
		state = t.run.states[key]
	}
	change, err := t.attempt(scope, route, key, slices.Clone(state))
	if err != nil {
		return err
	}
	switch {
	case change.Deleted:
		t.states[key] = nil
	case change.State != nil:
		t.states[key] = change.State
	}
	if change.TagsBefore != nil || change.TagsAfter != nil {
		t.tags = append(t.tags, tagging{key, change.TagsBefore, change.TagsAfter})
	}
	return nil
}

// scope applies the rule of recorded time: the greater of the shard's last one and the receipt time of the record's cause.
func (t *transaction) scope(route *streams.Route) *streams.Scope {
	t.progress.recordedAt = max(t.progress.recordedAt, route.ReceivedAt)
	return &streams.Scope{
		Shard: t.shard, Shards: t.process.Inbox.Width.Partitions(t.pipeline.shards), RecordedAt: t.progress.recordedAt, Chain: &t.progress.chain,
		Emit: func(topic, key string, value []byte) {
			t.outs = append(t.outs, out{topic, key, value, t.progress.recordedAt})
		},
	}
}

// close ends a control record. The key that is released was not set aside, whatever else waits for it.
func (t *transaction) close(route *streams.Route, released string) error {
	scope := t.scope(route)
	scope.Released, scope.SetAside = released != "", t.setAside(route, released)
	reference, err := t.handler.Close(scope, route)
	if err != nil {
		return fmt.Errorf("closing the record at %d: %w", route.Record.Offset, err)
	}
	if reference != nil {
		t.progress.reference = reference
	}
	return nil
}

// sweep makes the next visits of a sweep, in key order, and closes it with the last of them. It passes over the keys that are parked, but for the
// one that is released, where it is repeated for that. It returns whether it came to its close.
func (t *transaction) sweep(route *streams.Route, released string) (done bool, err error) {
	mark := sweep{}
	if t.progress.sweep != nil {
		mark = *t.progress.sweep
	}
	limit := t.pipeline.bound(t.pipeline.schedule.VisitsMax)
	for _, key := range t.tagged(route.Tags, mark.cursor) {
		if limit == 0 {
			mark.tally = t.handler.Tally()
			t.progress.sweep = &mark
			return false, nil
		}
		limit--
		if t.spares(route, key, released) {
			t.park(route, key)
		} else if err := t.decide(route, key, released != ""); err != nil {
			return false, fmt.Errorf("visiting %s for the record at %d: %w", key, route.Record.Offset, err)
		}
		mark.cursor = key
	}
	t.progress.sweep = nil
	if released != "" {
		t.leave(released)
	}
	return true, t.close(route, released)
}

// tagged returns the keys after the cursor that bear one of the tags, each once.
func (r *run) tagged(tags []string, cursor string) []string {
	found := make(map[string]bool)
	for _, tag := range tags {
		maps.Copy(found, r.index[tag])
	}
	keys := slices.Sorted(maps.Keys(found))
	at, there := slices.BinarySearch(keys, cursor)
	if there {
		at++
	}
	return keys[at:]
}

// end commits the transaction, or drops it and takes the handler back to what was committed before.
func (t *transaction) end() error {
	r := t.run
	if r.pipeline.drops() {
		r.pipeline.Dropped++
		return r.restore()
	}
	if err := t.publish(); err != nil {
		return err
	}
	for key, state := range t.states {
		if state == nil {
			delete(r.states, key)
		} else {
			r.states[key] = state
		}
	}
	for _, tagging := range t.tags {
		r.tag(tagging)
	}
	t.commitParked()
	r.progress = t.progress
	return nil
}

// restore takes the handler back to what was committed.
func (r *run) restore() error {
	var tally []byte
	if r.progress.sweep != nil {
		tally = r.progress.sweep.tally
	}
	if err := r.handler.Restore(r.progress.reference, tally); err != nil {
		return fmt.Errorf("restoring after a dropped transaction: %w", err)
	}
	return nil
}

func (r *run) tag(t tagging) {
	for _, tag := range t.before {
		delete(r.index[tag], t.key)
	}
	for _, tag := range t.after {
		if r.index[tag] == nil {
			r.index[tag] = make(map[string]bool)
		}
		r.index[tag][t.key] = true
	}
}

// publish appends the outputs to their topics, if the process has declared them.
func (t *transaction) publish() error {
	for _, o := range t.outs {
		if o.topic == t.process.ParkedTo.Name {
			t.pipeline.Produce(o.topic, o.key, o.value, o.at)
			continue
		}
		i := slices.IndexFunc(t.process.Outputs, func(topic streams.Topic) bool { return topic.Name == o.topic })
		if i < 0 {
			return fmt.Errorf("writing to %s, which is not one of its outputs", o.topic)
		}
		if size := len(o.value); size > t.process.Outputs[i].RecordBytesMax {
			return fmt.Errorf("writing %d bytes to %s, which takes %d", size, o.topic, t.process.Outputs[i].RecordBytesMax)
		}
		t.pipeline.Produce(o.topic, o.key, o.value, o.at)
	}
	return nil
}
