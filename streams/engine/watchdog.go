package engine

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/penstock-ledger/penstock/streams"
)

// DiedExit is the exit status of a process that ended itself because of a decision that would not end: EX_SOFTWARE of sysexits.h.
const DiedExit = 70

const (
	// watchPart is the part of DecisionTimeMax between two looks of the watchdog, memoryPause their distance where memory is limited, too: it fills fast.
	watchPart   = 8
	memoryPause = 50 * time.Millisecond
	heapMetric  = "/memory/classes/heap/objects:bytes"
)

// exit is the default of Config.Die.
func exit(log *slog.Logger) func(string) {
	return func(reason string) {
		log.Error("ending the process", "reason", reason)
		os.Exit(DiedExit)
	}
}

// pulse shows from outside whether a decision is under way, and whether it is still the same. It costs a decision two atomic writes and no look at the clock.
type pulse struct {
	beats atomic.Uint64
	route atomic.Pointer[streams.Route]
}

func (p *pulse) begin(route *streams.Route) {
	p.route.Store(route)
	p.beats.Add(1)
}

func (p *pulse) end() { p.beats.Add(1) }

// deciding says that a decision is under way at this count of beats.
func deciding(beats uint64) bool { return beats%2 == 1 }

// startWatch starts the watchdog of a shard that parks; what it returns ends it.
func (w *workspace) startWatch(p *pulse) (end func()) {
	if w.process.ParkedTo.Name == "" {
		return func() {}
	}
	// It outlasts the attempt's context: what is given up waits for its decision all the same.
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.watch(ctx, p)
	}()
	return func() { cancel(); <-done }
}

// watch ends the process when a decision takes too long, or the memory fills while one is under way. Nothing else can end a decision.
func (w *workspace) watch(ctx context.Context, p *pulse) {
	limits := &w.engine.config.Limits
	every := max(limits.DecisionTimeMax/watchPart, time.Millisecond)
	if limits.MemoryMax > 0 {
		every = min(every, memoryPause)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	patience := patience{every: every}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if why := w.beyond(patience.look(p.beats.Load())); why != "" {
			r := p.route.Load().Record
			w.engine.config.Die(fmt.Sprintf("%s: a decision on %s/%d@%d %s", w.process.Name, r.Topic, r.Partition, r.Offset, why))
			return
		}
	}
}

// patience measures how long one decision has been under way, in looks and not by the clock: while the process was stopped, or had no processor, nobody looked,
// and no decision could go on either. By the clock an innocent one would be blamed for that time.
type patience struct {
	every time.Duration
	beats uint64
	looks int
}

// look is told the beats of a pulse, once in every interval, and returns how long the same decision has been under way, 0 where none is.
func (p *patience) look(beats uint64) time.Duration {
	if beats != p.beats || !deciding(beats) {
		p.beats, p.looks = beats, 0
		return 0
	}
	p.looks++
	return time.Duration(p.looks) * p.every
}

// beyond says what limit a decision that has been under way for so long is beyond, if any.
func (w *workspace) beyond(taken time.Duration) string {
	limits := &w.engine.config.Limits
	if taken == 0 {
		return ""
	}
	if taken >= limits.DecisionTimeMax {
		return fmt.Sprintf("has taken more than %s", limits.DecisionTimeMax)
	}
	if limits.MemoryMax == 0 {
		return ""
	}
	if heap := heapBytes(); heap > limits.MemoryMax {
		return fmt.Sprintf("is under way while the heap of %d bytes is larger than %d", heap, limits.MemoryMax)
	}
	return ""
}

func heapBytes() int64 {
	sample := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64()) //nolint:gosec // a heap is smaller
}
