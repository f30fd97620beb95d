package feed

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/penstock-ledger/penstock/streams"
)

// newCluster starts a broker of one node, or as the options say, and returns a connection to it.
func newCluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, Connection) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, Connection{Brokers: cluster.ListenAddrs()}
}

func newTopics(t *testing.T, connection Connection, layout Layout) *Topics {
	t.Helper()
	topics, err := NewTopics(connection, layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topics.Close)
	return topics
}

func smallLayout() Layout { return Layout{Shards: 4, Replication: 1, MinInSync: 1, Stamping: true} }

func declared() []streams.Topic {
	return []streams.Topic{
		orders(),
		{Name: "dealing.inbox.v1", Width: streams.WidthOne, RecordBytesMax: 1 << 16},
		streams.Changelog("pot", streams.WidthShards, schemaOurs),
	}
}

func apply(t *testing.T, topics *Topics, declared []streams.Topic) {
	t.Helper()
	plan, err := topics.Plan(t.Context(), declared)
	if err != nil {
		t.Fatal(err)
	}
	if err := topics.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
}

func TestApplyCreatesTopicsThatVerifyAndASecondPlanIsEmpty(t *testing.T) {
	cluster, connection := newCluster(t)
	topics := newTopics(t, connection, smallLayout())
	before, err := topics.Verify(t.Context(), declared())
	if err != nil || len(before) != 3 || before[0].Fix != "penstock topics apply --execute" {
		t.Fatalf("before: %v, %v", before, err)
	}
	apply(t, topics, declared())
	apply(t, topics, declared())
	plan, err := topics.Plan(t.Context(), declared())
	if err != nil || !plan.Empty() {
		t.Fatalf("left to do: %v, %v", plan.Differences(), err)
	}
	if n := len(cluster.PartitionInfos("ingest.order.v1")); n != 4 {
		t.Errorf("ingest.order.v1 has %d partitions", n)
	}
	if n := len(cluster.PartitionInfos("dealing.inbox.v1")); n != 1 {
		t.Errorf("dealing.inbox.v1 has %d partitions", n)
	}
}

func TestNoSettingIsLeftToTheBroker(t *testing.T) {
	settings := func(layout Layout, topic streams.Topic) map[string]string {
		all := make(map[string]string)
		for _, setting := range layout.Settings(topic) {
			all[setting.Name] = setting.Value
		}
		return all
	}
	changelog := settings(smallLayout(), streams.Changelog("pot", streams.WidthShards, schemaOurs))
	for name, want := range map[string]string{
		"cleanup.policy": "compact", "retention.ms": "-1", "retention.bytes": "-1", "min.insync.replicas": "1",
		"unclean.leader.election.enable": "false", "message.timestamp.type": "CreateTime", "max.message.bytes": "1114112",
		"delete.retention.ms": "2592000000", "min.cleanable.dirty.ratio": "0.2", "segment.ms": "86400000",
	} {
		if changelog[name] != want {
			t.Errorf("%s is %q, want %q", name, changelog[name], want)
		}
	}
	ingest := settings(smallLayout(), orders())
	if ingest["message.timestamp.type"] != "LogAppendTime" || ingest["cleanup.policy"] != "delete" || ingest["retention.ms"] != "-1" {
		t.Errorf("ingest topic: %v", ingest)
	}
	simulated := settings(Layout{Shards: 1, Replication: 1, MinInSync: 1}, orders())
	if simulated["message.timestamp.type"] != "CreateTime" {
		t.Errorf("in simulated time the broker must not stamp: %v", simulated)
	}
}

func TestChangedSettingIsFoundNamedAndMended(t *testing.T) {
	_, connection := newCluster(t)
	topics := newTopics(t, connection, smallLayout())
	apply(t, topics, declared())
	week := "604800000"
	if err := topics.change(t.Context(), Difference{Topic: "pot-table", Setting: "retention.ms", Want: week}); err != nil {
		t.Fatal(err)
	}
	differences, err := topics.Verify(t.Context(), declared())
	if err != nil || len(differences) != 1 {
		t.Fatalf("got %v, %v", differences, err)
	}
	for _, part := range []string{"topic pot-table", "retention.ms is 604800000, must be -1", "--add-config retention.ms=-1"} {
		if !strings.Contains(differences[0].String(), part) {
			t.Errorf("%q is not in %q", part, differences[0])
		}
	}
	apply(t, topics, declared())
	if differences, err = topics.Verify(t.Context(), declared()); err != nil || len(differences) != 0 {
		t.Errorf("after mending: %v, %v", differences, err)
	}
}

