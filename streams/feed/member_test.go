package feed

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// watched is a member and what it was told, one event for each partition.
type watched struct {
	*Member
	assigned, revoked chan int32
}

func join(t *testing.T, connection Connection, group string) watched {
	t.Helper()
	w := watched{assigned: make(chan int32, 64), revoked: make(chan int32, 64)}
	tell := func(events chan int32) func(context.Context, Assignment) {
		return func(_ context.Context, assignment Assignment) {
			for _, partition := range assignment["ingest.order.v1"] {
				events <- partition
			}
		}
	}
	member, err := Join(connection, MemberOptions{
		Group: group, Topics: []string{"ingest.order.v1"}, Assigned: tell(w.assigned),
		Revoked: func(ctx context.Context, assignment Assignment, lost bool) {
			if lost {
				t.Errorf("%v were lost", assignment)
			}
			tell(w.revoked)(ctx, assignment)
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Member = member
	return w
}

func take(events chan int32, count int) []int32 {
	var taken []int32
	for range count {
		taken = append(taken, <-events)
	}
	slices.Sort(taken)
	return taken
}

func TestMembersShareThePartitionsAndTheLastOneHasThemAll(t *testing.T) {
	checkMembership(t, newSystem(t))
}

// checkMembership lets a second member come and go.
func checkMembership(t *testing.T, connection Connection) {
	t.Helper()
	first := join(t, connection, "sink")
	if got := take(first.assigned, 4); !slices.Equal(got, []int32{0, 1, 2, 3}) {
		t.Fatalf("the only member was given %v", got)
	}
	second := join(t, connection, "sink")
	kept, given := take(first.revoked, 2), take(second.assigned, 2)
	if !slices.Equal(kept, given) {
		t.Errorf("%v were taken from the first, %v given to the second", kept, given)
	}
	second.Close()
	if got := take(second.revoked, 2); !slices.Equal(got, given) {
		t.Errorf("on leaving, %v were revoked", got)
	}
	if got := take(first.assigned, 2); !slices.Equal(got, given) {
		t.Errorf("after that the first was given %v", got)
	}
	first.Close()
	if got := take(first.revoked, 4); len(got) != 4 {
		t.Errorf("on leaving, %v were revoked", got)
	}
}

func TestMemberFetchesNothingAndCopiesPositions(t *testing.T) {
	cluster, connection := newCluster(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	producer := newProducer(t, connection)
	place := Place{"ingest.order.v1", 1}
	if _, err := producer.Send(t.Context(), Message{Topic: place.Topic, Key: "!1", Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	fetched := countFetches(cluster)
	member := join(t, connection, "sink")
	take(member.assigned, 4)
	if err := member.Commit(t.Context(), Position{place, 1}); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(connection.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), "sink")
	if err != nil {
		t.Fatal(err)
	}
	if copied, ok := offsets.Lookup(place.Topic, place.Partition); !ok || copied.At != 1 {
		t.Errorf("the group says %v", copied)
	}
	member.Close()
	if n := fetched(); n != 0 {
		t.Errorf("the member fetched %d times", n)
	}
}

func TestCommitAfterLeavingIsAnError(t *testing.T) {
	member := join(t, newSystem(t), "sink")
	take(member.assigned, 4)
	member.Close()
	if err := member.Commit(t.Context(), Position{Place{"ingest.order.v1", 1}, 1}); err == nil {
		t.Error("a position was copied into a group that we left")
	}
}

func TestPartitionsOfAMemberThatWasThrownOutAreLost(t *testing.T) {
	cluster, connection := newCluster(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	lost := make(chan bool, 1)
	assigned := make(chan Assignment, 16)
	member, err := Join(connection, MemberOptions{
		Group: "sink", Topics: []string{"ingest.order.v1"}, Log: slog.New(slog.DiscardHandler),
		Assigned: func(_ context.Context, assignment Assignment) { assigned <- assignment },
		Revoked: func(_ context.Context, _ Assignment, gone bool) {
			select {
			case lost <- gone:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	<-assigned
	cluster.ControlKey(kmsg.Heartbeat.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		response, ok := request.ResponseKind().(*kmsg.HeartbeatResponse)
		if !ok {
			return nil, fmt.Errorf("unexpected request %T", request), true
		}
		response.ErrorCode = kerr.UnknownMemberID.Code
		return response, nil, true
	})
	if !<-lost {
		t.Error("the partitions were taken as given back")
	}
	if again := <-assigned; len(again["ingest.order.v1"]) != 4 {
		t.Errorf("after joining again it has %v", again)
	}
}
