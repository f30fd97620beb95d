package engine

import (
	"context"
	"sync"
	"time"

	"github.com/penstock-ledger/penstock/streams"
)

// standbys keep stores up to date of shards of one process that this instance does not run, so that it need read only the last few records when
// the group assigns one of them. Which one that will be is the group's choice, so all of them are followed, up to a limit.
//
// A standby only reads. It has no transactional id and fences nobody; whether its store fits is checked once more when the shard begins its life, just as
// if the store had lain there from an earlier time. A store has one owner at a time: take waits until the standby has let go of it.
type standbys struct {
	engine  *Engine
	process *streams.Process

	mu    sync.Mutex
	tails map[int32]*tail
	ended bool
	// closing are the clients of tails that have ended. Closing one may take a second, and a takeover need not wait for that.
	closing sync.WaitGroup
}

func newStandbys(engine *Engine, process *streams.Process) *standbys {
	return &standbys{engine: engine, process: process, tails: map[int32]*tail{}}
}

// standbyCacheBytes is what the memtables of all standbys may take: they are taken out of the cache, and the shards that run need what they have of it.
func (e *Engine) standbyCacheBytes() int64 {
	if !e.config.Standby {
		return 0
	}
	stores := 0
	for _, statuses := range e.statuses {
		stores += min(len(statuses), e.config.Limits.StandbyShardsMax)
	}
	return int64(stores) * memTableBytes
}

// begin follows a shard that nobody here runs, unless that many are followed already.
func (s *standbys) begin(number int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.engine.config.Standby || s.ended || s.tails[number] != nil || len(s.tails) >= s.engine.config.Limits.StandbyShardsMax {
		return
	}
	ctx, cancel := context.WithCancel(s.engine.config.Dying)
	t := &tail{shard: s.engine.shard(s.process, number), standbys: s, cancel: cancel, done: make(chan struct{})}
	s.tails[number] = t
	go t.run(ctx)
}

// take ends the standby of a shard that is to run here and returns its store, nil where there is none.
func (s *standbys) take(number int32) *store {
	s.mu.Lock()
	t := s.tails[number]
	delete(s.tails, number)
	s.mu.Unlock()
	if t == nil {
		return nil
	}
	t.cancel()
	<-t.done
	return t.store
}

// end ends all standbys, for good.
func (s *standbys) end() {
	s.mu.Lock()
	s.ended = true
	tails := s.tails
	s.tails = map[int32]*tail{}
	s.mu.Unlock()
	for _, t := range tails {
		t.cancel()
	}
	for _, t := range tails {
		<-t.done
		t.leave()
	}
	s.closing.Wait()
}

// pace spreads over time what the standbys of an instance read, so that catching up leaves the disk and the brokers to the shards that run.
type pace struct {
	mu   sync.Mutex
	free time.Time
}

// take books so many bytes and returns how long to wait before the next are read.
func (p *pace) take(bytes int, perSecondMax int64, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(bytes) / float64(perSecondMax) * float64(time.Second)))
	return p.free.Sub(now)
}
