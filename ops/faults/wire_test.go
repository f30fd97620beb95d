package faults_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
)

const topic = "things"

func newCluster(t *testing.T) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// newClient makes a client that asks once and gives up, unless options say otherwise.
func newClient(t *testing.T, cluster *kfake.Cluster, dial faults.Dialer, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(dial), kgo.RequestRetries(0),
		kgo.RequestTimeoutOverhead(5 * time.Second), kgo.DefaultProduceTopic(topic),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// create sends one request that changes something: it creates a topic. It returns what the client was told.
func create(ctx context.Context, client *kgo.Client, name string) error {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 100
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = name, 1, 1
	request.Topics = append(request.Topics, wanted)
	_, err := request.RequestWith(ctx, client)
	return err
}

func TestEachActionDoesWhatItSays(t *testing.T) {
	for _, c := range []struct {
		do         faults.Action
		done, told bool
	}{
		{faults.Refused, false, false}, {faults.Silent, false, false}, {faults.Lost, true, false}, {faults.Mute, true, false}, {faults.Late, true, true},
	} {
		t.Run(string(c.do), func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			rule := faults.Rule{Key: kmsg.CreateTopics, Nth: 2, Do: c.do}
			wire := faults.NewWire(nil, rule)
			client := newClient(t, cluster, wire.Dial)
			if err := create(t.Context(), client, "first"); err != nil || len(wire.Struck()) != 0 {
				t.Fatalf("the first request: %v, struck %v", err, wire.Struck())
			}
			err := create(t.Context(), client, "second")
			if told := err == nil; told != c.told {
				t.Errorf("the client was told: %t (%v)", told, err)
			}
			if done := cluster.TopicInfo("second") != nil; done != c.done {
				t.Errorf("the broker has done it: %t", done)
			}
			if struck := wire.Struck(); len(struck) != 1 || struck[0] != rule {
				t.Errorf("struck %v", struck)
			}
			// A client that asks once may still hold the connection that the action cut, and learn of it by its next request.
			patient := newClient(t, cluster, wire.Dial, kgo.RequestRetries(3))
			if err := create(t.Context(), patient, "third"); err != nil || cluster.TopicInfo("third") == nil {
				t.Errorf("the wire did not go on: %v", err)
			}
		})
	}
}

func TestAKilledWireLetsNothingThrough(t *testing.T) {
	cluster := newCluster(t)
	wire := faults.NewWire(nil)
	client := newClient(t, cluster, wire.Dial)
	if err := create(t.Context(), client, "first"); err != nil {
		t.Fatal(err)
	}
	wire.Kill()
	if err := create(t.Context(), client, "second"); err == nil || cluster.TopicInfo("second") != nil {
		t.Errorf("a dead process was heard: %v", err)
	}
}

func TestAFrozenWireGoesOnWhereItWas(t *testing.T) {
	cluster := newCluster(t)
	wire := faults.NewWire(nil)
	client := newClient(t, cluster, wire.Dial)
	if err := create(t.Context(), client, "first"); err != nil {
		t.Fatal(err)
	}
	wire.Freeze()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- create(ctx, client, "second") }()
	if err := create(ctx, client, "third"); err == nil {
		t.Error("a frozen process was answered")
	}
	if cluster.TopicInfo("second") != nil || cluster.TopicInfo("third") != nil {
		t.Error("a frozen process was heard")
	}
	if err := <-answered; err == nil {
		t.Error("a frozen process was answered")
	}
	wire.Thaw()
	if err := create(t.Context(), client, "fourth"); err != nil {
		t.Errorf("the wire did not thaw: %v", err)
	}
}

func TestABrokerGivesWrongAnswersInTransactionsOnly(t *testing.T) {
	cluster := newCluster(t)
	answers := faults.Install(cluster, faults.Answer{Key: kmsg.InitProducerID, Nth: 1, Err: kerr.ProducerFenced})
	plain := newClient(t, cluster, faults.NewWire(nil).Dial)
	if err := plain.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil || len(answers.Struck()) != 0 {
		t.Fatalf("a producer without transactions: %v, struck %v", err, answers.Struck())
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID("one"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, _, err := client.ProducerID(t.Context()); !errors.Is(err, kerr.ProducerFenced) {
		t.Errorf("the producer was told %v", err)
	}
	if len(answers.Struck()) != 1 {
		t.Errorf("struck %v", answers.Struck())
	}
}