func TestPartitionCountIsRefusedAndNeverChanged(t *testing.T) {
	cluster, connection := newCluster(t)
	apply(t, newTopics(t, connection, smallLayout()), declared())
	wider := smallLayout()
	wider.Shards = 8
	topics := newTopics(t, connection, wider)
	plan, err := topics.Plan(t.Context(), declared())
	if err != nil || len(plan.Refuse) != 2 || plan.Refuse[0].Setting != "partitions" || plan.Empty() {
		t.Fatalf("got %v, %v", plan.Differences(), err)
	}
	if err := topics.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if n := len(cluster.PartitionInfos("ingest.order.v1")); n != 4 {
		t.Errorf("the topic now has %d partitions", n)
	}
}

func TestReplicationIsVerified(t *testing.T) {
	_, connection := newCluster(t, kfake.NumBrokers(3))
	apply(t, newTopics(t, connection, smallLayout()), declared())
	layout := smallLayout()
	layout.Replication = 3
	differences, err := newTopics(t, connection, layout).Verify(t.Context(), declared()[:1])
	if err != nil || len(differences) != 1 || !strings.Contains(differences[0].Fix, "kafka-reassign-partitions.sh") {
		t.Errorf("got %v, %v", differences, err)
	}
}

func TestProductionRefusesOldTransactionProtocol(t *testing.T) {
	layout := Layout{Shards: 4, Replication: 3, MinInSync: 2, Stamping: true, Production: true}
	for name, test := range map[string]struct {
		versions *kversion.Versions
		refused  bool
	}{
		"3.9": {kversion.V3_9_0(), true},
		"4.0": {kversion.V4_0_0(), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, connection := newCluster(t, kfake.NumBrokers(3), kfake.MaxVersions(test.versions))
			topics := newTopics(t, connection, layout)
			plan, err := topics.Plan(t.Context(), declared())
			if err != nil {
				t.Fatal(err)
			}
			refused := slices.ContainsFunc(plan.Refuse, func(d Difference) bool {
				return strings.Contains(d.String(), "transaction.version") && strings.Contains(d.Fix, "kafka-features.sh")
			})
			if refused != test.refused {
				t.Errorf("refused: %v", plan.Refuse)
			}
		})
	}
}

func TestLayoutSaysAllThatIsWrongAtOnce(t *testing.T) {
	err := Layout{Production: true}.Validate([]streams.Topic{
		{Name: "huge", RecordBytesMax: RecordBytesMax + 1}, {Name: "twice", RecordBytesMax: 1}, {Name: "twice", RecordBytesMax: 1},
	})
	for _, part := range []string{"shards", "replication 0", "production needs at least 3", "production needs at least 2", "stamping", "topic huge", "declared twice"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	good := Layout{Shards: 32, Replication: 3, MinInSync: 2, Stamping: true, Production: true}
	if err := good.Validate(declared()); err != nil {
		t.Error(err)
	}
}

func TestTopicThatSomebodyElseCreatesMeanwhileIsNoError(t *testing.T) {
	_, connection := newCluster(t)
	topics := newTopics(t, connection, smallLayout())
	plan, err := topics.Plan(t.Context(), declared())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.admin.CreateTopic(t.Context(), 4, 1, map[string]*string{"retention.ms": kadm.StringPtr("1000")}, "pot-table"); err != nil {
		t.Fatal(err)
	}
	if err := topics.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	differences, err := topics.Verify(t.Context(), declared())
	if err != nil || len(differences) == 0 {
		t.Errorf("its settings are not ours, yet: %v, %v", differences, err)
	}
}

// countFetches counts the fetch requests that the cluster gets from now on.
func countFetches(cluster *kfake.Cluster) func() int64 {
	var count atomic.Int64
	cluster.ControlKey(kmsg.Fetch.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		count.Add(1)
		return nil, nil, false
	})
	return count.Load
}
