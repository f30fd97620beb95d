package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/streams"
)

// unpark does what an operator asks of a parked key, in transactions of its own.
func (l *loop) unpark(ending context.Context, j *job) error {
	word, k := j.route.Unpark, l.parking.keys[j.route.Key]
	switch {
	case k == nil:
		l.log.Warn("an operator's word on a key that is not parked changes nothing", "key", j.route.Key, "offset", j.record.Offset, "operator", word.Operator)
		return l.endUnpark(j)
	case word.Drop:
		return l.drop(j, k)
	}
	return l.release(ending, j, k)
}

// endUnpark commits the last transaction of an operator's word.
func (l *loop) endUnpark(j *job) error {
	if err := l.settle(); err != nil {
		return err
	}
	l.open.count(j)
	return l.commit(j.record.Offset + 1)
}

// drop removes one record from a parked key's queue.
func (l *loop) drop(j *job, k *parkedKey) error {
	word := j.route.Unpark
	index := slices.IndexFunc(k.items, func(item parkedItem) bool { return item.Offset == word.Offset })
	if index < 0 {
		l.refuse(j, k, fmt.Sprintf("no record @%d is in the queue", word.Offset))
		return l.endUnpark(j)
	}
	item := k.items[index]
	if item.Control {
		l.refuse(j, k, fmt.Sprintf("@%d is a control record of the shard: without this key's visit money would be lost; release the key instead", word.Offset))
		return l.endUnpark(j)
	}
	dropped, err := l.itemJob(k, &item, j.record.Offset)
	if err != nil {
		return err
	}
	reason, err := l.barred(dropped, k.key)
	if err != nil {
		return err
	}
	if reason != "" {
		l.refuse(j, k, "the drop could not be told to the sender: "+brief(reason))
		return l.endUnpark(j)
	}
	if err := l.feedWork(dropped, work{kind: workDrop, key: k.key}); err != nil {
		return err
	}
	l.unqueue(k, index, 1)
	l.tell(k.key, &audit.Dropped{Offset: item.Offset, Operator: word.Operator, Reason: word.Reason, Remaining: int64(len(k.items))})
	l.log.Warn("dropped a parked record", "key", k.key, "offset", item.Offset, "operator", word.Operator, "remaining", len(k.items))
	return l.endUnpark(j)
}

func (l *loop) refuse(j *job, k *parkedKey, refusal string) {
	word := j.route.Unpark
	l.log.Error("an operator's word on a parked key was refused", "key", k.key, "offset", j.record.Offset, "operator", word.Operator, "refusal", refusal)
	l.tell(k.key, &audit.Refused{Operator: word.Operator, Reason: word.Reason, Refusal: refusal})
}

// release works through the queue of a parked key, in order, in as many transactions as it takes, while the inbox stays at the releasing record. What
// is done leaves the queue in the transaction that did it, so a crash in between goes on where it was. A record that fails again ends the release.
func (l *loop) release(ending context.Context, j *job, k *parkedKey) error {
	l.log.Info("releasing a key", "key", k.key, "records", len(k.items), "operator", j.route.Unpark.Operator)
	if s := l.sweep; s != nil && (!k.items[0].Control || k.items[0].Offset != s.Offset) {
		return stopf("the sweep under way is of @%d, which is not in front of the queue of the key %q that @%d releases", s.Offset, k.key, j.record.Offset)
	}
	for {
		part := l.releaseKeyed
		if k.items[0].Control {
			part = l.releaseControl
		}
		over, err := part(ending, j, k)
		if err != nil || over || ending.Err() != nil { // being asked to end between two parts is a clean end
			return err
		}
		if err := l.begin(); err != nil {
			return err
		}
	}
}

// releaseKeyed decides keyed records from the front of the queue, as many as one transaction takes, and says whether the release is over.
func (l *loop) releaseKeyed(_ context.Context, j *job, k *parkedKey) (over bool, err error) {
	done, failed := 0, ""
	for done < len(k.items) && !k.items[done].Control && done < l.atMost(l.engine.config.Limits.TransactionRecordsMax) && !l.visitsFull() {
		item, err := l.itemJob(k, &k.items[done], j.record.Offset)
		if err != nil {
			return false, err
		}
		if failed, err = l.barred(item, k.key); err != nil {
			return false, err
		}
		if failed != "" {
			break
		}
		if err := l.feed(item); err != nil {
			return false, err
		}
		done++
	}
	if err := l.settle(); err != nil {
		return false, err
	}
	return l.commitReleased(j, k, done, failed)
}

