package sim

import (
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/streams"
)

// Sickness says of which decisions a process fails: those on a key of a message, which is the decoded value of the inbox. A visit of a sweep is one.
type Sickness func(process, key string, message any) bool

// Sicken lets decisions fail from here on, each after it has done all that it would have done; nil mends everything. What fails is parked, where
// the process parks.
func (p *Pipeline) Sicken(sick Sickness) { p.sick = sick }

// Parked returns the keys that are parked in a process, in order.
func (p *Pipeline) Parked(process string) []string {
	var keys []string
	for _, r := range p.runs {
		if r.process.Name == process {
			keys = append(keys, slices.Collect(maps.Keys(r.parked))...)
		}
	}
	slices.Sort(keys)
	return keys
}

// queue is what a parked key has not been told, and why.
type queue struct {
	reason string
	items  []item
}

// item is a record of the inbox.
type item struct {
	offset  int64
	control bool
}

// decision names a decision: of the record at an offset, on a key.
type decision struct {
	offset int64
	key    string
}

// failure is a decision that failed.
type failure struct {
	decision
	reason string
}

func (f *failure) Error() string { return f.reason }

// attempt lets the handler decide. Where it panics or fails, or is made to, the key is to be parked.
func (t *transaction) attempt(scope *streams.Scope, route *streams.Route, key string, state []byte) (change streams.Change, err error) {
	if t.process.ParkedTo.Name != "" {
		defer func() {
			if fault := recover(); fault != nil {
				err = fmt.Errorf("panic: %v", fault)
			}
			if err != nil {
				err = &failure{decision{route.Record.Offset, key}, err.Error()}
			}
		}()
	}
	change, err = t.handler.Decide(scope, route, key, state)
	if err == nil && t.pipeline.sick != nil && t.pipeline.sick(t.process.Name, key, route.Message) {
		err = fmt.Errorf("%s is sick", key)
	}
	return change, err
}

func (t *transaction) queueOf(key string) *queue {
	if q, changed := t.parked[key]; changed {
		return q
	}
	return t.run.parked[key]
}

// mustPark says whether a key is parked, or to be parked because the decision failed before.
func (t *transaction) mustPark(route *streams.Route, key string) bool {
	_, failed := t.failed[decision{route.Record.Offset, key}]
	return failed || t.queueOf(key) != nil
}

// spares says whether a sweep passes over a key. One that a release repeats visits a parked key whose queue does not hold the record: such a key took
// its visit before it was parked, and takes nothing twice.
func (t *transaction) spares(route *streams.Route, key, released string) bool {
	if released == "" {
		return t.mustPark(route, key)
	}
	_, failed := t.failed[decision{route.Record.Offset, key}]
	return key != released && (failed || t.waits(route, key))
}

// waits says whether a control record is in a key's queue.
func (t *transaction) waits(route *streams.Route, key string) bool {
	q := t.queueOf(key)
	return q != nil && slices.Contains(q.items, item{route.Record.Offset, true})
}

// park puts a record at the end of a key's queue; a control record that stands there already stays where it is.
func (t *transaction) park(route *streams.Route, key string) {
	next := &queue{reason: t.failed[decision{route.Record.Offset, key}]}
	if q := t.queueOf(key); q != nil {
		next.reason, next.items = q.reason, slices.Clone(q.items)
	}
	added := item{route.Record.Offset, route.Control}
	if slices.Contains(next.items, added) {
		return
	}
	t.tell(key, &audit.RecordParked{
		Topic: t.process.Inbox.Name, Partition: t.shard, Offset: added.offset, Position: int64(len(next.items)), Control: added.control, Reason: next.reason,
	})
	next.items = append(next.items, added)
	t.parked[key] = next
}

// setAside names the keys that the record waits for under each of the tags that they bear, but for the one that is released.
func (t *transaction) setAside(route *streams.Route, released string) []streams.SetAside {
	var aside []streams.SetAside
	for _, tag := range route.Tags {
		for _, key := range slices.Sorted(maps.Keys(t.index[tag])) {
			if key != released && t.waits(route, key) {
				aside = append(aside, streams.SetAside{Tag: tag, Key: key})
			}
		}
	}
	return aside
}

