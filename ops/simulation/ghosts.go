package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ghostTime is how long nothing may happen before every group's members are thrown out, so that those who live join again. The broker in the
// process keeps a member for ever that dies while it waits for the answer to a join or a sync: it begins to count a session only once
// an answer was delivered. A real broker ends that session, too.
const ghostTime = 4 * sessionTime

// ghosts watches for a standstill.
type ghosts struct {
	transactions int
	since        time.Time
	// expired counts how often the sessions were ended.
	expired int
}

// expire ends all sessions where nothing has happened for long.
func (s *system) expire(ctx context.Context, transactions int) error {
	g := &s.ghosts
	if now := time.Now(); transactions != g.transactions || g.since.IsZero() {
		g.transactions, g.since = transactions, now
		return nil
	}
	if time.Since(g.since) < ghostTime {
		return nil
	}
	g.since = time.Time{}
	g.expired++
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.ListenAddrs()...), kgo.Dialer(s.network.dial))
	if err != nil {
		return err
	}
	defer client.Close()
	groups, err := kadm.NewClient(client).ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("listing the groups: %w", err)
	}
	for _, group := range groups.Groups() {
		if err := s.throwOut(ctx, client, group); err != nil {
			return fmt.Errorf("ending the sessions of group %s: %w", group, err)
		}
	}
	return nil
}

func (s *system) throwOut(ctx context.Context, client *kgo.Client, group string) error {
	info := s.cluster.GroupInfo(group)
	if info == nil || len(info.Members) == 0 {
		return nil
	}
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = group
	for _, m := range info.Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		request.Members = append(request.Members, member)
	}
	_, err := request.RequestWith(ctx, client)
	return err
}
