package engine

import (
	"sync"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
)

// State is what a shard is doing.
type State string

// The states of a shard.
const (
	// StateNotOurs: the group has not assigned the shard to this instance.
	StateNotOurs State = "not ours"
	// StateStandingBy: the group has not assigned the shard to this instance, which keeps a store of it up to date all the same, so that it could
	// take the shard over at once.
	StateStandingBy State = "standing by"
	// StateStarting: fencing, or waiting to try again after a doubt.
	StateStarting State = "starting"
	// StateRestoring: rolling the store forward from the changelog.
	StateRestoring State = "restoring"
	// StateRunning: processing the inbox.
	StateRunning State = "running"
	// StateStopped: stopped loudly; Reason says why.
	StateStopped State = "stopped"
)

// ShardStatus is a moment of one shard.
type ShardStatus struct {
	Process string `json:"process"`
	Shard   int32  `json:"shard"`
	State   State  `json:"state"`
	// SinceMillis is when the state began, in milliseconds since 1970.
	SinceMillis int64 `json:"since_ms"`
	// Reason says why the shard stopped, starts again or waits.
	Reason string `json:"reason,omitempty"`
	// Next is the offset of the next inbox record, and End where committed records of the inbox end as far as was seen (-1: not seen).
	Next int64 `json:"next"`
	End  int64 `json:"end"`
	// Lag is the age of the oldest inbox record that is known to wait, 0 where none is. While the shard does not run, nobody knows what waits; then it is
	// at least the time since it ran.
	Lag time.Duration `json:"lag_ns"`
	// ChangelogNext is the offset of the changelog up to which the store holds everything.
	ChangelogNext int64 `json:"changelog_next"`
	// Sequence is the number of the last journal, RecordedAt the recorded time.
	Sequence   int64           `json:"sequence"`
	RecordedAt schemas.Instant `json:"recorded_at_ms"`
	// Sweep is the sweep under way, if any.
	Sweep *SweepStatus `json:"sweep,omitempty"`
	// Parked is what is parked, nil where nothing is.
	Parked *ParkedStatus `json:"parked,omitempty"`
	// TransactionAge is how long the open transaction has been so, 0 without one.
	TransactionAge time.Duration `json:"transaction_age_ns"`
	// StoreBytes is the store's size on disk.
	StoreBytes int64 `json:"store_bytes"`
	// RestoredTo and RestoreEnd are changelog offsets: how far a restore or a standby is, and where it ends.
	RestoredTo int64 `json:"restored_to,omitempty"`
	RestoreEnd int64 `json:"restore_end,omitempty"`
	// StandbyLag is the time since a standby last held all of the changelog.
	StandbyLag time.Duration `json:"standby_lag_ns,omitempty"`
}

// SweepStatus is how far a sweep is.
type SweepStatus struct {
	// Offset is the control record's, Visits counts the keys visited in committed transactions, Cursor is the last of them.
	Offset int64  `json:"offset"`
	Visits int64  `json:"visits"`
	Cursor string `json:"cursor"`
}

// status collects a shard's status; anyone may read it.
type status struct {
	mu      sync.Mutex
	current ShardStatus
	beganAt time.Time
	store   *store
	// oldest is the oldest inbox record that was read and is not committed.
	oldest waiting
	// awaySince is when the shard last ran; zero while it runs as it should.
	awaySince time.Time
	// completeAt is when a standby last held all of the changelog.
	completeAt time.Time
}

// waiting is an inbox record that waits; without a time, none does.
type waiting struct {
	offset int64
	since  time.Time
}

// settledMin is how long a shard must have run for its next stop to be one of its own, and not one more of a row.
const settledMin = 10 * time.Second

func newStatus(process string, shard int32) *status {
	return &status{current: ShardStatus{Process: process, Shard: shard, State: StateNotOurs, End: -1}}
}

func (s *status) update(change func(current *ShardStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.current)
}

// snapshot returns the status now.
func (s *status) snapshot() ShardStatus {
	now := time.Now()
	s.mu.Lock()
	current, store := s.current, s.store
	if !s.beganAt.IsZero() {
		current.TransactionAge = now.Sub(s.beganAt)
	}
	if current.ours() {
		current.Lag = s.lag(now)
	}
	if current.State == StateStandingBy && !s.completeAt.IsZero() {
		current.StandbyLag = now.Sub(s.completeAt)
	}
	s.mu.Unlock()
	if store != nil {
		current.StoreBytes = store.bytes()
		if current.Reason == "" {
			current.Reason = store.health.reason()
		}
	}
	return current
}

