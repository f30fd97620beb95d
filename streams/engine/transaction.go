package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transaction is the loop's count of the open transaction.
type transaction struct {
	// open says that the client is in a transaction; one that holds nothing yet is used again.
	open  bool
	began time.Time
	stamp time.Time // of the last record
	// ending is how long the flush and the end took.
	ending  time.Duration
	records int
	read    int64
	astray  int
	visits  int
	// producer is who the client is to the broker, from the transaction's first record to its last.
	producer producerIdentity
}

// transact runs one transaction over whatever is at hand, up to the limits. A sweep may make it several.
func (l *loop) transact(ending context.Context) error {
	if err := l.begin(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.engine.config.Limits.TransactionTimeMax)
	defer cancel()
	next := l.committed.next
	for !l.full() {
		j, err := l.take(ctx)
		if err != nil && len(l.jobs) > 0 && ctx.Err() != nil && l.ctx.Err() == nil && !isStop(err) {
			// There is a record, so it is not the broker's error. The registry kept us waiting. What has been decided need not wait with it, and an open transaction holds up all readers.
			if l.open.records == 0 {
				return l.outwait(err)
			}
			break
		}
		if err != nil {
			return err
		}
		if j == nil {
			break
		}
		if j.alone() {
			if l.open.records == 0 {
				return l.through(ending, j)
			}
			// The index is read as committed, so what came before must be.
			l.held = j
			break
		}
		if err := l.work(j); err != nil {
			return err
		}
		l.open.count(j)
		next = j.record.Offset + 1
	}
	if l.open.records == 0 {
		return l.settle() // nothing but aborted records was polled
	}
	if err := l.settle(); err != nil {
		return err
	}
	return l.commit(next)
}

// through works on a record that has transactions of its own.
func (l *loop) through(ending context.Context, j *job) error {
	if j.sweeping() {
		return l.sweepThrough(ending, j)
	}
	return l.unpark(ending, j)
}

// work does what an ordinary record asks for. It counts for nothing until then: going carefully may begin the open transaction anew.
func (l *loop) work(j *job) error {
	switch {
	case j.astray:
		l.open.astray++
		return nil
	case j.route.Control:
		return l.feed(j)
	}
	return l.decide(j)
}

// outwait waits, outside any transaction, for a record that could not be unframed in time.
func (l *loop) outwait(err error) error {
	if err := l.settle(); err != nil {
		return err
	}
	l.log.Warn("waiting for a record to become readable", "reason", err)
	l.status.waiting(err)
	j := &l.jobs[0]
	if err := l.routeNext(l.ctx, j); err != nil {
		return err
	}
	l.held, l.jobs = j, l.jobs[1:]
	l.status.running(l.committed, l.sweep, l.store.position.Next)
	return nil
}

// reopen opens a transaction, or takes the open one, which holds nothing yet.
func (l *loop) reopen(ctx context.Context) (producerIdentity, error) {
	if l.open.open {
		return l.open.producer, nil
	}
	return l.beginTransaction(ctx)
}

// begin begins the work of a transaction.
func (l *loop) begin() error {
	producer, err := l.reopen(l.ctx)
	if err != nil {
		return err
	}
	l.open = transaction{open: true, began: time.Now(), producer: producer}
	l.written.Store(0)
	l.arm()
	l.status.began(l.open.began)
	return l.fault(StepBegun)
}

// full says that the open transaction has reached a limit.
func (l *loop) full() bool {
	limits := &l.engine.config.Limits
	return l.open.records >= l.atMost(limits.TransactionRecordsMax) ||
		l.open.read+l.written.Load() >= limits.TransactionBytesMax ||
		l.late()
}

// late says that the open transaction has taken its time.
func (l *loop) late() bool {
	return time.Since(l.open.began) >= l.engine.config.Limits.TransactionTimeMax
}

func (t *transaction) count(j *job) {
	t.records++
	t.read += int64(j.record.Size)
	t.stamp = j.raw.Timestamp
}

// arm keeps the countdown from reaching zero while messages are still being fed.
func (l *loop) arm() { l.marks.add(1) }

// settle hands over what is left and waits until goka has marked every message. It marks none that it drops while stopping, so the wait ends with the session too.
func (l *loop) settle() error {
	if err := l.hand(); err != nil {
		return err
	}
	l.marks.done()
	timer := time.NewTimer(l.engine.config.Limits.TransactionTimeoutMax)
	defer timer.Stop()
	select {
	case <-l.marks.zero:
	case <-l.ctx.Done():
		return l.why()
	case <-timer.C:
		return errors.New("deciding took longer than the broker keeps a transaction open")
	}
	return l.why()
}

// commit ends the open transaction, whose messages are settled: changed keys once to the changelog, then the shard's own records, !meta last;
// then the broker's commit; then the store.
func (l *loop) commit(next int64) error {
	if err := l.fault(StepDecided); err != nil {
		return err
	}
	l.working.next = next
	l.bear()
	l.writeFacts()
	l.writeCaution()
	last, err := l.writeChangelog()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.engine.config.Limits.TransactionTimeoutMax)
	defer cancel()
	flushing := time.Now()
	if err := l.client.Flush(ctx); err != nil {
		return errors.Join(l.why(), fmt.Errorf("flushing a transaction: %w", err))
	}
	if err := l.why(); err != nil {
		return err
	}
	if err := l.fault(StepFlushed); err != nil {
		return err
	}
	if err := l.endTransaction(ctx, l.open.producer); err != nil {
		return err
	}
	l.open.ending = time.Since(flushing)
	if err := l.fault(StepCommitted); err != nil {
		return err
	}
	if err := l.storeChanges(last.Offset + 1); err != nil {
		return err
	}
	l.finish()
	return l.fault(StepStored)
}

// writeChangelog produces the changelog records and returns the last one, whose offset is known after the flush.
func (l *loop) writeChangelog() (*kgo.Record, error) {
	table := l.process.Table.Name
	l.overlay.each(func(key string, value []byte) { l.producer.produce(table, l.number, key, value) })
	last := &kgo.Record{Topic: table, Partition: l.number, Key: []byte(keyMeta), Value: encodeMeta(l.working, l.process)}
	l.client.Produce(l.ctx, last, l.producer.onAck)
	return last, l.fault(StepWritten)
}

// batchBytesMin is room in a batch of the store for what is there besides changed states.
const batchBytesMin = 4 << 10

// storeChanges writes what was committed to the store, in one atomic write.
func (l *loop) storeChanges(next int64) error {
	batch := l.store.db.NewBatchWithSize(l.overlay.size() + batchBytesMin)
	defer func() { _ = batch.Close() }()
	err := l.overlay.fill(batch)
	if err == nil {
		err = batch.Set([]byte(keyMeta), encodeMeta(l.working, l.process), nil)
	}
	if err != nil {
		return fmt.Errorf("collecting the changes of a transaction: %w", err)
	}
	return l.store.write(batch, next, l.store.position.IndexVersion)
}

// finish makes the committed transaction the place to go on from. Metrics are counted here, and so never for work that was dropped.
func (l *loop) finish() {
	l.metrics.commit(&l.open, l.written.Load())
	l.committed = l.working
	l.unborn = false
	l.forget()
	l.relax()
	for i := range l.overlay.changes {
		l.recent.set(l.overlay.changes[i].key, l.overlay.changes[i].state)
	}
	l.overlay.reset()
	l.open.open = false
	l.status.committed(l.committed, l.sweep, l.store.position.Next)
	l.showOldest()
}
