package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

// instance is one `penstock run` of a test.
type instance struct {
	http string
	log  *logged
	done chan error
}

// logged collects a log that goroutines write.
type logged struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// runInstance runs `penstock run` with a configuration file until the test ends.
func runInstance(t *testing.T, config string, names ...string) *instance {
	t.Helper()
	i := &instance{log: &logged{}, done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	root := newRoot()
	root.SetOut(i.log)
	root.SetErr(i.log)
	root.SetArgs(append(append([]string{"run"}, names...), "--config", config, "--metrics-addr", "127.0.0.1:0", "--name", strings.Join(names, "+"),
		"--state-dir", t.TempDir(), "--simulated-time", "--tick-interval", "100ms"))
	go func() { i.done <- root.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-i.done; err != nil && !t.Failed() {
			t.Errorf("run %s ended with %v", names, err)
		}
	})
	await(t, "the log to say where the instance answers", func() bool {
		said := answersAt().FindStringSubmatch(i.log.String())
		if said == nil {
			return false
		}
		i.http = "http://" + said[1]
		return true
	})
	return i
}

// answersAt finds the address in the log of an instance.
func answersAt() *regexp.Regexp {
	return regexp.MustCompile(`"msg":"answering HTTP","address":"([^"]+)"`)
}

// keptAddresses are two addresses that nobody is given who asks for any port, so that a stack gets them again after it was down for a moment.
func keptAddresses(t *testing.T) (one, other string) {
	t.Helper()
	const first, count, triesMax = 20_000, 10_000, 100
	for range triesMax {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(count)))
		if err != nil {
			continue
		}
		defer func() { _ = listener.Close() }() // held until both are found, so that they are two
		if one != "" {
			return one, listener.Addr().String()
		}
		one = listener.Addr().String()
	}
	t.Fatal("no port is free")
	return "", ""
}

// await asks until the answer is as wanted.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// status asks an instance; false while it does not answer.
func (i *instance) status(t *testing.T) (roles.Status, bool) {
	t.Helper()
	var status roles.Status
	at := target{http: i.http}
	return status, at.get(t.Context(), "/status", &status) == nil
}

func (i *instance) waitsFor(t *testing.T) string {
	t.Helper()
	status, ok := i.status(t)
	if !ok {
		return "not answering"
	}
	if err := statusFault(&status); err != nil {
		return err.Error()
	}
	return ""
}

// clusterFile writes the configuration of a cluster of one broker.
func clusterFile(t *testing.T, kafka, registry, postgres string) string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "intake.key")
	if err := os.WriteFile(key, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	text := fmt.Sprintf(`kafka:
  brokers: [%q]
  registry: {url: %q}
postgres: %q
shards: 3
replication: 1
minInSync: 1
intakeKeyFile: %q
`, kafka, registry, postgres, key)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stackDir is a folder for a stack, whose data is deleted at the end of the test also where it had to lie elsewhere.
func stackDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := embedded.Remove(dir); err != nil {
			t.Errorf("deleting the stack: %v", err)
		}
	})
	return dir
}