// unpark acts on an operator's word: one item of the queue in each transaction. The position moves on when there is nothing left to do.
func (t *transaction) unpark(word *streams.Route) error {
	t.progress.recordedAt = max(t.progress.recordedAt, word.ReceivedAt)
	q := t.queueOf(word.Key)
	switch {
	case q == nil:
		t.progress.next++
		return nil
	case word.Unpark.Drop:
		t.progress.next++
		return t.drop(word, q)
	}
	first := decision{q.items[0].offset, word.Key}
	if reason, failed := t.failed[first]; failed {
		delete(t.failed, first)
		// What a repeated sweep had added up when it was given up must not be found by the next one.
		t.progress.sweep = nil
		if err := t.handler.Restore(t.progress.reference, nil); err != nil {
			return fmt.Errorf("giving up a release: %w", err)
		}
		t.progress.next++
		t.tell(word.Key, &audit.RecordParked{
			Topic: t.process.Inbox.Name, Partition: t.shard, Offset: first.offset, Control: q.items[0].control, Reason: reason,
		})
		return nil
	}
	if err := t.release(word.Key, q.items[0]); err != nil {
		return err
	}
	left := t.queueOf(word.Key)
	if t.progress.sweep == nil {
		released := &audit.Released{Operator: word.Unpark.Operator, Reason: word.Unpark.Reason}
		if left != nil {
			released.Remaining = int64(len(left.items))
		}
		t.tell(word.Key, released)
	}
	if left == nil {
		t.progress.next++
	}
	return nil
}

// release decides the first item of a key's queue, or sweeps it again, and takes it out once that is done.
func (t *transaction) release(key string, first item) error {
	record, route, err := t.read(&t.inbox()[first.offset])
	if err != nil {
		return err
	}
	if first.control {
		_, err := t.sweep(route, key)
		return err
	}
	t.leave(key)
	if err := t.decide(route, key, true); err != nil {
		return fmt.Errorf("deciding %s/%d at %d after a release: %w", record.Topic, record.Partition, record.Offset, err)
	}
	return nil
}

// leave takes the first item out of a key's queue.
func (t *transaction) leave(key string) {
	q := t.queueOf(key)
	if len(q.items) == 1 {
		t.parked[key] = nil
		return
	}
	t.parked[key] = &queue{q.reason, q.items[1:]}
}

// drop takes one keyed record out of a queue, undecided. A control record stays: without it money would be lost.
func (t *transaction) drop(word *streams.Route, q *queue) error {
	at := slices.Index(q.items, item{offset: word.Unpark.Offset})
	if at < 0 {
		return nil
	}
	_, route, err := t.read(&t.inbox()[word.Unpark.Offset])
	if err != nil {
		return err
	}
	if err := t.handler.Dropped(t.scope(route), route, t.run.states[word.Key]); err != nil {
		return err
	}
	left := &queue{q.reason, slices.Delete(slices.Clone(q.items), at, at+1)}
	t.tell(word.Key, &audit.Dropped{Offset: word.Unpark.Offset, Operator: word.Unpark.Operator, Reason: word.Unpark.Reason, Remaining: int64(len(left.items))})
	if len(left.items) == 0 {
		left = nil
	}
	t.parked[word.Key] = left
	return nil
}

// tell writes a line of a key's history.
func (t *transaction) tell(key string, body audit.ParkedBody) {
	told := &audit.Parked{Process: t.process.Name, Shard: t.shard, Key: key, Body: body, RecordedAt: t.progress.recordedAt}
	topic := t.process.ParkedTo.Name
	t.outs = append(t.outs, out{topic, t.process.Name + "/" + key, Frame(topic, told), t.progress.recordedAt})
}

// commitParked takes over what the transaction did to the queues. What failed is parked by now.
func (t *transaction) commitParked() {
	for key, q := range t.parked {
		if q == nil {
			delete(t.run.parked, key)
			continue
		}
		t.run.parked[key] = q
		for _, item := range q.items {
			delete(t.failed, decision{item.offset, key})
		}
	}
}
