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
	// Reason says why the shard stopped, starts again or waits.
	Reason string `json:"reason,omitempty"`
	// Next is the offset of the next inbox record, and End where committed records of the inbox end as far as was seen (-1: not seen).
	Next int64 `json:"next"`
	End  int64 `json:"end"`
	// Sequence is the number of the last journal, RecordedAt the recorded time.
	Sequence   int64           `json:"sequence"`
	RecordedAt schemas.Instant `json:"recorded_at_ms"`
	// Sweep is the sweep under way, if any.
	Sweep *SweepStatus `json:"sweep,omitempty"`
	// TransactionAge is how long the open transaction has been so, 0 without one.
	TransactionAge time.Duration `json:"transaction_age_ns"`
	// StoreBytes is the store's size on disk.
	StoreBytes int64 `json:"store_bytes"`
	// RestoredTo and RestoreEnd are changelog offsets: how far a restore is, and where it ends.
	RestoredTo int64 `json:"restored_to,omitempty"`
	RestoreEnd int64 `json:"restore_end,omitempty"`
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
}

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
	s.mu.Lock()
	current, beganAt, store := s.current, s.beganAt, s.store
	s.mu.Unlock()
	if !beganAt.IsZero() {
		current.TransactionAge = time.Since(beganAt)
	}
	if store != nil {
		current.StoreBytes = store.bytes()
	}
	return current
}

func (s *status) enter(state State, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beganAt = time.Time{}
	s.current.State, s.current.Reason = state, ""
	if reason != nil {
		s.current.Reason = reason.Error()
	}
}

func (s *status) fencing()           { s.enter(StateStarting, nil) }
func (s *status) starting(why error) { s.enter(StateStarting, why) }
func (s *status) stopped(why error)  { s.enter(StateStopped, why) }
func (s *status) waiting(why error)  { s.enter(StateRunning, why) }
func (s *status) end(lastStable int64) {
	s.update(func(c *ShardStatus) { c.End = max(c.End, lastStable) })
}

func (s *status) opened(store *store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store
}

func (s *status) leave() {
	s.enter(StateNotOurs, nil)
	s.opened(nil)
}

func (s *status) restoring(at, end int64) {
	s.update(func(c *ShardStatus) { c.State, c.RestoredTo, c.RestoreEnd = StateRestoring, at, end })
}

func (s *status) running(p progress, sweep *sweepMark) {
	s.enter(StateRunning, nil)
	s.committed(p, sweep)
}

func (s *status) began(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beganAt = at
}

func (s *status) committed(p progress, sweep *sweepMark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beganAt = time.Time{}
	s.current.Next, s.current.Sequence, s.current.RecordedAt = p.next, p.chain.Sequence, p.recordedAt
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
