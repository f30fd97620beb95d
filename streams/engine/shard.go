package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// shard is one shard of one process, as long as the group assigns it to this instance.
type shard struct {
	engine  *Engine
	process *streams.Process
	number  int32
	shards  int32
	status  *status
	metrics *shardMetrics
	log     *slog.Logger
	store   *store
	// failed are the decisions that ended a life of this shard, with the reason, until the inbox is past them; caution is how it goes after deaths.
	failed  map[failure]string
	caution caution
}

func (s *shard) transactionalID() string {
	return s.process.Name + "." + strconv.Itoa(int(s.number)) + s.engine.config.TransactionalSuffix
}

// run runs the shard until ending is done, and then finishes the open transaction, or until dying is done, and then drops it.
func (s *shard) run(ending, dying context.Context) {
	defer s.status.leave()
	backoff := s.engine.config.Limits.BackoffMin
	for ending.Err() == nil && dying.Err() == nil {
		began := s.metrics.transactions()
		err := s.open(s.dir())
		if err == nil {
			err = s.attempt(ending, dying)
		}
		if err == nil || dying.Err() != nil {
			break
		}
		if s.metrics.transactions() > began {
			backoff = s.engine.config.Limits.BackoffMin
		}
		err = s.learn(err)
		s.metrics.abort(err) // first: who sees the shard stopped, or starting again, finds the life that ended among the counted
		wait := s.tellEnd(err, backoff)
		backoff = min(2*backoff, s.engine.config.Limits.BackoffMax)
		if pause(ending, wait) != nil {
			break
		}
	}
	s.close()
}

// adopt takes over the store that a standby kept, nil for none.
func (s *shard) adopt(store *store) {
	if store == nil {
		return
	}
	s.store = store
	s.status.opened(store)
}

// dir is the folder of the shard's store.
func (s *shard) dir() string {
	return filepath.Join(s.engine.config.Dir, s.process.Name, strconv.Itoa(int(s.number)))
}

// close closes the store, if there is one.
func (s *shard) close() {
	if s.store == nil {
		return
	}
	if err := s.store.close(); err != nil {
		s.log.Error("closing the store", "error", err)
	}
}

// learn remembers a decision that failed, so that the next life parks what it was about.
func (s *shard) learn(err error) error {
	var u *undecidableError
	if !errors.As(err, &u) {
		return err
	}
	if _, known := s.failed[u.failure]; known {
		return stopf("a decision was made again although it had failed: %w", u.err)
	}
	if keysMax := s.engine.config.Limits.ParkedKeysMax; len(s.failed) >= keysMax {
		return stopf("%d decisions failed at one place, and at most %d keys are parked: %w", len(s.failed)+1, keysMax, u.err)
	}
	s.failed[u.failure] = u.reason
	return err
}

// tellEnd tells how a life ended and returns after what time the next one begins. After a decision that failed that is at once: it will not be made again.
func (s *shard) tellEnd(err error, backoff time.Duration) time.Duration {
	var u *undecidableError
	switch {
	case isStop(err) && !s.mends(err):
		retry := s.engine.config.Limits.StoppedRetry
		s.log.Error("the shard has stopped", "reason", err, "retry_after", retry)
		s.status.stopped(err)
		return retry
	case errors.As(err, &u):
		s.log.Error("a decision failed; the shard starts again and parks the key", "key", u.Key, "offset", u.Item, "reason", err)
		s.status.starting(err)
		return 0
	}
	s.log.Warn("the shard starts again", "reason", err, "after", backoff)
	s.status.starting(err)
	return backoff
}

// mends says that the next life makes the store anew, or waits for room, whatever the failure was called where it was met.
func (s *shard) mends(err error) bool {
	return errors.Is(err, errNoRoom) || s.store != nil && !s.store.usable()
}

