package embedded

import (
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

const testTopic = "test.records.v1"

// start runs a stack in this process and closes it with the test.
func start(t *testing.T, config Config) *Stack {
	t.Helper()
	stack, err := Start(deadline(t), config)
	must(t, err)
	t.Cleanup(func() { must(t, stack.Close(context.Background())) })
	return stack
}

// work puts something of every kind into a stack: a committed transaction and an
// open one, a group's offset, three schemas and a row.
func work(t *testing.T, at seen) map[string]int {
	t.Helper()
	ctx := deadline(t)
	admin := kadm.NewClient(newClient(t, at))
	defer admin.Close()
	_, err := admin.CreateTopic(ctx, 1, 1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, testTopic)
	must(t, err)
	commit(t, at, "worker", "committed-1", "committed-2")
	leaveOpen(t, at, "worker")
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: testTopic, At: 2, LeaderEpoch: -1})
	must(t, admin.CommitAllOffsets(ctx, "group", offsets))

	connection := connect(t, at)
	_, err = connection.Exec(ctx, "create table kept (value text); insert into kept values ('row')")
	must(t, err)
	return registerAll(t, at)
}

// check finds what work did, and nothing of the transaction that was left open,
// also after the same worker has committed again.
func check(t *testing.T, at seen, ids map[string]int) {
	t.Helper()
	ctx := deadline(t)
	// A broker that was closed still has the open transaction, and it hides what
	// comes after it until its producer's next life ends it, as here.
	commit(t, at, "worker", "committed-3")
	want := []string{"committed-1", "committed-2", "committed-3"}
	if got := committed(t, at); !slices.Equal(got, want) {
		t.Errorf("records: got %v, want %v", got, want)
	}
	admin := kadm.NewClient(newClient(t, at))
	defer admin.Close()
	offsets, err := admin.FetchOffsets(ctx, "group")
	must(t, err)
	if offset, ok := offsets.Lookup(testTopic, 0); !ok || offset.At != 2 {
		t.Errorf("group offset: got %v, want 2", offset.At)
	}
	var value string
	must(t, connect(t, at).QueryRow(ctx, "select value from kept").Scan(&value))
	if value != "row" {
		t.Errorf("row: got %q", value)
	}
	registry := registryClient(t, at)
	for subject, id := range ids {
		found, err := registry.SchemaByVersion(ctx, subject, -1)
		must(t, err)
		if found.ID != id {
			t.Errorf("schema of %s: got id %d, want %d", subject, found.ID, id)
		}
	}
	if again := registerAll(t, at); !reflect.DeepEqual(again, ids) {
		t.Errorf("registering again: got ids %v, want %v", again, ids)
	}
}

func TestEverythingOutlivesACleanStop(t *testing.T) {
	t.Parallel()
	dir := newDirWithPorts(t)
	stack := start(t, Config{Dir: dir})
	before := look(stack)
	ids := work(t, before)
	must(t, stack.Close(t.Context()))

	after := look(start(t, Config{Dir: dir}))
	if after != before {
		t.Errorf("after a clean stop: got %+v, want %+v", after, before)
	}
	check(t, after, ids)
}

// That no server outlives its killed parent is a part of this.
func TestEverythingOutlivesAKill(t *testing.T) {
	t.Parallel()
	dir := newDirWithPorts(t)
	first := startChild(t, dir)
	ids := work(t, first.seen)
	server := serverPID(t, dir)
	first.kill()
	awaitGone(t, server)

	second := startChild(t, dir)
	if second.Suffix == first.Suffix {
		t.Errorf("the suffix is still %s after a kill", second.Suffix)
	}
	if second.Kafka != first.Kafka || second.Registry != first.Registry {
		t.Errorf("addresses: got %+v, want %+v", second.seen, first.seen)
	}
	check(t, second.seen, ids)
	second.stop(t)
}

// A kill right before a start must not make it fail: the dying server still has
// its data, and the ports may linger.
func TestAStartRightAfterAKillSucceeds(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	suffixes := map[string]bool{}
	for range 3 {
		c := startChild(t, dir)
		suffixes[c.Suffix] = true
		c.kill()
	}
	stack := start(t, Config{Dir: dir})
	suffixes[stack.TransactionalSuffix()] = true
	if len(suffixes) != 4 {
		t.Errorf("want four different suffixes over three kills, got %v", suffixes)
	}
}

// The parts of this test need a Postgres but not one each; that a named server is
// used, and left running, is shown by the way.
func TestWithANamedServer(t *testing.T) {
	t.Parallel()
	own := start(t, Config{Dir: newDir(t)})
	config := func(t *testing.T) Config { return Config{Dir: newDir(t), PostgresURL: own.PostgresURL()} }
	t.Run("it is used", func(t *testing.T) {
		if got := start(t, config(t)).PostgresURL(); got != own.PostgresURL() {
			t.Errorf("got %s, want %s", got, own.PostgresURL())
		}
	})
	t.Run("a folder has one stack", func(t *testing.T) { oneFolderHasOneStack(t, config(t)) })
	t.Run("a fixed port that is taken is refused", func(t *testing.T) { takenPortIsRefused(t, config(t)) })
	t.Run("a port that is taken meanwhile is replaced", func(t *testing.T) {
		lostPortIsReplaced(t, Config{Dir: newDirWithPorts(t), PostgresURL: own.PostgresURL()})
	})
	t.Run("chosen topics get the broker's time", func(t *testing.T) { chosenTopicsGetTheBrokersTime(t, config(t)) })
	must(t, connect(t, look(own)).Ping(t.Context()))
}

