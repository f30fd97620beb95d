package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// sessionTimeDefault is after what silence a group gives a member's partitions to others, where the options do not say.
	sessionTimeDefault = 10 * time.Second
	// sessionsPerRebalance bounds how long a member may take to let go of partitions, in sessions.
	sessionsPerRebalance = 3
	// heartbeatsPerSession is how many heartbeats may be missed, and one more.
	heartbeatsPerSession = 4
)

// Assignment is partitions per topic.
type Assignment map[string][]int32

// MemberOptions say which group to join and whom to tell. All but InstanceID and SessionTimeMax are required.
type MemberOptions struct {
	Group  string
	Topics []string
	// Assigned is told of partitions that this member should try from now on. Being assigned gives no right to anything:
	// what a member does is fenced elsewhere, for it may learn late that it was thrown out.
	Assigned func(context.Context, Assignment)
	// Revoked is told of partitions that it should let go of. Another member gets them once Revoked has returned; where they
	// are lost it may have them already, and there is nothing to finish. No two of these calls overlap.
	Revoked func(ctx context.Context, partitions Assignment, lost bool)
	// InstanceID, where given, lets a member that restarts quickly keep its partitions.
	InstanceID string
	// SessionTimeMax is after what silence the group gives this member's partitions to others; 0 is 10 s.
	SessionTimeMax time.Duration
	Log            *slog.Logger
}

// Member takes part in a group without reading: the group says who tries which partitions, nothing else.
type Member struct {
	client *kgo.Client
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Join joins the group; Close leaves it.
func Join(connection Connection, options MemberOptions) (*Member, error) {
	opts, err := connection.Opts()
	if err != nil {
		return nil, err
	}
	if options.SessionTimeMax == 0 {
		options.SessionTimeMax = sessionTimeDefault
	}
	tell := func(fn func(context.Context, Assignment)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
			if len(partitions) > 0 {
				fn(ctx, partitions)
			}
		}
	}
	opts = append(opts,
		kgo.ConsumerGroup(options.Group),
		kgo.ConsumeTopics(options.Topics...),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(options.SessionTimeMax),
		kgo.RebalanceTimeout(sessionsPerRebalance*options.SessionTimeMax),
		kgo.HeartbeatInterval(options.SessionTimeMax/heartbeatsPerSession),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// The offsets in the group are a copy for lag tools, written by Commit alone.
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(ctx context.Context, client *kgo.Client, assigned map[string][]int32) {
			// The client fetches what it was assigned once it has told so: paused here, nothing is ever fetched.
			client.PauseFetchTopics(options.Topics...)
			tell(options.Assigned)(ctx, client, assigned)
		}),
		kgo.OnPartitionsRevoked(tell(func(ctx context.Context, a Assignment) { options.Revoked(ctx, a, false) })),
		kgo.OnPartitionsLost(tell(func(ctx context.Context, a Assignment) { options.Revoked(ctx, a, true) })),
	)
	if options.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(options.InstanceID))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("joining group %s: %w", options.Group, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	member := &Member{client: client, log: options.Log, cancel: cancel}
	member.done.Go(func() { member.watch(ctx) })
	return member, nil
}

// watch says in the log why membership has trouble. Nothing else is ever polled.
func (m *Member) watch(ctx context.Context) {
	for {
		fetches := m.client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		for _, failed := range fetches.Errors() {
			m.log.WarnContext(ctx, "group membership is in trouble", "error", failed.Err)
		}
	}
}

// Commit copies positions into the group, so that lag tools show them. Nobody starts from them.
func (m *Member) Commit(ctx context.Context, positions ...Position) error {
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	for _, position := range positions {
		if offsets[position.Topic] == nil {
			offsets[position.Topic] = make(map[int32]kgo.EpochOffset)
		}
		offsets[position.Topic][position.Partition] = kgo.EpochOffset{Epoch: -1, Offset: position.Offset}
	}
	var failed error
	m.client.CommitOffsetsSync(ctx, offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			failed = commitError(answer, err)
		})
	if failed != nil {
		return fmt.Errorf("copying positions into the group: %w", failed)
	}
	return nil
}

func commitError(answer *kmsg.OffsetCommitResponse, err error) error {
	if err != nil || answer == nil {
		return err
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return fmt.Errorf("%s: %w", Place{topic.Topic, partition.Partition}, err)
			}
		}
	}
	return nil
}

// Close leaves the group: Revoked is called for what was assigned, then others get it at once.
func (m *Member) Close() {
	m.cancel()
	m.done.Wait()
	m.client.Close()
}
