package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

// member is this instance's member of one process's group. The group only says which shards this instance tries to run; nothing is read through
// it, and its offsets are a copy for lag tools.
type member struct {
	engine  *Engine
	process *streams.Process
	client  *kgo.Client
	// cut ends whatever the client is at.
	cut context.CancelFunc

	standbys *standbys

	mu sync.Mutex
	// running are the shards that are assigned to us, and those that still end.
	running map[int32]*tenure
}

// tenure is one shard's time with us.
type tenure struct {
	number int32
	status *status
	end    context.CancelFunc // finish the open transaction, then go
	drop   context.CancelFunc // go
	done   chan struct{}
}

// Of a session, and of a rebalance.
const (
	// heartbeatsPerSession is how many heartbeats may be missed, and one more.
	heartbeatsPerSession = 4
	// sessionsPerRebalance bounds how long a member may take to let go of shards: in sessions, so that a group that is to notice a death
	// soon does not wait long for one who died in the middle of a rebalance. By default it is longer than StopTimeMax.
	sessionsPerRebalance = 3
)

func (e *Engine) join(process *streams.Process) (*member, error) {
	m := &member{engine: e, process: process, running: map[int32]*tenure{}, standbys: newStandbys(e, process)}
	ctx, cut := context.WithCancel(context.Background())
	m.cut = cut
	options := append([]kgo.Opt{}, e.config.Kafka...)
	options = append(options,
		kgo.WithContext(ctx),
		kgo.ConsumerGroup(e.config.GroupPrefix+process.Name),
		kgo.ConsumeTopics(process.Inbox.Name),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(e.config.Limits.SessionTimeMax),
		kgo.HeartbeatInterval(e.config.Limits.SessionTimeMax/heartbeatsPerSession),
		kgo.RebalanceTimeout(sessionsPerRebalance*e.config.Limits.SessionTimeMax),
		kgo.DisableAutoCommit(),
		kgo.WithHooks(groupErrors{e, process.Name}),
		// Where a shard begins is in its !meta; the member must not fail for want of a committed offset.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd()),
		kgo.OnPartitionsAssigned(func(_ context.Context, client *kgo.Client, assigned map[string][]int32) {
			// The client fetches what it was assigned once it has told so: paused here, the member never fetches.
			client.PauseFetchTopics(process.Inbox.Name)
			m.start(assigned[process.Inbox.Name])
			m.standBy()
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, revoked map[string][]int32) {
			m.stop(revoked[process.Inbox.Name], false)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
			m.stop(lost[process.Inbox.Name], true)
		}),
	)
	client, err := kgo.NewClient(options...)
	if err != nil {
		cut()
		return nil, fmt.Errorf("joining the group of %s: %w", process.Name, err)
	}
	m.client = client
	return m, nil
}

// start runs the assigned shards.
func (m *member) start(shards []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, number := range shards {
		if m.running[number] != nil {
			continue
		}
		dying, drop := context.WithCancel(m.engine.config.Dying)
		ending, end := context.WithCancel(dying)
		s := m.engine.shard(m.process, number)
		t := &tenure{number: number, status: s.status, end: end, drop: drop, done: make(chan struct{})}
		m.running[number] = t
		go func() {
			defer close(t.done)
			s.adopt(m.standbys.take(number))
			s.run(ending, dying)
		}()
	}
}

// stop ends the given shards and waits for them. Lost shards have an owner already: they are dropped.
func (m *member) stop(shards []int32, lost bool) {
	m.mu.Lock()
	tenures := make([]*tenure, 0, len(shards))
	for _, number := range shards {
		if t := m.running[number]; t != nil {
			tenures = append(tenures, t)
		}
	}
	m.mu.Unlock()
	timer := time.AfterFunc(m.engine.config.Limits.StopTimeMax, func() {
		for _, t := range tenures {
			t.drop()
		}
	})
	defer timer.Stop()
	for _, t := range tenures {
		t.end()
		if lost {
			t.drop()
		}
	}
	m.outwait(tenures)
	m.forget(tenures)
	m.standBy()
}

