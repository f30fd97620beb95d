package engine

import (
	"os"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
)

// elsewhere is a second cluster with the same topics, and records of its own in the inbox.
func elsewhere(f *fixture) *fixture {
	f.t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID("elsewhere"), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	must(f.t, err)
	f.t.Cleanup(cluster.Close)
	other := &fixture{t: f.t, cluster: cluster, addresses: cluster.ListenAddrs(), process: f.process, shards: f.shards, sent: make([][]*kgo.Record, f.shards)}
	other.client = other.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for name, settings := range map[string]map[string]string{f.process.Inbox.Name: inboxSettings, f.process.Outputs[0].Name: inboxSettings, f.process.Table.Name: tableSettings} {
		wanted := map[string]*string{}
		for key, value := range settings {
			wanted[key] = &value
		}
		other.createTopic(name, wanted)
	}
	other.load(50, 7)
	return other
}

// Behind the brokers' address there is another cluster all of a sudden, with topics of the same names. Nothing is read or written there, and when the former one
// is back the shard goes on.
func TestAnotherClusterUnderTheSameAddressIsNotWorkedOn(t *testing.T) {
	for name, running := range map[string]bool{"while stopped": false, "while running": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFake(t)
			f := newFixture(t, 1)
			other, brokers := elsewhere(f), faults.NewAddress(f.addresses[0])
			there := func(c *Config) { c.Kafka = append(c.Kafka, kgo.Dialer(brokers.Dial)) }
			f.load(30, 5)
			i := f.start(there)
			f.caughtUp(i)
			if !running {
				i.stop()
			}
			brokers.Put(other.addresses[0])
			if !running {
				i = f.start(there)
			}
			i.stopsFor("was made in the cluster", "the brokers are those of elsewhere", "correct the brokers' address (--brokers or PENSTOCK_BROKERS)")
			i.stop()
			if n := len(other.readAll(f.process.Outputs[0].Name)[0]); n != 0 {
				t.Errorf("%d outputs were written to the other cluster", n)
			}
			if n := len(f.readAll(f.process.Outputs[0].Name)[0]); n == 0 {
				t.Error("no output was written to the right one")
			}
			brokers.Put(f.addresses[0])
			f.load(30, 5)
			f.finish(there)
		})
	}
}

// A copy of all topics in another cluster, as a mirror makes it, says where its records were written.
func TestAMirrorOfTheClusterIsNotWorkedOn(t *testing.T) {
	requireFake(t)
	f := worked(t)
	other, brokers := elsewhere(f), faults.NewAddress(f.addresses[0])
	table := f.process.Table.Name
	for _, r := range f.readAll(table)[0] {
		must(t, other.client.ProduceSync(t.Context(), &kgo.Record{Topic: table, Key: r.Key, Value: r.Value}).FirstErr())
	}
	must(t, os.RemoveAll(f.dir))
	brokers.Put(other.addresses[0])
	i := f.start(func(c *Config) { c.Kafka = append(c.Kafka, kgo.Dialer(brokers.Dial)) })
	i.stopsFor("was written in the cluster", "but the brokers are those of elsewhere", "correct the brokers' address")
	i.stop()
	if n := len(other.readAll(f.process.Outputs[0].Name)[0]); n != 0 {
		t.Errorf("%d outputs were written to the other cluster", n)
	}
}

// A broker that cannot tell of a topic for a moment answers with an error and no id. That is nobody's identity: the shard asks again.
func TestAnErrorIsNoIdentity(t *testing.T) {
	requireFake(t)
	f := newFixture(t, 1)
	f.load(30, 5)
	var refused atomic.Int32
	f.cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		f.cluster.KeepControl()
		asked := request.(*kmsg.MetadataRequest)
		if len(asked.Topics) != 2 || refused.Add(1) > 3 {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.MetadataResponse)
		for _, wanted := range asked.Topics {
			topic := kmsg.NewMetadataResponseTopic()
			topic.Topic, topic.ErrorCode = wanted.Topic, kerr.LeaderNotAvailable.Code
			answer.Topics = append(answer.Topics, topic)
		}
		return answer, nil, true
	})
	i := f.start()
	f.caughtUp(i)
	i.stop()
	if refused.Load() <= 3 {
		t.Fatal("nobody asked")
	}
	f.load(30, 5)
	f.finish()
}
