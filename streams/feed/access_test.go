package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

func roles() []Access {
	inbox := streams.Topic{Name: "dealing.inbox.v1", Width: streams.WidthOne}
	process := streams.Process{
		Name: "pot", Inbox: orders(), Outputs: []streams.Topic{inbox},
		Table: streams.Changelog("pot", streams.WidthShards, schemaOurs),
	}
	return []Access{ProcessAccess(process, "penstock-"), {Role: "upstream", Writes: []string{"ingest.order.v1"}}}
}

func players() map[string]string {
	return map[string]string{"pot": "User:penstock-pot", "upstream": "User:portal"}
}

// guarded starts a cluster that checks rights, and returns a connection for an administrator and one for each user.
func guarded(t *testing.T) (admin Connection, as func(user string) Connection) {
	t.Helper()
	_, connection := newCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("SCRAM-SHA-256", "admin", "secret"),
		kfake.User("SCRAM-SHA-256", "penstock-pot", "secret"), kfake.User("SCRAM-SHA-256", "portal", "secret"))
	as = func(user string) Connection {
		connection.SASL = &SASL{Mechanism: MechanismScram256, Username: user, Password: "secret"}
		return connection
	}
	return as("admin"), as
}

func planAccess(t *testing.T, topics *Topics) AccessPlan {
	t.Helper()
	declared, err := GrantsOf(roles(), players())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := topics.PlanAccess(t.Context(), declared)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestRightsAreGrantedOnceAndLetOnlyTheDeclaredRolesWrite(t *testing.T) {
	admin, as := guarded(t)
	topics := newTopics(t, admin, smallLayout())
	apply(t, topics, declared())
	message := Message{Topic: "ingest.order.v1", Key: "p1", Value: []byte("v")}
	if _, err := newProducer(t, as("portal")).Send(t.Context(), message); err == nil {
		t.Fatal("the portal may write before it was granted")
	}
	plan := planAccess(t, topics)
	if err := topics.ApplyAccess(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if again := planAccess(t, topics); len(again.Missing) != 0 || len(again.Foreign) != 0 {
		t.Errorf("left to do: %v", again)
	}
	if _, err := newProducer(t, as("portal")).Send(t.Context(), message); err != nil {
		t.Errorf("the portal may not write: %v", err)
	}
	if _, err := newProducer(t, as("penstock-pot")).Send(t.Context(), message); err == nil {
		t.Error("the pot process may write what only upstream may")
	}
	transact(t, newTransactionalAs(t, as("penstock-pot"), "pot.0"), "dealing.inbox.v1", true, "total")
}

func TestUndeclaredWritersAreListedAndLeftAlone(t *testing.T) {
	admin, _ := guarded(t)
	topics := newTopics(t, admin, smallLayout())
	if err := topics.ApplyAccess(t.Context(), planAccess(t, topics)); err != nil {
		t.Fatal(err)
	}
	for _, grant := range []Grant{
		{"User:somebody", kadm.OpWrite, kmsg.ACLResourceTypeTopic, "ingest.", true},
		{"User:everything", kadm.OpAll, kmsg.ACLResourceTypeTopic, "*", false},
		{"User:pretender", kadm.OpWrite, kmsg.ACLResourceTypeTransactionalId, "pot.3", false},
		{"User:elsewhere", kadm.OpWrite, kmsg.ACLResourceTypeTopic, "other", false},
		{"User:analyst", kadm.OpRead, kmsg.ACLResourceTypeTopic, "dealing.inbox.v1", false},
	} {
		if err := topics.ApplyAccess(t.Context(), AccessPlan{Missing: []Grant{grant}}); err != nil {
			t.Fatal(err)
		}
	}
	var printed strings.Builder
	if err := planAccess(t, topics).Print(&printed); err != nil {
		t.Fatal(err)
	}
	for name, listed := range map[string]bool{"somebody": true, "everything": true, "pretender": true, "elsewhere": false, "analyst": false, "portal": false} {
		if strings.Contains(printed.String(), name) != listed {
			t.Errorf("%s listed: %v, in\n%s", name, !listed, &printed)
		}
	}
}

func TestAccessPlanIsReadable(t *testing.T) {
	admin, _ := guarded(t)
	var printed strings.Builder
	if err := planAccess(t, newTopics(t, admin, smallLayout())).Print(&printed); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"+ User:penstock-pot may READ TOPIC named ingest.order.v1\n",
		"+ User:penstock-pot may WRITE TOPIC named pot-table\n",
		"+ User:penstock-pot may READ GROUP named penstock-pot\n",
		"+ User:penstock-pot may WRITE TRANSACTIONAL_ID beginning with pot.\n",
		"+ User:portal may WRITE TOPIC named ingest.order.v1\n",
	} {
		if !strings.Contains(printed.String(), line) {
			t.Errorf("%q is not in\n%s", line, &printed)
		}
	}
}

func TestRoleWithoutPrincipalIsAnError(t *testing.T) {
	_, err := GrantsOf(roles(), map[string]string{"pot": "User:penstock-pot"})
	if err == nil || !strings.Contains(err.Error(), `upstream: "User:penstock-upstream"`) {
		t.Errorf("got %v", err)
	}
}

func TestClusterThatChecksNoRightsIsAnError(t *testing.T) {
	cluster, connection := newCluster(t)
	cluster.ControlKey(kmsg.DescribeACLs.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response, ok := request.ResponseKind().(*kmsg.DescribeACLsResponse)
		if !ok {
			return nil, fmt.Errorf("unexpected request %T", request), true
		}
		response.ErrorCode = kerr.SecurityDisabled.Code
		return response, nil, true
	})
	_, err := newTopics(t, connection, smallLayout()).PlanAccess(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "authorizer.class.name") {
		t.Errorf("got %v", err)
	}
}

func TestAProcessMayWriteWhatItParks(t *testing.T) {
	access := ProcessAccess(streams.Process{Name: "pot", ParkedTo: streams.Topic{Name: "audit.parked.v1"}}, "")
	if !slices.Contains(access.Writes, "audit.parked.v1") {
		t.Errorf("it may write to %v only: a shard that parks would fail for ever", access.Writes)
	}
}