// outwait waits until the tenures have ended, or no longer than a shard takes to end and to drop what it has: one whose decision never returns must not keep
// the others of the group, or the end of the process, waiting. It can commit nothing any more, and its store stays locked for as long as it lasts.
func (m *member) outwait(tenures []*tenure) {
	const stops = 2
	patience, cancel := context.WithTimeout(context.Background(), stops*m.engine.config.Limits.StopTimeMax)
	defer cancel()
	for _, t := range tenures {
		select {
		case <-t.done:
		case <-patience.Done():
			m.engine.config.Logger.Error("a shard does not end and is left behind; restart the process", "process", m.process.Name, "shard", t.number)
		}
		t.drop()
	}
}

// forget takes tenures that have ended out of those that run. Not before: their stores were theirs until then.
func (m *member) forget(ended []*tenure) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.running, func(_ int32, t *tenure) bool { return slices.Contains(ended, t) })
}

// standBy begins a standby for every shard that does not run here. It is called whenever the group has spoken: before it does, nobody knows which those are.
func (m *member) standBy() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for number := range m.process.Inbox.Width.Partitions(m.engine.config.Shards) {
		if m.running[number] == nil {
			m.standbys.begin(number)
		}
	}
}

// run copies the positions to the group until ctx ends, and then leaves.
func (m *member) run(ctx context.Context) {
	ticker := time.NewTicker(m.engine.config.Limits.CopyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.copyPositions(ctx)
			m.lookAtEnds(ctx)
		case <-ctx.Done():
			m.leave()
			return
		}
	}
}

func (m *member) leave() {
	ctx, cancel := context.WithTimeout(m.engine.config.Dying, time.Second)
	m.copyPositions(ctx)
	cancel()
	m.standbys.end()
	m.mu.Lock()
	shards := make([]int32, 0, len(m.running))
	for number := range m.running {
		shards = append(shards, number)
	}
	m.mu.Unlock()
	// Leaving revokes what is left; a shard that is assigned in between is stopped by that.
	m.stop(shards, false)
	// The goodbye is a courtesy: a broker that is away is not waited for until the client's patience ends.
	defer time.AfterFunc(m.engine.config.Limits.StopTimeMax, m.cut).Stop()
	m.client.Close()
	m.cut()
}

func (m *member) copyPositions(ctx context.Context) {
	m.mu.Lock()
	offsets := map[int32]kgo.EpochOffset{}
	for number, t := range m.running {
		if s := t.status.snapshot(); s.State == StateRunning {
			offsets[number] = kgo.EpochOffset{Epoch: -1, Offset: s.Next}
		}
	}
	m.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	log := m.engine.config.Logger
	m.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{m.process.Inbox.Name: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				log.Debug("copying positions to the group", "process", m.process.Name, "error", err)
			}
		})
}

// lookAtEnds asks where the inbox ends: a shard that is stuck does not learn it by reading.
func (m *member) lookAtEnds(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, m.engine.config.Limits.CopyEvery)
	defer cancel()
	ends, err := kadm.NewClient(m.client).ListCommittedOffsets(ctx, m.process.Inbox.Name)
	if err != nil {
		m.engine.config.Logger.Debug("asking where the inbox ends", "process", m.process.Name, "error", err)
		return
	}
	ends.Each(func(end kadm.ListedOffset) {
		if statuses := m.engine.statuses[m.process.Name]; end.Err == nil && int(end.Partition) < len(statuses) {
			statuses[end.Partition].end(end.Offset)
		}
	})
}

// groupErrors logs what a member would otherwise say only to those who read through it. The client tries again by itself.
type groupErrors struct {
	engine  *Engine
	process string
}

// OnGroupManageError is kgo's hook.
func (h groupErrors) OnGroupManageError(err error) {
	err = denied(fmt.Errorf("managing the group membership: %w", err), "--operation Read --operation Describe --group "+h.engine.config.GroupPrefix+h.process)
	h.engine.config.Logger.Warn("a process gets no shards", "process", h.process, "error", err)
	for _, s := range h.engine.statuses[h.process] {
		s.ungrouped(err)
	}
}
