package processes

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/child"
	"github.com/penstock-ledger/penstock/ops/containers"
	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// startMax bounds the start of a broker, on a machine that is slow and busy.
const startMax = 5 * time.Minute

// site is what a drill runs on. The broker is nil where nobody may kill it, the server where it is shared with other drills.
type site struct {
	connection feed.Connection
	postgres   string
	suffix     string
	// forgetful says that the broker forgets the sessions of members that die while they join.
	forgetful bool
	broker    *realkafka.Broker
	server    *pgtest.Server
}

// build makes the binary of a program of ours.
func build(t *testing.T, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(program))
	command := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/penstock-ledger/penstock/"+program)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", program, err, out)
	}
	return binary
}

// postgresOf gives a drill a database of its own; one that kills Postgres gets a server of its own.
func postgresOf(t *testing.T, d *drill, on *site) {
	t.Helper()
	if d.killsPostgres {
		on.server = pgtest.StartServer(t)
		on.postgres = on.server.URL()
	} else {
		on.postgres = pgtest.Start(t)
	}
}

// embeddedSite runs the embedded broker and registry in a process of their own.
func embeddedSite(t *testing.T, binary string, d *drill) *site {
	t.Helper()
	on := &site{}
	postgresOf(t, d, on)
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := embedded.Remove(dir); err != nil {
			t.Errorf("deleting the broker: %v", err)
		}
	})
	log := filepath.Join(dir, "broker.log")
	process, err := child.Start(log, nil, binary, "broker", dir, on.postgres)
	must(t, err)
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Errorf("stopping the broker: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	var endpoints struct{ Kafka, Registry, Suffix string }
	err = process.Await(ctx, func(context.Context) error {
		text, err := os.ReadFile(filepath.Join(dir, "endpoints.json"))
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &endpoints)
	})
	if err != nil {
		said, _ := os.ReadFile(log)
		t.Fatalf("starting the broker: %v\n%s", err, said)
	}
	on.connection = feed.Connection{Brokers: []string{endpoints.Kafka}, Registry: feed.RegistryAddress{URL: endpoints.Registry}}
	on.suffix, on.forgetful = endpoints.Suffix, true
	prepare(t, on)
	return on
}

// realSite runs Apache Kafka and a registry that enforces compatibility.
func realSite(t *testing.T, _ string, d *drill) *site {
	t.Helper()
	on := &site{}
	on.broker = realkafka.ForTest(t, realkafka.Options{Properties: map[string]string{"group.min.session.timeout.ms": "1000"}})
	postgresOf(t, d, on)
	on.connection = feed.Connection{
		Brokers: []string{on.broker.Addr()}, Registry: feed.RegistryAddress{URL: realkafka.RegistryForTest(t).URL()},
	}
	prepare(t, on)
	return on
}

// containerSite runs all three in containers.
func containerSite(t *testing.T, _ string, _ *drill) *site {
	t.Helper()
	stack := containers.ForTest(t)
	on := &site{
		connection: feed.Connection{Brokers: []string{stack.Kafka}, Registry: feed.RegistryAddress{URL: stack.Registry}}, postgres: stack.Postgres,
	}
	prepare(t, on)
	return on
}

// prepare makes topics and tables.
func prepare(t *testing.T, on *site) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startMax)
	defer cancel()
	admin, err := feed.NewTopics(on.connection, feed.Layout{Shards: shards, Replication: 1, MinInSync: 1})
	must(t, err)
	defer admin.Close()
	plan, err := admin.Plan(ctx, roles.Topics(shards))
	must(t, err)
	must(t, admin.Apply(ctx, plan))
	must(t, postgres.Migrate(ctx, on.postgres))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