func (s *status) lag(now time.Time) time.Duration {
	var lag time.Duration
	if !s.oldest.since.IsZero() {
		lag = now.Sub(s.oldest.since)
	}
	if s.current.State != StateRunning && !s.awaySince.IsZero() {
		lag = max(lag, now.Sub(s.awaySince))
	}
	return max(lag, 0)
}

func (s *status) enter(state State, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.become(state, reason)
}

func (s *status) become(state State, reason error) {
	s.beganAt = time.Time{}
	s.turn(state)
	s.current.Reason = ""
	if reason != nil {
		s.current.Reason = reason.Error()
	}
}

// turn changes the state. A shard that runs for a moment again and again is away all that time.
func (s *status) turn(state State) {
	if s.current.State == state {
		return
	}
	now := time.Now()
	settled := s.current.State == StateRunning && now.Sub(time.UnixMilli(s.current.SinceMillis)) >= settledMin
	s.current.State, s.current.SinceMillis = state, now.UnixMilli()
	switch {
	case !s.current.ours():
		s.awaySince, s.oldest = time.Time{}, waiting{}
	case state != StateRunning && (s.awaySince.IsZero() || settled):
		s.awaySince = now
	}
}

func (s *status) fencing()           { s.enter(StateStarting, nil) }
func (s *status) starting(why error) { s.enter(StateStarting, why) }
func (s *status) stopped(why error)  { s.enter(StateStopped, why) }
func (s *status) waiting(why error)  { s.enter(StateRunning, why) }
func (s *status) end(lastStable int64) {
	s.update(func(c *ShardStatus) { c.End = max(c.End, lastStable) })
}

// reads notes a record that was read and now waits for its commit, unless an older one waits already.
func (s *status) reads(offset int64, stamp time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.oldest.since.IsZero() || offset < s.oldest.offset {
		s.oldest = waiting{offset, stamp}
	}
}

// ungrouped says why no shard is assigned.
func (s *status) ungrouped(why error) {
	s.update(func(c *ShardStatus) {
		if c.State == StateNotOurs {
			c.Reason = why.Error()
		}
	})
}

func (s *status) opened(store *store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store
}

func (s *status) parked(p *ParkedStatus) {
	s.update(func(c *ShardStatus) { c.Parked = p })
}

func (s *status) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.Parked, s.store = nil, nil
	s.become(StateNotOurs, nil)
}

func (s *status) restoring(at, end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(StateRestoring)
	s.current.RestoredTo, s.current.RestoreEnd = at, end
}

// standingBy says that a standby begins, or why it begins again.
func (s *status) standingBy(why error) { s.enter(StateStandingBy, why) }

// follows says how far a standby is, and where committed records of the changelog end.
func (s *status) follows(next, end int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.RestoredTo, s.current.RestoreEnd = next, max(next, end)
	if next >= end {
		s.completeAt = time.Now()
	}
}

func (s *status) running(p progress, sweep *sweepMark, changelogNext int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// At once: a running shard shown with the place and the sweep of a former life would be at none that ever was.
	s.become(StateRunning, nil)
	s.move(p, sweep, changelogNext)
}

func (s *status) began(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beganAt = at
}

// committed notes what a transaction came to.
func (s *status) committed(p progress, sweep *sweepMark, changelogNext int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beganAt, s.awaySince = time.Time{}, time.Time{}
	s.move(p, sweep, changelogNext)
}

func (s *status) move(p progress, sweep *sweepMark, changelogNext int64) {
	s.current.Next, s.current.Sequence, s.current.RecordedAt, s.current.ChangelogNext = p.next, p.chain.Sequence, p.recordedAt, changelogNext
	if s.oldest.offset < p.next {
		s.oldest = waiting{}
	}
	s.current.Sweep = nil
	if sweep != nil {
		s.current.Sweep = &SweepStatus{Offset: sweep.Offset, Visits: sweep.Visits, Cursor: sweep.Cursor}
	}
}

// committedStore returns the store to read from, nil unless the shard runs here.
func (s *status) committedStore() *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.State != StateRunning {
		return nil
	}
	return s.store
}
