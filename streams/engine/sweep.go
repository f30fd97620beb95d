package engine

import (
	"context"
	"time"

	"github.com/penstock-ledger/penstock/streams"
)

// sweepThrough runs the sweep of a control record, in as many transactions as it takes. The inbox position stays at the record until the last
// of them, so nothing lands between its parts.
func (l *loop) sweepThrough(ending context.Context, j *job) error {
	mark := sweepMark{Offset: j.record.Offset, Rules: l.process.Rules, TagsVersion: l.process.TagsVersion}
	if l.sweep != nil {
		mark = *l.sweep
	}
	if swept, err := l.visitAll(ending, j, &mark); err != nil || !swept {
		return err
	}
	if err := l.closeWith(j, nil); err != nil {
		return err
	}
	l.open.count(j)
	return l.commit(j.record.Offset + 1)
}

// visitAll makes all visits of a sweep that are not yet made, and leaves the last of its transactions open. It says whether it came to that: being asked to
// end between two parts is a clean end.
func (l *loop) visitAll(ending context.Context, j *job, mark *sweepMark) (swept bool, err error) {
	for {
		before := l.working
		more, err := l.visit(j, mark)
		if err != nil || !more {
			return err == nil, err
		}
		if err := l.settle(); err != nil {
			return false, err
		}
		switch {
		case !l.caution.stored && l.sweep == nil && l.written.Load() == 0 && l.overlay.empty() && l.working.chain == before.chain:
			// Nothing was written: there is nothing to lose, and a crash starts over. Not so after a death: the next one must leave a trace of how far the sweep came.
			l.open.began = time.Now()
			l.arm()
		case ending.Err() == nil:
			if err := l.commitPart(mark); err != nil {
				return false, err
			}
			if err := l.begin(); err != nil {
				return false, err
			}
		default:
			return false, l.commitPart(mark)
		}
		if ending.Err() != nil {
			return false, nil //nolint:nilerr // being asked to end between two parts is a clean end
		}
	}
}

// visit feeds the next part of the visits and says whether there may be more.
func (l *loop) visit(j *job, mark *sweepMark) (more bool, err error) {
	countMax := l.atMost(l.engine.config.Limits.SweepVisitsMax)
	keys, err := l.store.scan(j.route.Tags, mark.Cursor, countMax)
	if err != nil {
		return false, err
	}
	for i, key := range keys {
		if i > 0 && l.visitsFull() {
			return true, nil
		}
		mark.Cursor = key
		if len(l.parking.keys) > 0 || len(l.failed) > 0 || l.caution.careful {
			spared, err := l.spares(j, key, mark)
			if err != nil {
				return false, err
			}
			if spared {
				continue
			}
		}
		if err := l.feedWork(j, work{kind: workVisit, key: key}); err != nil {
			return false, err
		}
		mark.Visits++
		l.open.visits++
	}
	return len(keys) == countMax, nil
}

// visitsFull says that the visits fed so far are all that one transaction may take.
func (l *loop) visitsFull() bool {
	return l.open.read+l.written.Load() >= l.engine.config.Limits.TransactionBytesMax || l.late()
}

// commitPart commits a part of the sweep that is not the last.
func (l *loop) commitPart(mark *sweepMark) error {
	mark.Tally = l.handler.Tally()
	if size, sizeMax := len(mark.Tally), l.engine.config.Limits.TallyBytesMax; size > sizeMax {
		return stopf("the tally of the sweep @%d has %d bytes; at most %d are kept", mark.Offset, size, sizeMax)
	}
	l.overlay.setOwn(keySweep, mustJSON(mark))
	kept := *mark
	l.sweep = &kept
	return l.commit(l.committed.next)
}

// closeWith ends a sweep in its last transaction, and waits for it. The key that is being released, if it was visited, is not among those set aside.
func (l *loop) closeWith(j *job, released *parkedKey) error {
	if err := l.settle(); err != nil {
		return err
	}
	var aside []streams.SetAside
	if len(l.parking.keys) > 0 {
		var err error
		if aside, err = l.setAside(j, released); err != nil {
			return err
		}
	}
	l.arm()
	if err := l.feedWork(j, work{kind: workClose, key: j.record.Key, aside: aside}); err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	if l.sweep != nil {
		l.overlay.setOwn(keySweep, nil)
		l.sweep = nil
	}
	return nil
}