func oneFolderHasOneStack(t *testing.T, config Config) {
	stack := start(t, config)
	_, err := Start(deadline(t), config)
	if err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Fatalf("second start: got %v", err)
	}
	if err := Remove(config.Dir); err == nil {
		t.Fatal("removing a folder in use: got no error")
	}
	must(t, stack.Close(t.Context()))
	must(t, Remove(config.Dir))
	if exists(config.Dir) {
		t.Error("the folder is still there")
	}
}

func takenPortIsRefused(t *testing.T, config Config) {
	taken, err := net.Listen("tcp", addressAny)
	must(t, err)
	defer func() { _ = taken.Close() }()
	config.KafkaAddr = taken.Addr().String()
	if _, err := Start(deadline(t), config); err == nil {
		t.Fatal("got no error")
	}
	// The failed start has let go of the folder, and the next one goes well.
	config.KafkaAddr = ""
	start(t, config)
}

func lostPortIsReplaced(t *testing.T, config Config) {
	first := start(t, config)
	must(t, first.Close(t.Context()))
	taken, err := net.Listen("tcp", first.KafkaAddr())
	must(t, err)
	defer func() { _ = taken.Close() }()
	second := start(t, config)
	if second.KafkaAddr() == first.KafkaAddr() || second.RegistryURL() != first.RegistryURL() {
		t.Errorf("got %+v after %+v", look(second), look(first))
	}
}

func TestAnAddressWithoutAHostIsRefused(t *testing.T) {
	for _, addr := range []string{":9092", "0.0.0.0:9092", "[::]:9092", "nonsense"} {
		if listener, err := listen(addr, ""); err == nil {
			_ = listener.Close()
			t.Errorf("%s: got no error", addr)
		}
	}
}

func TestANamedServerThatIsAwayIsRefused(t *testing.T) {
	_, err := Start(deadline(t), Config{Dir: newDir(t), PostgresURL: "postgres://127.0.0.1:1/ledger"})
	if err == nil || !strings.Contains(err.Error(), "named Postgres") {
		t.Fatalf("got %v", err)
	}
}

// newClient makes a client that the caller closes as soon as it is done: closing
// it after its broker has gone takes a second.
func newClient(t *testing.T, at seen, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(at.Kafka))...)
	must(t, err)
	return client
}

func newTransactional(t *testing.T, at seen, id string) *kgo.Client {
	t.Helper()
	client := newClient(t, at, kgo.DefaultProduceTopic(testTopic), kgo.TransactionalID(id+"-"+at.Suffix), kgo.TransactionTimeout(waitMax))
	must(t, client.BeginTransaction())
	return client
}

// commit returns the offset of the last record.
func commit(t *testing.T, at seen, id string, values ...string) int64 {
	t.Helper()
	client := newTransactional(t, at, id)
	defer client.Close()
	var last int64
	for _, value := range values {
		record, err := client.ProduceSync(deadline(t), kgo.StringRecord(value)).First()
		must(t, err)
		last = record.Offset
	}
	must(t, client.EndTransaction(deadline(t), kgo.TryCommit))
	return last
}

// leaveOpen produces into a transaction that nobody ends.
func leaveOpen(t *testing.T, at seen, id string) {
	t.Helper()
	client := newTransactional(t, at, id)
	defer client.Close()
	must(t, client.ProduceSync(deadline(t), kgo.StringRecord("open")).FirstErr())
}

// committed reads the topic as a read-committed consumer sees it.
func committed(t *testing.T, at seen) []string {
	t.Helper()
	ctx := deadline(t)
	// A marker at the end is never delivered, so a record of our own says where
	// to stop: it is committed after everything that is to be seen.
	end := commit(t, at, "reader", "end")
	client := newClient(t, at, kgo.ConsumeTopics(testTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	var values []string
	for {
		fetches := client.PollFetches(ctx)
		must(t, errors.Join(ctx.Err(), fetches.Err()))
		for _, record := range fetches.Records() {
			if string(record.Value) != "end" {
				values = append(values, string(record.Value))
			} else if record.Offset == end {
				return values
			}
		}
	}
}

func registryClient(t *testing.T, at seen) *sr.Client {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(at.Registry))
	must(t, err)
	return client
}

// registerAll registers three schemas under four subjects, two of which share one.
func registerAll(t *testing.T, at seen) map[string]int {
	t.Helper()
	client := registryClient(t, at)
	ids := map[string]int{}
	for _, one := range [][2]string{{"z-value", `"string"`}, {"a-value", `"long"`}, {"m-value", `"string"`}, {"b-value", `"int"`}} {
		schema, err := client.CreateSchema(deadline(t), one[0], sr.Schema{Schema: one[1]})
		must(t, err)
		ids[one[0]] = schema.ID
	}
	return ids
}

func connect(t *testing.T, at seen) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(deadline(t), at.Postgres)
	must(t, err)
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}
