package faults_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/ops/realkafka"
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
	return newClientAt(t, cluster.ListenAddrs(), dial, options...)
}

func newClientAt(t *testing.T, addresses []string, dial faults.Dialer, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addresses...), kgo.Dialer(dial), kgo.RequestRetries(0),
		kgo.RequestTimeoutOverhead(5 * time.Second), kgo.DefaultProduceTopic(topic),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

const (
	// answerMax is what a broker may take to make a topic where its answer is needed, and patienceMax how much longer that answer is waited for: they are for
	// brokers that have just started on a machine that is busy. silenceMax is the same for an answer that never comes.
	answerMax   = 30 * time.Second
	patienceMax = time.Minute
	silenceMax  = 5 * time.Second
)

// create sends one request that changes something: it creates a topic. It returns what the client was told; a broker that takes longer than within says that it
// was too late.
func create(ctx context.Context, client *kgo.Client, name string, within time.Duration) error {
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = int32(within.Milliseconds()) //nolint:gosec // it is seconds
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = name, 1, 1
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.Topics[0].ErrorCode)
}

func TestEachActionDoesWhatItSays(t *testing.T) {
	acts(t, func(t *testing.T) []string { return newCluster(t).ListenAddrs() })
}

// The wire is the same on a real broker.
func TestRealKafkaSeesEachActionToo(t *testing.T) {
	broker := realkafka.ForTest(t, realkafka.Options{})
	acts(t, func(*testing.T) []string { return []string{broker.Addr()} })
}

// acts does each action to a request that makes a topic, on the brokers that answer at some addresses.
func acts(t *testing.T, brokers func(*testing.T) []string) {
	for _, c := range []struct {
		do         faults.Action
		done, told bool
	}{
		{faults.Refused, false, false}, {faults.Silent, false, false}, {faults.Lost, true, false}, {faults.Mute, true, false}, {faults.Late, true, true},
	} {
		t.Run(string(c.do), func(t *testing.T) {
			t.Parallel()
			addresses := brokers(t)
			rule := faults.Rule{Key: kmsg.CreateTopics, Nth: 2, Do: c.do}
			wire := faults.NewWire(nil, rule)
			client := newClientAt(t, addresses, wire.Dial)
			name := func(n string) string { return n + "-" + string(c.do) }
			if err := create(t.Context(), client, name("first"), answerMax); err != nil || len(wire.Struck()) != 0 {
				t.Fatalf("the first request: %v, struck %v", err, wire.Struck())
			}
			err := create(t.Context(), client, name("second"), waited(c.do))
			if told := err == nil; told != c.told {
				t.Errorf("the client was told: %t (%v)", told, err)
			}
			if done := exists(t, addresses, name("second")); done != c.done {
				t.Errorf("the broker has done it: %t", done)
			}
			if struck := wire.Struck(); len(struck) != 1 || struck[0] != rule {
				t.Errorf("struck %v", struck)
			}
			// A client that asks once may still hold the connection that the action cut, and learn of it by its next request.
			patient := newClientAt(t, addresses, wire.Dial, kgo.RequestRetries(3), kgo.RequestTimeoutOverhead(patienceMax))
			if err := create(t.Context(), patient, name("third"), answerMax); err != nil || !exists(t, addresses, name("third")) {
				t.Errorf("the wire did not go on: %v", err)
			}
		})
	}
}

// waited is how long the answer to a request is waited for to which something is done.
func waited(do faults.Action) time.Duration {
	if do == faults.Silent || do == faults.Mute {
		return silenceMax
	}
	return answerMax
}

// exists says whether the brokers have a topic, asked by nobody who is disturbed. Making it again is the surest question: a broker that has just made a topic
// may not tell of it yet. It is asked once: a second question would find the topic that the first one made.
func exists(t *testing.T, addresses []string, name string) bool {
	t.Helper()
	err := create(t.Context(), newClientAt(t, addresses, nil, kgo.RequestTimeoutOverhead(patienceMax)), name, answerMax)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatal(err)
	}
	return errors.Is(err, kerr.TopicAlreadyExists)
}

func TestAKilledWireLetsNothingThrough(t *testing.T) {
	cluster := newCluster(t)
	wire := faults.NewWire(nil)
	client := newClient(t, cluster, wire.Dial)
	if err := create(t.Context(), client, "first", silenceMax); err != nil {
		t.Fatal(err)
	}
	wire.Kill()
	if err := create(t.Context(), client, "second", silenceMax); err == nil || cluster.TopicInfo("second") != nil {
		t.Errorf("a dead process was heard: %v", err)
	}
}

func TestAFrozenWireGoesOnWhereItWas(t *testing.T) {
	cluster := newCluster(t)
	wire := faults.NewWire(nil)
	client := newClient(t, cluster, wire.Dial)
	if err := create(t.Context(), client, "first", silenceMax); err != nil {
		t.Fatal(err)
	}
	wire.Freeze()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- create(ctx, client, "second", silenceMax) }()
	if err := create(ctx, client, "third", silenceMax); err == nil {
		t.Error("a frozen process was answered")
	}
	if cluster.TopicInfo("second") != nil || cluster.TopicInfo("third") != nil {
		t.Error("a frozen process was heard")
	}
	if err := <-answered; err == nil {
		t.Error("a frozen process was answered")
	}
	wire.Thaw()
	if err := create(t.Context(), client, "fourth", silenceMax); err != nil {
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