func startEmbedded(t *testing.T, config embedded.Config) *embedded.Stack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	defer cancel()
	s, err := embedded.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRolesInProcessesOfTheirOwnWaitForTheClusterAndServeIt(t *testing.T) {
	stack := embedded.Config{Dir: stackDir(t)}
	stack.KafkaAddr, stack.RegistryAddr = keptAddresses(t)
	below := startEmbedded(t, stack)
	config := clusterFile(t, below.KafkaAddr(), below.RegistryURL(), below.PostgresURL())
	plan := must(t, "", "topics", "plan", "--config", config, "--simulated-time")
	if !strings.Contains(plan, "+ pot.inbox.v1: 3 partitions, 1 replicas") {
		t.Errorf("the plan is %s", plan)
	}
	if out := must(t, "", "topics", "apply", "--config", config, "--simulated-time"); !strings.Contains(out, "nothing was done") {
		t.Errorf("apply without --execute says %s", out)
	}
	must(t, "", "topics", "apply", "--config", config, "--simulated-time", "--execute")
	must(t, "", "topics", "verify", "--config", config, "--simulated-time")
	must(t, "", "schemas", "register", "--config", config, "--execute")
	if err := below.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	// Nothing answers now: every instance waits, says for what, and goes on by itself.
	desk := runInstance(t, config, "intake", "dealing", "api")
	pots := runInstance(t, config, "pot", "api")
	edges := runInstance(t, config, "clock", "sink")
	await(t, "the instances to say that the brokers are away", func() bool {
		return strings.Contains(desk.waitsFor(t), "the brokers at "+below.KafkaAddr()) && strings.Contains(pots.waitsFor(t), "the brokers at")
	})
	below = startEmbedded(t, stack)
	t.Cleanup(func() {
		if err := below.Close(context.Background()); err != nil {
			t.Errorf("closing the stack: %v", err)
		}
	})
	for _, i := range []*instance{desk, pots, edges} {
		await(t, "the roles to run: "+i.http, func() bool { return i.waitsFor(t) == "" })
	}

	serves(t, config, desk, pots)
	if !strings.Contains(edges.log.String(), `"msg":"role waits","role":"clock"`) {
		t.Errorf("the log does not say what was waited for:\n%s", edges.log.String())
	}
}

// serves sends an instruction through the instances and looks for it wherever it must show. The desk runs all but pots and the sink.
func serves(t *testing.T, config string, desk, pots *instance) {
	t.Helper()
	today := time.Now().UTC().Format(time.DateOnly)
	must(t, referenceOfToday, "reference", "apply", writeReference(t), "--config", config, "--execute")
	// What dealing knows, it has told every shard in the same transaction; an instruction that overtook it would be refused.
	await(t, "dealing to know the settings", func() bool {
		out, err := penstock(t, "", "reference", "show", "--api", desk.http)
		return err == nil && strings.Contains(out, "Europe/London")
	})
	opened := strings.ReplaceAll(`{"source":"portal","id":"open-1","pot":"p1","instructedOn":"DAY","body":{"PotOpened":{}}}
{"source":"portal","id":"c-1","pot":"p1","instructedOn":"DAY","body":{"Contribution":{"cash":"100.00","split":[]}}}
`, "DAY", today)
	must(t, opened, "produce", "ingest.instruction.v1", "--config", config)
	await(t, "the pot", func() bool {
		out, err := penstock(t, "", "pot", "show", "p1", "--api", pots.http)
		return err == nil && strings.Contains(out, "100.00")
	})
	await(t, "the ledger", func() bool {
		out, err := penstock(t, "", "ledger", "balances", "--config", config, "--pot", "p1")
		return err == nil && strings.Contains(out, "100.00")
	})
	must(t, "", "ledger", "verify", "--config", config)
	refused(t, "does not run here", "", "pot", "show", "p1", "--api", desk.http)
	refused(t, "days close by themselves", "", "day", "close", today, "--api", desk.http)
	await(t, "ticks to move the time that every shard was told", func() bool {
		// A shard that begins anew, on a machine that is slow and busy, cannot be asked for a moment.
		out, err := penstock(t, "", "day", "status", "--api", desk.http, "--json")
		var day roles.DayStatus
		return err == nil && json.Unmarshal([]byte(out), &day) == nil && day.Announced.After(time.Unix(0, 0)) && len(day.Reached) == 3
	})
}

func TestRealKafkaServesRolesInProcessesOfTheirOwn(t *testing.T) {
	broker := realkafka.ForTest(t, realkafka.Options{})
	config := clusterFile(t, broker.Addr(), realkafka.RegistryForTest(t).URL(), pgtest.Start(t))
	must(t, "", "topics", "apply", "--config", config, "--simulated-time", "--execute")
	must(t, "", "topics", "verify", "--config", config, "--simulated-time")
	must(t, "", "schemas", "register", "--config", config, "--execute")
	desk := runInstance(t, config, "intake", "dealing", "api")
	pots := runInstance(t, config, "pot", "api")
	edges := runInstance(t, config, "clock", "sink")
	for _, i := range []*instance{desk, pots, edges} {
		await(t, "the roles to run: "+i.http, func() bool { return i.waitsFor(t) == "" })
	}
	serves(t, config, desk, pots)
}

