package processes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// bury lets dead members leave their groups, on the embedded broker, until ctx ends. That broker counts a member's session only from the first
// answer that reached it: who is killed while the answer to a join or a sync is on its way stays in the group for ever, and so do its
// partitions. Apache Kafka counts the session in any case, and there this is not done. It is done no sooner than the session would have
// ended.
func (c *crew) bury(ctx context.Context, brokers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("burying the dead: %w", err)
	}
	defer client.Close()
	ticker := time.NewTicker(sessionMax)
	defer ticker.Stop()
	var before []string
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		dead := c.dead()
		for _, ghost := range deadMembers(ctx, client, intersection(dead, before)) {
			ghost.leave(ctx)
		}
		before = dead
	}
}

// dead are the client ids of former lives.
func (c *crew) dead() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.former)
}

func intersection(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// ghost is a member of a group whose process is dead.
type ghost struct {
	client        *kgo.Client
	group, member string
}

func deadMembers(ctx context.Context, client *kgo.Client, dead []string) []ghost {
	if len(dead) == 0 {
		return nil
	}
	// A broker that cannot be asked now can be asked at the next look.
	groups, err := kadm.NewClient(client).DescribeGroups(ctx)
	if err != nil {
		return nil
	}
	var found []ghost
	for _, group := range groups.Sorted() {
		for _, member := range group.Members {
			if slices.ContainsFunc(dead, func(id string) bool { return strings.HasPrefix(member.MemberID, id+"-") }) {
				found = append(found, ghost{client, group.Group, member.MemberID})
			}
		}
	}
	return found
}

func (g ghost) leave(ctx context.Context) {
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = g.group
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = g.member
	request.Members = append(request.Members, member)
	_, _ = request.RequestWith(ctx, g.client) // else at the next look
}