// releaseControl sweeps the control record in front of the queue again, whole: visits that were made before are made again, and change nothing.
func (l *loop) releaseControl(ending context.Context, j *job, k *parkedKey) (over bool, err error) {
	item, err := l.itemJob(k, &k.items[0], j.record.Offset)
	if err != nil {
		return false, err
	}
	mark := sweepMark{
		Offset: item.record.Offset, Rules: l.process.Rules, TagsVersion: l.process.TagsVersion, ReleasedBy: j.record.Offset, Released: k.key,
	}
	if l.sweep != nil {
		mark = *l.sweep
	}
	if swept, err := l.visitAll(ending, item, &mark); err != nil || !swept {
		return false, err
	}
	visited, done := k, 1
	if mark.Failed != "" {
		visited, done = nil, 0
	}
	if err := l.closeWith(item, visited); err != nil {
		return false, err
	}
	return l.commitReleased(j, k, done, mark.Failed)
}

// commitReleased commits a part of a release whose work is settled: so many records leave the queue. If one failed again the key stays parked with
// what is left, and the release is over.
func (l *loop) commitReleased(j *job, k *parkedKey, done int, failed string) (over bool, err error) {
	word := j.route.Unpark
	if done > 0 {
		l.unqueue(k, 0, done)
		l.tell(k.key, &audit.Released{Operator: word.Operator, Reason: word.Reason, Remaining: int64(len(k.items))})
	}
	if failed != "" {
		front := &k.items[0]
		if k.Failed != front.number {
			k.Failed, k.SinceMillis, k.Attempts = front.number, front.TimestampMillis, 0
		}
		k.Reason = brief(failed)
		k.Attempts++
		l.writeHead(k)
		l.tell(k.key, parkedFact(front, 0, k.Reason))
		l.log.Error("a released key is parked again", "key", k.key, "offset", front.Offset, "remaining", len(k.items), "reason", failed)
	}
	if failed == "" && len(k.items) > 0 {
		return false, l.commit(l.committed.next)
	}
	l.open.count(j)
	return true, l.commit(j.record.Offset + 1)
}

// barred says why a decision must not be made: it failed before, or the process died of it. Otherwise, where the shard goes carefully, it notes that
// the decision is under way.
func (l *loop) barred(j *job, key string) (reason string, err error) {
	if reason, known := l.failed[failure{j.at, j.record.Offset, key}]; known {
		return reason, nil
	}
	if l.caution.careful {
		return l.try(j, key)
	}
	return "", nil
}

// decide feeds a keyed record, or parks it where its key is parked or it cannot be decided.
func (l *loop) decide(j *job) error {
	key := j.route.Key
	if len(l.parking.keys) > 0 {
		if k := l.parking.keys[key]; k != nil {
			return l.park(j, key, k.Reason)
		}
	}
	if len(l.failed) > 0 || l.caution.careful {
		reason, err := l.barred(j, key)
		if err != nil {
			return err
		}
		if reason != "" {
			return l.park(j, key, reason)
		}
	}
	return l.feed(j)
}

// spares says whether a sweep is not to visit a key: the key is parked, or the visit cannot be made. The control record is then in its queue. A sweep that is
// made again does visit a parked key whose queue does not hold the record: it took its visit before it was parked, so nothing changes, and no batch has to
// wait for what it will be asked later.
func (l *loop) spares(j *job, key string, mark *sweepMark) (bool, error) {
	k := l.parking.keys[key]
	released := mark.Released == key
	if k != nil && !released && (!mark.again() || k.has(j)) {
		return true, l.park(j, key, k.Reason)
	}
	reason, err := l.barred(j, key)
	if err != nil || reason == "" {
		return false, err
	}
	if released {
		mark.Failed = brief(reason)
		return true, nil
	}
	return true, l.park(j, key, reason)
}

// alone says that the job is worked on in transactions of its own, for it reads what is committed: a sweep, or an operator's word on a parked key.
func (j *job) alone() bool { return j.sweeping() || j.route.Unpark != nil && !j.astray }

// guardSweep checks that a record of the inbox is the one whose sweep is under way, if one is.
func (l *loop) guardSweep(j *job) error {
	s := l.sweep
	switch {
	case s == nil, !s.again() && j.record.Offset == s.Offset && j.sweeping():
		return nil
	case s.again() && j.record.Offset == s.ReleasedBy && isRelease(&j.route, s.Released):
		return nil
	}
	return stopf("%s/%d@%d is not the record whose sweep of @%d is under way", j.record.Topic, j.record.Partition, j.record.Offset, s.Offset)
}

func isRelease(route *streams.Route, key string) bool {
	return route.Unpark != nil && !route.Unpark.Drop && route.Key == key
}