// open opens the shard's folder, or makes the store anew where it turned out to be damaged. A former owner in the same process may hold the folder for a moment
// longer, so failing is a doubt, not a stop.
func (s *shard) open(dir string) error {
	config := &s.engine.config
	if err := config.Files.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("making the folder of a store: %w", err)
	}
	if err := checkRoom(config.Files, dir, config.Limits.DiskFreeMin); err != nil {
		return err
	}
	if s.store == nil {
		store, err := openStore(config.Files, dir, s.engine.cache, s.log)
		if err != nil {
			return err
		}
		store.freeMin = config.Limits.DiskFreeMin
		s.store = store
		s.status.opened(store)
	}
	if s.store.usable() {
		return nil
	}
	s.log.Warn("discarding the store", "reason", s.store.health.reason())
	return s.store.discard()
}

// attempt is one life of a shard, from fencing to the first doubt.
type attempt struct {
	*shard
	client  *kgo.Client
	handler streams.Handler
	// failure is the first thing that went wrong; its context ends with it.
	ctx  context.Context
	fail context.CancelCauseFunc

	committed progress
	// identity is what answers now under the names of our topics; unborn says that the changelog has no !born yet.
	identity identity
	unborn   bool
	sweep    *sweepMark
	parking  parking
	// headway ends a start that is stuck.
	headway *headway
	// trying is the decision that a death, or this life, left under way; suspected says that this shard alone may make such decisions now.
	trying    *tryingMark
	suspected bool
}

// attempt runs the shard once; nil means that it came to a clean end.
func (s *shard) attempt(ending, dying context.Context) error {
	ctx, fail := context.WithCancelCause(dying)
	defer fail(errEnded)
	client, err := s.newClient()
	if err != nil {
		return err
	}
	// Closing is all that is ever done to the client after a doubt: it may have been fenced, and another End, Begin or Produce on it could take the
	// transactional id back.
	defer client.Close()
	a := &attempt{shard: s, client: client, ctx: ctx, fail: fail, handler: s.process.NewHandler(s.engine.config.Framing)}
	s.status.fencing()
	s.metrics.lives.Inc()
	if err := a.prepare(ending); err != nil {
		return err
	}
	err = a.drive(ending)
	if errors.Is(err, errOutOfRange) {
		err = a.explain(dying, err)
	}
	var u *undecidableError
	if cause := a.cause(); err != nil && errors.As(cause, &u) {
		err = cause // what else went wrong followed from it
	}
	if err != nil && isStop(err) {
		s.abortOpen(dying)
	}
	return err
}

// prepare fences, restores and reads what was last committed.
func (a *attempt) prepare(ending context.Context) error {
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	defer context.AfterFunc(ending, func() { cancel(errEnded) })()
	a.headway = newHeadway(a.engine.config.Limits.StartTimeMax, cancel)
	defer a.headway.end()
	return a.headway.why(ctx, a.begin(ctx))
}

// begin takes the steps of a start, in their order.
func (a *attempt) begin(ctx context.Context) error {
	err := fence(ctx, a.client, a.transactionalID())
	if err != nil {
		return err
	}
	a.headway.made("fenced")
	if err := a.fault(StepFenced); err != nil {
		return err
	}
	if a.identity, err = a.identify(ctx, a.client); err != nil {
		return err
	}
	if err := a.restore(ctx); err != nil {
		return err
	}
	if err := a.fault(StepRestored); err != nil {
		return err
	}
	if err := a.checkBegun(ctx); err != nil {
		return err
	}
	if err := a.remember(); err != nil {
		return err
	}
	return a.checkIdentity()
}

