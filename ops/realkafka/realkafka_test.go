package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sr"
)

const topic = "drill.v1"

// transaction produces values to partition 0 in one transaction, and commits it or leaves it open.
func transaction(t *testing.T, client *kgo.Client, commit bool, values ...string) {
	t.Helper()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, value := range values {
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if !commit {
		return
	}
	if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

func producer(t *testing.T, broker *Broker, id string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.DefaultProduceTopic(topic), kgo.TransactionalID(id),
		kgo.RequiredAcks(kgo.AllISRAcks()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// committed reads n committed records from the beginning of the topic.
func committed(t *testing.T, broker *Broker, n int) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func createTopic(t *testing.T, broker *Broker) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	// The controller answers before the broker leads the partition.
	for t.Context().Err() == nil {
		ends, err := admin.ListEndOffsets(t.Context(), topic)
		if _, known := ends.Lookup(topic, 0); known && errors.Join(err, ends.Error()) == nil {
			return
		}
	}
}

func TestRealCommittedRecordsSurviveAKilledBroker(t *testing.T) {
	broker := ForTest(t, Options{})
	createTopic(t, broker)
	transaction(t, producer(t, broker, "a"), true, "one", "two")
	transaction(t, producer(t, broker, "b"), false, "left open")
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The new owner of b's id ends what was left open, so its own record can be read past it.
	transaction(t, producer(t, broker, "b"), true, "three")
	if got, want := committed(t, broker, 3), []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("committed records are %v, want %v", got, want)
	}
}

func TestRealBrokerHasTheStrongTransactionProtocol(t *testing.T) {
	broker := ForTest(t, Options{})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	response, err := kmsg.NewPtrApiVersionsRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, feature := range response.FinalizedFeatures {
		if feature.Name == "transaction.version" && feature.MaxVersionLevel >= 2 {
			return
		}
	}
	t.Errorf("transaction.version is below 2 in %v", response.FinalizedFeatures)
}

func TestRealPausedBrokerAnswersAfterResume(t *testing.T) {
	broker := ForTest(t, Options{})
	if err := broker.Pause(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := broker.answers(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused broker gave %v, want no answer", err)
	}
	if err := broker.Resume(); err != nil {
		t.Fatal(err)
	}
	// Who was silent for long must register anew before it is a broker again.
	if err := broker.process.Await(t.Context(), broker.answers); err != nil {
		t.Error(err)
	}
}

func TestRealRegistryRefusesAnIncompatibleSchema(t *testing.T) {
	registry := RegistryForTest(t)
	client, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	record := func(field string) sr.Schema {
		return sr.Schema{Schema: fmt.Sprintf(`{"type":"record","name":"a","fields":[%s]}`, field)}
	}
	first, err := client.CreateSchema(t.Context(), "drill-value", record(`{"name":"x","type":"string"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateSchema(t.Context(), "drill-value", record(`{"name":"y","type":"long"}`)); err == nil {
		t.Error("the registry took a field without a default")
	}
	kept, err := client.SchemaByID(t.Context(), first.ID)
	if err != nil || kept.Schema == "" {
		t.Errorf("reading schema %d back: %q, %v", first.ID, kept.Schema, err)
	}
}

func TestMissingJavaIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PENSTOCK_CACHE", t.TempDir())
	_, err := Start(t.Context(), Options{})
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want an error that says what is missing", err)
	}
	if _, err := StartRegistry(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want an error that says what is missing", err)
	}
}

// A machine without a network has no jars, unless they were fetched before.
func TestMissingJarsAreSaid(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{"java": "#!/bin/sh\n", "mvn": "#!/bin/sh\necho no route to host\nexit 1\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("PENSTOCK_CACHE", t.TempDir())
	if _, _, err := Jars(t.Context(), "some", nil); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "no route to host") {
		t.Errorf("got %v, want an error that says what is missing", err)
	}
}

func TestBrokenInstallLeavesNoFolder(t *testing.T) {
	dir := t.TempDir() + "/kafka"
	broken := errors.New("broken")
	if err := once(dir, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	filled := 0
	for range 2 {
		if err := once(dir, func(string) error { filled++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if filled != 1 {
		t.Errorf("filled %d times, want once", filled)
	}
}

func TestOwnPropertiesWin(t *testing.T) {
	broker := Broker{dir: "d", options: Options{Properties: map[string]string{"node.id": "7"}}}
	text := broker.properties("127.0.0.1:1", "127.0.0.1:2")
	if lines := slices.Collect(strings.Lines(text)); !slices.Contains(lines, "node.id=7\n") || slices.Contains(lines, "node.id=1\n") {
		t.Errorf("the given property did not win in:\n%s", text)
	}
}

// named is a test of another name, that notes whether it was failed.
type named struct {
	testing.TB
	name   string
	failed bool
}

func (n *named) Name() string          { return n.name }
func (n *named) Fatalf(string, ...any) { n.failed = true }
func (*named) Skip(...any)             {}

func TestATestThatMakeRealWouldNotFindIsFailed(t *testing.T) {
	for name, want := range map[string]bool{"TestKafka": true, "TestKafka/Real": true, "TestRealKafka": false, "TestRealKafka/part": false} {
		n := &named{TB: t, name: name}
		Require(n)
		if n.failed != want {
			t.Errorf("%s was failed: %v, want %v", name, n.failed, want)
		}
	}
}
