package engine

import (
	"context"
	"time"

	"github.com/IBM/sarama"
)

// sweepThrough runs the sweep of a control record, in as many transactions as it takes. The inbox position stays at the record until the last
// of them, so nothing lands between its parts.
func (l *loop) sweepThrough(ending context.Context, j *job) error {
	mark := sweepMark{Offset: j.record.Offset, Rules: l.process.Rules, TagsVersion: l.process.TagsVersion}
	if l.sweep != nil {
		mark = *l.sweep
	}
	for {
		before := l.working
		more, err := l.visit(j, &mark)
		if err != nil {
			return err
		}
		if !more {
			return l.closeSweep(j)
		}
		if err := l.settle(); err != nil {
			return err
		}
		switch {
		case l.written.Load() == 0 && l.overlay.empty() && l.working.chain == before.chain:
			// Nothing was written: there is nothing to lose, and a crash starts this part over.
			l.open.began = time.Now()
			l.arm()
		case ending.Err() == nil:
			if err := l.commitPart(&mark); err != nil {
				return err
			}
			if err := l.begin(); err != nil {
				return err
			}
		default:
			return l.commitPart(&mark)
		}
		if ending.Err() != nil {
			return nil //nolint:nilerr // being asked to end between two parts is a clean end
		}
	}
}

// visit feeds the next part of the visits and says whether there may be more.
func (l *loop) visit(j *job, mark *sweepMark) (more bool, err error) {
	countMax := l.engine.config.Limits.SweepVisitsMax
	keys, err := l.store.scan(j.route.Tags, mark.Cursor, countMax)
	if err != nil {
		return false, err
	}
	messages := make([]sarama.ConsumerMessage, len(keys))
	for i, key := range keys {
		if i > 0 && l.visitsFull() {
			return true, nil
		}
		messages[i] = sarama.ConsumerMessage{
			Topic: j.record.Topic, Partition: j.record.Partition, Offset: j.record.Offset, Key: []byte(key), Value: nothing,
		}
		if err := l.send(work{kind: workVisit, key: key, route: &j.route}, &messages[i]); err != nil {
			return false, err
		}
		mark.Cursor = key
		mark.Visits++
		l.open.visits++
	}
	return len(keys) == countMax, nil
}

// visitsFull says that the visits fed so far are all that one transaction may take.
func (l *loop) visitsFull() bool {
	return l.written.Load() >= l.engine.config.Limits.TransactionBytesMax || l.late()
}

// commitPart commits a part of the sweep that is not the last.
func (l *loop) commitPart(mark *sweepMark) error {
	mark.Tally = l.handler.Tally()
	if size, sizeMax := len(mark.Tally), l.engine.config.Limits.TallyBytesMax; size > sizeMax {
		return stopf("the tally of the sweep @%d has %d bytes; at most %d are kept", mark.Offset, size, sizeMax)
	}
	l.overlay.setSweep(mustJSON(mark))
	kept := *mark
	l.sweep = &kept
	return l.commit(l.committed.next)
}

// closeSweep feeds the close and commits the last part.
func (l *loop) closeSweep(j *job) error {
	if err := l.feed(j); err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	if l.sweep != nil {
		l.overlay.setSweep(nil)
		l.sweep = nil
	}
	l.open.count(j)
	return l.commit(j.record.Offset + 1)
}
