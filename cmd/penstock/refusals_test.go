package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/streams"
)

// Every start goes through `run`, and ends there where it may not go on: with the message, and before anything is written.
func TestRunRefusesToStart(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	registry := srfake.New()
	t.Cleanup(registry.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	alter := func(topic, setting, value string) {
		t.Helper()
		answers, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: setting, Value: &value}}, topic)
		if err != nil || answers[0].Err != nil {
			t.Fatal(err, answers)
		}
	}
	key := filepath.Join(t.TempDir(), "intake.key")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	target := []string{"--brokers", brokers, "--registry", registry.URL(), "--shards", "3"}
	run := func(more ...string) []string {
		return append(append([]string{"run", "intake", "pot", "dealing", "--metrics-addr", "127.0.0.1:0", "--state-dir", t.TempDir(), "--intake-key-file", key}, target...), more...)
	}

	refused(t, "topic pot.inbox.v1: existence is missing, must be there; penstock topics apply --execute", "", run()...)
	must(t, "", append([]string{"topics", "apply", "--execute"}, target...)...)
	refused(t, "start with the number of shards that the topics were created with", "", run("--shards", "4")...)
	refused(t, "replication factor is 3, must be 4", "", run("--replication", "4")...)
	refused(t, "production needs at least 2", "", run("--min-in-sync", "1")...)
	refused(t, "--parked-records-max -1: it must not be negative", "", run("--parked-records-max", "-1")...)

	alter(streams.IngestInstruction, "message.timestamp.type", "CreateTime")
	refused(t, "topic ingest.instruction.v1: message.timestamp.type is CreateTime, must be LogAppendTime", "", run()...)
	alter("pot-table", "cleanup.policy", "delete")
	refused(t, "topic pot-table: cleanup.policy is delete, must be compact", "", run()...)
	must(t, "", append([]string{"topics", "apply", "--execute"}, target...)...)

	other := `{"type":"record","name":"Journal","namespace":"penstock.ledger","fields":[]}`
	if _, _, err := registry.RegisterSchema("ledger.journal.v1-value", sr.Schema{Schema: other}); err != nil {
		t.Fatal(err)
	}
	refused(t, "this binary's schema may not follow schema", "", run()...)

	refused(t, "reading the secret of intake: open "+key+".gone", "", run("--intake-key-file", key+".gone")...)
	if err := os.WriteFile(key, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, "role intake needs a secret of at least 16 bytes", "", run()...)
}
