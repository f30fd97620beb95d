package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// stackTestMax bounds the start of a stack, a command, and a wait, on a machine that is slow and busy.
const stackTestMax = 10 * time.Minute

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// testConfig is that of `up` with its defaults, in a folder of the test's own, but for its ledger: that is in a new database of one server for all tests.
func testConfig(t *testing.T, dir string) upConfig {
	t.Helper()
	config := ownConfig(t, dir)
	config.PostgresURL = pgtest.Start(t)
	return config
}

// ownConfig is that of `up` with its defaults, in a folder of the test's own.
func ownConfig(t *testing.T, dir string) upConfig {
	t.Helper()
	flags := upFlags{clock: "manual", custodian: "simulator", start: startDefault, logLevel: "error", dir: dir, api: httpAddrDefault, shards: 4}
	config, err := flags.config(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// testStack runs a stack until the test ends or stop is called.
func testStack(t *testing.T, config upConfig) (s *stack, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	t.Cleanup(cancel)
	s, err := startStack(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		t.Helper()
		if err := s.Stop(); err != nil {
			t.Errorf("stopping the stack: %v", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// penstock runs a command line and returns what it printed.
func penstock(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	defer cancel()
	root := newRoot()
	var out bytes.Buffer
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

// must runs a command line that succeeds.
func must(t *testing.T, input string, args ...string) string {
	t.Helper()
	out, err := penstock(t, input, args...)
	if err != nil {
		t.Fatalf("penstock %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// refused runs a command line that fails, with an error that says so much.
func refused(t *testing.T, says, input string, args ...string) string {
	t.Helper()
	out, err := penstock(t, input, args...)
	if err == nil || !strings.Contains(err.Error()+out, says) {
		t.Errorf("penstock %s: %v does not say %q\n%s", strings.Join(args, " "), err, says, out)
	}
	return out
}

// read runs a command line that prints JSON.
func read[T any](t *testing.T, args ...string) T {
	t.Helper()
	var v T
	out := must(t, "", args...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("penstock %s printed %q: %v", strings.Join(args, " "), out, err)
	}
	return v
}

// fullStatus asks for the status until nothing of it is missing and every role runs: brokers and Postgres have two seconds to tell their part, and what a shard is
// doing shows with the role a moment later.
func fullStatus(t *testing.T, at []string) (status roles.Status) {
	t.Helper()
	await(t, "a status that lacks nothing", func() bool {
		out, err := penstock(t, "", append([]string{"status", "--json"}, at...)...)
		status = roles.Status{}
		return err == nil && json.Unmarshal([]byte(out), &status) == nil && len(status.Faults) == 0
	})
	return status
}

const tour = `{"source":"portal","id":"open-1","pot":"p1","instructedOn":"2008-03-20","body":{"PotOpened":{}}}
{"source":"portal","id":"c-1","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"100.00","split":[{"asset":"IBM","weight":"0.6"},{"asset":"GOOG","weight":"0.4"}]}}}
`

func TestAnInstructionSettlesThroughTheCommandLineAndOutlivesRestarts(t *testing.T) {
	dir := stackDir(t)
	first, stop := testStack(t, ownConfig(t, dir))
	at := []string{"--dir", dir}
	if out := must(t, tour, append([]string{"produce", "ingest.instruction.v1"}, at...)...); !strings.Contains(out, "2 records sent") {
		t.Errorf("produce says %q", out)
	}
	closed := read[roles.ClosedDay](t, append([]string{"day", "close", "2008-03-20", "--json"}, at...)...)
	if len(closed.Trades) != 2 || closed.Trades[0].Status != "priced" || closed.Prices == 0 {
		t.Fatalf("the day came to %+v", closed)
	}
	pot := read[roles.PotView](t, append([]string{"pot", "show", "p1", "--json"}, at...)...)
	if pot.Reserved != "0.00" || len(pot.Holdings) != 2 || pot.Holdings[1].Pending != "0.507" {
		t.Errorf("after the first day the pot is %+v", pot)
	}
	waiting := read[roles.DayStatus](t, append([]string{"day", "status", "--json"}, at...)...)
	if len(waiting.Trades) != 2 || !strings.Contains(waiting.Trades[0].WaitsFor, "settle") {
		t.Errorf("what waits is %+v", waiting.Trades)
	}
	stop()

	second, _ := testStack(t, ownConfig(t, dir))
	if second.Endpoints != first.Endpoints {
		t.Errorf("after a restart the stack answers at %+v, before at %+v", second.Endpoints, first.Endpoints)
	}
	if !second.Now().Equal(first.Now()) {
		t.Errorf("after a restart it is %s, before it was %s", second.Now(), first.Now())
	}
	must(t, "", append([]string{"day", "close", "2008-03-25"}, at...)...)
	must(t, "", append([]string{"day", "close", "2008-03-26"}, at...)...)
	pot = read[roles.PotView](t, append([]string{"pot", "show", "p1", "--json"}, at...)...)
	if len(pot.Orders) != 0 || pot.Holdings[0].Settled != "0.092261" || pot.Holdings[1].Settled != "0.507" {
		t.Errorf("in the end the pot is %+v", pot)
	}
	checkBooks(t, at)
	checkLooks(t, at)
}

// checkBooks asks the ledger.
func checkBooks(t *testing.T, at []string) {
	t.Helper()
	must(t, "", append([]string{"ledger", "verify", "--at-rest"}, at...)...)
	balances := must(t, "", append([]string{"ledger", "balances", "--pot", "p1", "--json"}, at...)...)
	if !strings.Contains(balances, `"account":"pot:settled","asset":"IBM","amount":"0.507"`) {
		t.Errorf("the balances are %s", balances)
	}
	early := must(t, "", append([]string{"ledger", "balances", "--effective", "2008-03-20", "--account", "pot:pending", "--json"}, at...)...)
	if !strings.Contains(early, `"asset":"IBM","amount":"0.507"`) {
		t.Errorf("as of the first day the balances are %s", early)
	}
	trace := must(t, "", append([]string{"trace", "portal/p1/c-1"}, at...)...)
	for _, want := range []string{"contributed", "reserved", "priced", "settled", "ingest.instruction.v1/"} {
		if !strings.Contains(trace, want) {
			t.Errorf("the trace does not tell of %q:\n%s", want, trace)
		}
	}
}

// checkLooks asks what else there is to look at.
func checkLooks(t *testing.T, at []string) {
	t.Helper()
	status := fullStatus(t, at)
	decided, booked := int64(0), int64(0)
	for _, row := range status.Shards {
		decided, booked = decided+row.Journals, booked+row.Booked
	}
	if len(status.Shards) != 4 || decided == 0 || booked != decided {
		t.Errorf("the status is %+v", status)
	}
	tail := must(t, "", append([]string{"tail", "instruction.status.v1", "--no-follow", "--json"}, at...)...)
	if !strings.Contains(tail, `"state":"settled"`) || !strings.Contains(tail, `"dealingDay":"2008-03-20"`) {
		t.Errorf("the statuses are %s", tail)
	}
	limited := must(t, "", append([]string{"tail", "ledger.trade.v1", "--from-start", "--max", "2"}, at...)...)
	if lines := strings.Count(limited, "\n"); lines != 2 {
		t.Errorf("tail --max 2 printed %d lines", lines)
	}
	prices := read[[]roles.PriceView](t, append([]string{"prices", "list", "--json"}, at...)...)
	if len(prices) == 0 || !prices[0].Released {
		t.Errorf("the prices are %+v", prices)
	}
	must(t, "", append([]string{"schemas", "check"}, at...)...)
	must(t, "", append([]string{"topics", "verify"}, at...)...)
}

func TestWhatAnOperatorAndASenderGetWrongIsToldAndChangesNothing(t *testing.T) {
	dir := stackDir(t)
	s, stop := testStack(t, ownConfig(t, dir))
	at := []string{"--dir", dir}
	bad := `{"source":"portal","id":"b-1","pot":"p1","instructedOn":"2008-03-20","body":{"Buy":{"asset":"IBM","cash":"1.001"}}}`
	refused(t, "line 3: field body.Buy.cash", tour+bad, append([]string{"produce", "ingest.instruction.v1"}, at...)...)
	refused(t, "none of the fields nowhere", tour, append([]string{"produce", "ingest.instruction.v1", "--key-field", "nowhere"}, at...)...)
	refused(t, "the topics to write to are ingest.instruction.v1", tour, append([]string{"produce", "ingest.instructions"}, at...)...)
	refused(t, "it was never opened", "", append([]string{"pot", "show", "nobody"}, at...)...)
	refused(t, "write it as 2008-03-20", "", append([]string{"day", "close", "tomorrow"}, at...)...)
	refused(t, "never runs backwards", "", append([]string{"day", "advance", "2008-03-19T00:00:00Z"}, at...)...)
	refused(t, "no asset is known on that day", "", append([]string{"day", "close", "1999-12-31"}, at...)...)
	refused(t, "no price of GOOG on 2008-03-20 is parked", "", append([]string{"prices", "release", "GOOG", "2008-03-20", "1.00", "--operator", "anna", "--reason", "x"}, at...)...)
	refused(t, "partitions is", "", append([]string{"topics", "verify", "--shards", "8"}, at...)...)
	refused(t, "production needs at least 3", "", "topics", "plan", "--replication", "1", "--brokers", s.Endpoints.Kafka, "--registry", s.Endpoints.Registry)
	if !s.Now().Equal(testMorning) {
		t.Errorf("it is %s", s.Now())
	}
	refuseRun(t, s)
	stop()

	config := ownConfig(t, dir)
	config.Shards = 8
	if _, err := startStack(t.Context(), config); err == nil || !strings.Contains(err.Error(), "has 4 shards") {
		t.Errorf("another number of shards: %v", err)
	}
	config = ownConfig(t, dir)
	config.Manual = false
	if _, err := startStack(t.Context(), config); err == nil || !strings.Contains(err.Error(), "runs on the manual clock") {
		t.Errorf("another clock: %v", err)
	}
	refused(t, "does the stack run?", "", append([]string{"status"}, at...)...)
	refused(t, "no stack has run in", "", "status", "--dir", t.TempDir())
}

// testMorning is when the manual clock begins: eight o'clock in London.
var testMorning = time.Date(2008, time.March, 20, 8, 0, 0, 0, time.UTC)

// refuseRun runs roles against topics that are not fit for production.
func refuseRun(t *testing.T, s *stack) {
	t.Helper()
	out := refused(t, "penstock topics apply --execute", "", "run", "pot", "--brokers", s.Endpoints.Kafka, "--registry", s.Endpoints.Registry,
		"--state-dir", t.TempDir(), "--metrics-addr", "127.0.0.1:0", "--shards", "4")
	if strings.Contains(out, "running process") {
		t.Errorf("it ran all the same:\n%s", out)
	}
	refused(t, "PENSTOCK_INTAKE_KEY_FILE", "", "run", "intake", "--brokers", s.Endpoints.Kafka, "--registry", s.Endpoints.Registry, "--state-dir", t.TempDir())
	refused(t, "there is no role", "", "run", "everything", "--brokers", "x:1", "--registry", "http://x")
	refused(t, "no cluster is named", "", "run", "pot")
}

func TestAParkedPriceWaitsForAPerson(t *testing.T) {
	dir := stackDir(t)
	config := testConfig(t, dir)
	config.Start = schemas.DateOf(2008, time.April, 17)
	s, _ := testStack(t, config)
	at := []string{"--dir", dir}
	must(t, strings.ReplaceAll(tour, "2008-03-20", "2008-04-17"), append([]string{"produce", "ingest.instruction.v1"}, at...)...)
	must(t, "", append([]string{"day", "close", "2008-04-17"}, at...)...)
	buy := `{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-04-17","body":{"Contribution":{"cash":"50.00","split":[{"asset":"GOOG","weight":1}]}}}`
	must(t, buy, append([]string{"produce", "ingest.instruction.v1"}, at...)...)
	must(t, "", append([]string{"day", "close", "2008-04-18"}, at...)...)
	parked := read[[]roles.PriceView](t, append([]string{"prices", "list", "--parked", "--json"}, at...)...)
	if len(parked) != 1 || parked[0].Asset != "GOOG" {
		t.Fatalf("parked are %+v", parked)
	}
	awaited := fullStatus(t, at).Awaited
	if len(awaited) != 1 || awaited[0].Asset != "GOOG" || awaited[0].Day != "2008-04-18" || awaited[0].Parked != parked[0].Price || awaited[0].Orders != 1 || awaited[0].Since.IsZero() {
		t.Errorf("status says that what waits for a price is %+v", awaited)
	}
	if out := must(t, "", append([]string{"status"}, at...)...); !strings.Contains(out, "WAITS FOR A PRICE: the close of GOOG on 2008-04-18") {
		t.Errorf("status says %s", out)
	}
	settleBooks(t, s)
	checkFrozen(t, func(args ...string) []string { return append(args, at...) }, awaited[0].Trade)
	release := append([]string{"prices", "release", "GOOG", "2008-04-18", parked[0].Price, "--operator", "anna", "--reason", "results"}, at...)
	if out := must(t, "", release...); !strings.Contains(out, "for 1 member orders") || !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	if still := read[[]roles.PriceView](t, append([]string{"prices", "list", "--parked", "--json"}, at...)...); len(still) != 1 {
		t.Error("the plan alone released the price")
	}
	must(t, "", append(release, "--execute")...)
	must(t, "", append([]string{"day", "close", "2008-04-24"}, at...)...)
	if left := fullStatus(t, at).Awaited; len(left) != 0 {
		t.Errorf("with the price released, %+v waits for one", left)
	}
	must(t, "", append([]string{"ledger", "verify", "--at-rest"}, at...)...)
}

func TestReferenceDataCanBeShownChangedAndApplied(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	at := []string{"--dir", dir}
	shown := must(t, "", append([]string{"reference", "show"}, at...)...)
	file := dir + "/more.yaml"
	const more = "- Custodian: {id: EXTRA, name: One more}\n"
	if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "", append([]string{"reference", "apply", file}, at...)...); !strings.Contains(out, "nothing was sent") {
		t.Errorf("the plan is %s", out)
	}
	must(t, "", append([]string{"reference", "apply", file, "--execute"}, at...)...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := must(t, "", append([]string{"reference", "show"}, at...)...); strings.Contains(shown, "EXTRA") || !strings.Contains(after, "EXTRA") {
		t.Errorf("the custodian is not there: %s", after)
	}
}

func TestAnInstanceTellsItsHealth(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	fullStatus(t, []string{"--dir", dir})
	for path, want := range map[string]string{"/healthz": `"status": "ok"`, "/livez": "alive", "/metrics": "penstock_shard_records_total"} {
		response, err := http.Get(s.Endpoints.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, %v", path, response.Status, err)
		}
	}
}

func TestARoleSaysWhatItWaitsFor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), stackTestMax)
	defer cancel()
	instance, err := roles.New(roles.Config{
		Roles:      []roles.Role{roles.Clock},
		Connection: feed.Connection{Brokers: []string{"127.0.0.1:1"}, Registry: feed.RegistryAddress{URL: "http://127.0.0.1:1"}},
		Layout:     feed.Layout{Shards: 1, Replication: 1, MinInSync: 1}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	done := make(chan error, 1)
	go func() { done <- instance.Run(ctx) }()
	for !strings.Contains(instance.Waiting(), "the brokers at 127.0.0.1:1") {
		select {
		case <-ctx.Done():
			t.Fatalf("it waits for %q", instance.Waiting())
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("an interrupted wait ended with %v", err)
	}
}

func TestOnTheRealClockTicksCloseDaysByThemselves(t *testing.T) {
	dir := stackDir(t)
	config := testConfig(t, dir)
	config.Manual, config.TickInterval = false, 20*time.Millisecond
	if err := demoData(&config); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	testStack(t, config)
	at := []string{"--dir", dir}
	refused(t, "days close by themselves", "", append([]string{"day", "close", "2008-03-20"}, at...)...)
	await(t, "ticks to move the time that every shard was told", func() bool {
		return read[roles.DayStatus](t, append([]string{"day", "status", "--json"}, at...)...).Announced.After(began)
	})
	day := read[roles.DayStatus](t, append([]string{"day", "status", "--json"}, at...)...)
	for _, asset := range day.Assets {
		if asset.CutOff == nil {
			t.Errorf("%s never deals again: the calendars end", asset.Asset)
		}
	}
}
