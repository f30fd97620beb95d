package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	sasl "github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/penstock-ledger/penstock/streams/feed"
)

// guarded is a fixture whose broker checks rights. The process acts as the user "sample", with the rights that a process needs, less some.
func guarded(t *testing.T, lacks func(feed.Grant) bool) (*fixture, option) {
	t.Helper()
	if realBroker() != "" {
		t.Skip("SKIPPED in-process broker: PENSTOCK_KAFKA_ADDR is set, and this needs a broker that checks rights")
	}
	process := sampleProcess()
	grants, err := feed.GrantsOf([]feed.Access{feed.ProcessAccess(process, "")}, map[string]string{process.Name: "User:sample"})
	must(t, err)
	var rights []kfake.ACL
	for _, g := range grants {
		pattern := kmsg.ACLResourcePatternTypeLiteral
		if g.Prefixed {
			pattern = kmsg.ACLResourcePatternTypePrefixed
		}
		if !lacks(g) {
			rights = append(rights, kfake.ACL{Resource: g.Type, Name: g.Name, Pattern: pattern, Operation: g.Operation, Allow: true})
		}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "admin"),
		kfake.User("PLAIN", "sample", "sample", rights...), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	must(t, err)
	t.Cleanup(cluster.Close)
	f := &fixture{
		t: t, cluster: cluster, addresses: cluster.ListenAddrs(), process: process, shards: 1, dir: t.TempDir(), sent: make([][]*kgo.Record, 1),
		limits: Limits{BackoffMax: 200 * time.Millisecond},
	}
	f.client = f.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.SASL(sasl.Auth{User: "admin", Pass: "admin"}.AsMechanism()))
	forever := "-1"
	f.createTopic(process.Inbox.Name, map[string]*string{"retention.ms": &forever})
	f.createTopic(process.Outputs[0].Name, map[string]*string{"retention.ms": &forever})
	f.createTable("compact")
	f.load(10, 3)
	return f, func(c *Config) {
		c.Kafka = append(slices.Clone(c.Kafka), kgo.SASL(sasl.Auth{User: "sample", Pass: "sample"}.AsMechanism()))
	}
}

func TestAMissingRightIsNamedWithTheCommandThatGrantsIt(t *testing.T) {
	for name, test := range map[string]struct {
		resource kmsg.ACLResourceType
		named    string
		does     kmsg.ACLOperation
		says     string
	}{
		"to write outputs":    {kmsg.ACLResourceTypeTopic, sampleOut, kmsg.ACLOperationWrite, "writing to " + sampleOut},
		"to write changelogs": {kmsg.ACLResourceTypeTopic, sampleName + "-table", kmsg.ACLOperationWrite, "writing to " + sampleName + "-table"},
		"to read the inbox":   {kmsg.ACLResourceTypeTopic, sampleInbox, kmsg.ACLOperationRead, "reading " + sampleInbox},
		"to be a transaction": {kmsg.ACLResourceTypeTransactionalId, sampleName + ".", kmsg.ACLOperationWrite, "fencing"},
		"to join the group":   {kmsg.ACLResourceTypeGroup, sampleName, kmsg.ACLOperationRead, "managing the group membership"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, asSample := guarded(t, func(g feed.Grant) bool {
				return g.Type == test.resource && g.Name == test.named && g.Operation == test.does
			})
			i := f.start(asSample)
			await(t, "the status to name the right", func() bool {
				reason := i.status(0).Reason
				return strings.Contains(reason, test.says) && strings.Contains(reason, "the right is missing, grant it: kafka-acls.sh")
			})
			if next := i.status(0).Next; next != 0 {
				t.Errorf("the position is %d", next)
			}
			i.stop()
		})
	}
}

func TestTheRightsOfAProcessAreEnough(t *testing.T) {
	f, asSample := guarded(t, func(feed.Grant) bool { return false })
	i := f.start(asSample)
	f.caughtUp(i)
	i.stop()
}