const referenceOfToday = `
- Calendar: {name: LONDON, firstDay: "2020-01-01", lastDay: "2060-12-31", closed: []}
- Settings: {effectiveFrom: "2020-01-01", platformCalendar: LONDON, zone: Europe/London, backdatingDays: 90}
`

func writeReference(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reference.yaml")
	if err := os.WriteFile(path, []byte(referenceOfToday), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAConfigurationFileReachesSecuredBrokers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.yaml")
	const text = `kafka:
  brokers: [kafka-1:9093, kafka-2:9093]
  tls: {ca: /etc/penstock/ca.pem}
  sasl: {mechanism: SCRAM-SHA-512, username: penstock, passwordFile: /run/secrets/kafka}
  registry: {url: "https://registry:8081", username: penstock, passwordFile: /run/secrets/registry}
postgres: postgres://penstock@db/penstock
roles: [pot, dealing]
shards: 32
stateDir: /var/lib/penstock
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := runFlags{logLevel: "info"}
	flags.config = path
	config, err := flags.roles(nil, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Connection
	if len(c.Brokers) != 2 || c.TLS == nil || c.SASL == nil || c.SASL.Mechanism != "SCRAM-SHA-512" || c.Registry.Username != "penstock" {
		t.Errorf("the connection is %+v", c)
	}
	if len(config.Roles) != 2 || config.Layout.Shards != 32 || config.Layout.Replication != 3 || !config.Layout.Production || config.StateDir != "/var/lib/penstock" {
		t.Errorf("the configuration is %+v", config)
	}
	if err := os.WriteFile(path, []byte(text+"shard: 8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := flags.roles(nil, os.Stderr); err == nil || !strings.Contains(err.Error(), "shard") {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestTheEnvironmentConfiguresRunAndFlagsGoBeforeIt(t *testing.T) {
	for name, value := range map[string]string{
		envBrokers: "kafka-1:9092,kafka-2:9092", envRegistry: "http://registry:8081", envRoles: "clock, sink", envShards: "16",
		envPostgres: "postgres://db/penstock", envMetrics: ":9600", envConfig: "", envStandby: "true",
	} {
		t.Setenv(name, value)
	}
	cmd := newRun()
	if err := cmd.ParseFlags([]string{"--registry", "http://other:8081"}); err != nil {
		t.Fatal(err)
	}
	var flags runFlags
	flags.logLevel, flags.parkedRecords = "info", 20_000
	flags.brokers, flags.registry, flags.postgres = cmd.Flag("brokers").Value.String(), cmd.Flag("registry").Value.String(), cmd.Flag("postgres").Value.String()
	config, err := flags.roles(nil, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Connection.Brokers) != 2 || config.Connection.Registry.URL != "http://other:8081" || config.Layout.Shards != 16 || len(config.Roles) != 2 ||
		config.PostgresURL != "postgres://db/penstock" || config.Address != ":9600" ||
		!config.Standby || config.Limits.ParkedRecordsMax != 20_000 {
		t.Errorf("the configuration is %+v", config)
	}
	t.Setenv(envStandby, "perhaps")
	if _, err := flags.roles(nil, os.Stderr); err == nil || !strings.Contains(err.Error(), envStandby) {
		t.Errorf("a standby that is neither yes nor no: %v", err)
	}
	t.Setenv(envStandby, "false")
	if config, err := flags.roles(nil, os.Stderr); err != nil || config.Standby {
		t.Errorf("no standby: %v, %v", config.Standby, err)
	}
	t.Setenv(envShards, "many")
	if _, err := flags.roles(nil, os.Stderr); err == nil || !strings.Contains(err.Error(), envShards) {
		t.Errorf("a number of shards that is none: %v", err)
	}
}
