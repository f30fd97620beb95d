package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A decision may kill the process: an endless loop, all memory, a crash. Nothing of its transaction remains then, so what is to be known of it stands in the
// changelog before it, in small transactions of their own:
//
//	!attempt  the process began on this place and has committed nothing since
//	!trying   this one decision is under way, for the nth time
//
// A life that finds the !attempt of another goes carefully, one decision per transaction, until it is past all that can have been in the transaction of
// which the other died. A decision that was under way at three deaths in a row is parked.
const (
	// firstMax bounds the first transaction of a process's shard, and so what is gone through carefully after a death.
	firstMax = 500
	// triesMax is after how many deaths under way a decision is not made again.
	triesMax = 3
)

// attemptMark is the value of !attempt: the lives that began at Next without committing anything, and how many decisions are still to be made carefully.
type attemptMark struct {
	Next  int64 `json:"next"`
	Lives int   `json:"lives"`
	Left  int   `json:"left"`
}

// tryingMark is the value of !trying.
type tryingMark struct {
	failure
	Tries int `json:"tries"`
}

// caution is how a shard goes after the deaths of its process. It outlives a doubt, for then the process did not die.
type caution struct {
	// known says that !attempt was read and written, stored that it is still there.
	known, stored bool
	careful       bool
	lives, left   int
	// tried is the last !trying of this process.
	tried *tryingMark
}

func (l *loop) parks() bool { return l.process.ParkedTo.Name != "" }

// noteAttempt counts a process's first life of a shard. It is called when there is a record to work on: a process that dies idle dies of something else.
func (l *loop) noteAttempt() error {
	c := &l.caution
	if c.known || !l.parks() {
		return nil
	}
	before := attemptMark{Left: firstMax}
	value, err := l.store.get([]byte(keyAttempt))
	if err != nil {
		return err
	}
	if value != nil {
		if err := json.Unmarshal(value, &before); err != nil {
			return stopf("decoding %s: %w", keyAttempt, err)
		}
		l.log.Warn("the process ended before while the shard was here; going carefully", "next", before.Next, "lives", before.Lives, "left", before.Left)
	}
	c.careful, c.lives, c.left = value != nil, before.Lives+1, before.Left
	if err := l.note(keyAttempt, mustJSON(attemptMark{Next: l.committed.next, Lives: c.lives, Left: c.left})); err != nil {
		return err
	}
	c.known, c.stored = true, true
	return l.fault(StepAttempted)
}

// note commits one of the engine's own values in a small transaction. What is open must be empty and settled.
func (l *loop) note(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(l.ctx, l.engine.config.Limits.TransactionTimeoutMax)
	defer cancel()
	producer, err := l.reopen(ctx)
	if err != nil {
		return err
	}
	l.open.open = false
	record := &kgo.Record{Topic: l.process.Table.Name, Partition: l.number, Key: []byte(key), Value: value}
	if err := produceNow(ctx, l.client, record); err != nil {
		return err
	}
	if err := l.endTransaction(ctx, producer); err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	batch := l.store.db.NewBatch()
	defer func() { _ = batch.Close() }()
	if _, err := putRecord(batch, nil, key, value); err != nil {
		return fmt.Errorf("storing %s: %w", key, err)
	}
	return l.store.write(batch, record.Offset+1, l.store.position.IndexVersion)
}

// loadTrying reads which decision was under way when a process died. One that this process made, and survived, does not count.
func (a *attempt) loadTrying() error {
	value, err := a.store.get([]byte(keyTrying))
	if err != nil || value == nil {
		return err
	}
	mark := &tryingMark{}
	if err := json.Unmarshal(value, mark); err != nil {
		return stopf("decoding %s: %w", keyTrying, err)
	}
	if tried := a.caution.tried; tried != nil && *tried == *mark {
		mark.Tries--
	}
	a.trying = mark
	return nil
}

// try notes that a decision is under way, and begins the transaction for it; or it says why the decision must not be made.
func (l *loop) try(j *job, key string) (reason string, err error) {
	mark := tryingMark{failure: failure{j.at, j.record.Offset, key}, Tries: 1}
	if t := l.trying; t != nil && t.failure == mark.failure {
		if t.Tries >= triesMax {
			return fmt.Sprintf("the process died %d times while deciding it", t.Tries), nil
		}
		if mark.Tries += t.Tries; t.Tries > 0 {
			if err := l.suspect(); err != nil {
				return "", err
			}
		}
	}
	if err := l.settle(); err != nil {
		return "", err
	}
	l.caution.tried = &mark
	if err := l.note(keyTrying, mustJSON(mark)); err != nil {
		return "", err
	}
	l.trying = &mark
	if err := l.fault(StepTrying); err != nil {
		return "", err
	}
	return "", l.begin()
}

// suspect waits until no other shard of this process makes a decision that was under way at a death. Otherwise two that are tried at the same time could not be
// told apart when one of them kills the process again.
func (l *loop) suspect() error {
	if l.suspected {
		return nil
	}
	select {
	case l.engine.suspects <- struct{}{}:
		l.suspected = true
		return nil
	case <-l.ctx.Done():
		return l.why()
	}
}

func (l *loop) clearSuspect() {
	if l.suspected {
		<-l.engine.suspects
		l.suspected = false
	}
}

// atMost is how many decisions the open transaction may make where otherwise limit holds.
func (l *loop) atMost(limit int) int {
	c := &l.caution
	switch {
	case c.careful:
		return 1
	case c.stored:
		return min(c.left, limit)
	}
	return limit
}

// writeCaution puts into the open transaction what its commit will have proved: the process lived through it.
func (l *loop) writeCaution() {
	if l.trying != nil {
		l.overlay.setOwn(keyTrying, nil)
	}
	c := &l.caution
	if !c.stored {
		return
	}
	if left := c.left - 1; c.careful && left > 0 {
		l.overlay.setOwn(keyAttempt, mustJSON(attemptMark{Next: l.working.next, Lives: c.lives, Left: left}))
		return
	}
	l.overlay.setOwn(keyAttempt, nil)
}

// relax is told that a transaction was committed.
func (l *loop) relax() {
	l.trying = nil
	l.clearSuspect()
	c := &l.caution
	if !c.stored {
		return
	}
	if c.left--; !c.careful || c.left <= 0 {
		c.careful, c.stored = false, false
	}
}

// forget drops what is known of decisions that failed behind the committed place.
func (l *loop) forget() {
	for f := range l.failed {
		if f.At < l.committed.next {
			delete(l.failed, f)
		}
	}
	if l.parking.changed {
		l.parking.changed = false
		l.status.parked(l.parking.summary())
	}
}