// checkBegun refuses a changelog that says the shard has not begun while the group's copy of its position says that it has: the changelog
// was lost, and to begin again would write everything a second time.
func (a *attempt) checkBegun(ctx context.Context) error {
	if begun, err := a.store.get([]byte(keyMeta)); begun != nil || err != nil {
		return err
	}
	table := a.process.Table.Name
	if cluster := a.store.position.FormerCluster; cluster != "" && cluster != a.identity.Cluster {
		return stopf("the changelog %s/%d says that the shard has not begun, but the store in %s was made in the cluster %s, and the brokers are those of %s: %s; "+
			"or, to begin again on purpose, delete that folder", table, a.number, a.store.dir, cluster, a.identity.Cluster, correctBrokers)
	}
	if former := a.store.position.Former; former != "" {
		return stopf("the changelog %s/%d says that the shard has not begun, but the store in %s was made from a former one (%s): the changelog was lost; "+
			"bring it back, or, to begin again on purpose, delete that folder", table, a.number, a.store.dir, former)
	}
	group := a.engine.config.GroupPrefix + a.process.Name
	offsets, err := kadm.NewClient(a.client).FetchOffsetsForTopics(ctx, group, a.process.Inbox.Name)
	if err != nil {
		return fmt.Errorf("asking for the position that group %s remembers: %w", group, err)
	}
	copied, _ := offsets.Lookup(a.process.Inbox.Name, a.number)
	if copied.Err != nil {
		return fmt.Errorf("asking for the position that group %s remembers: %w", group, copied.Err)
	}
	if copied.At > 0 {
		// Somebody else may have taken the shard over since the changelog was read, and begun it. Who can still commit knows that nobody has.
		if _, _, err := a.own(ctx); err != nil {
			return err
		}
		return stopf("the changelog %s/%d says that the shard has not begun, but group %s remembers position %d: the changelog was lost; "+
			"bring it back, or, to begin again on purpose, delete the group %s", table, a.number, group, copied.At, group)
	}
	return nil
}

// remember hands what was last committed to the handler.
func (a *attempt) remember() error {
	var values [3][]byte
	for i, key := range []string{keyMeta, keySweep, keyReference} {
		value, err := a.store.get([]byte(key))
		if err != nil {
			return err
		}
		values[i] = value
	}
	var err error
	if a.committed, err = decodeMeta(values[0]); err != nil {
		return stop(err)
	}
	if a.sweep, err = decodeSweep(values[1]); err != nil {
		return stop(err)
	}
	var tally []byte
	if a.sweep != nil {
		tally = a.sweep.Tally
		if err := a.checkSweep(); err != nil {
			return stop(err)
		}
	}
	if err := errors.Join(a.loadParked(), a.loadTrying()); err != nil {
		return err
	}
	if err := a.handler.Restore(values[2], tally); err != nil {
		return stopf("restoring the memory of the shard: %w", err)
	}
	return nil
}

// checkSweep refuses a sweep that another binary began.
func (a *attempt) checkSweep() error {
	if a.sweep.Rules == a.process.Rules && a.sweep.TagsVersion == a.process.TagsVersion {
		return nil
	}
	return fmt.Errorf("shard %d of %s is in the middle of a sweep (control record %s/%d@%d, %d visits done) that was begun with rules %q and tags %q; "+
		"this binary has rules %q and tags %q: let the former binary finish the sweep",
		a.number, a.process.Name, a.process.Inbox.Name, a.number, a.sweep.Offset, a.sweep.Visits,
		a.sweep.Rules, a.sweep.TagsVersion, a.process.Rules, a.process.TagsVersion)
}

// abortOpen aborts what a stopped shard left open, by fencing it with a new client, so that readers of the outputs need not wait for the broker to do it.
func (s *shard) abortOpen(dying context.Context) {
	ctx, cancel := context.WithTimeout(dying, s.engine.config.Limits.StopTimeMax)
	defer cancel()
	client, err := s.newClient()
	if err == nil {
		defer client.Close()
		err = fence(ctx, client, s.transactionalID())
	}
	if err != nil {
		s.log.Warn("aborting the transaction of a stopped shard", "error", err)
	}
}

// fault lets tests crash the shard at a step.
func (a *attempt) fault(at Step) error {
	if a.engine.config.Faults == nil {
		return nil
	}
	return a.engine.config.Faults(a.process.Name, a.number, at)
}

// cause returns why the attempt has failed, nil if it has not.
func (a *attempt) cause() error {
	if a.ctx.Err() == nil {
		return nil
	}
	return context.Cause(a.ctx)
}
