package simulation

import (
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	// schedulesVariable and fromVariable name how many seeds the test runs, and the first of them.
	schedulesVariable = "PENSTOCK_SIM_SCHEDULES"
	fromVariable      = "PENSTOCK_SIM_FROM"
	schedulesUsual    = 30
	workersOfTests    = 8
)

func fromEnvironment(t *testing.T, variable string, usual uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// failures tells the test of runs that are not clean.
func failures(t *testing.T, faults uint64) func(*Outcome) {
	return func(o *Outcome) {
		if o.Err != nil {
			t.Errorf("penstock sim --seed %d --faults %d\n%v\nplanned:\n%s\nstruck:\n%s", o.Seed, faults, o.Err,
				strings.Join(o.Plan.Lines(), "\n"), strings.Join(o.Story, "\n"))
		}
	}
}

func TestTheLedgerIsTheSameWhateverFails(t *testing.T) {
	config := Config{
		From: fromEnvironment(t, fromVariable, 1), Schedules: fromEnvironment(t, schedulesVariable, schedulesUsual), Faults: 1, Workers: workersOfTests,
		Server: NewServer(pgtest.Start(t)), Log: slog.New(slog.DiscardHandler), OnOutcome: failures(t, 1),
	}
	summary, err := RunMany(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", summary)
	if summary.Schedules != config.Schedules {
		t.Errorf("%d schedules ran, not %d", summary.Schedules, config.Schedules)
	}
	if summary.Idle > summary.Schedules/4 {
		t.Errorf("in %d of %d schedules nothing struck", summary.Idle, summary.Schedules)
	}
}

//go:embed testdata/seeds.txt
var seeds string

func TestSeedsThatOnceFailedAreClean(t *testing.T) {
	server := NewServer(pgtest.Start(t))
	for line := range strings.Lines(seeds) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var seed, faults uint64
		if _, err := fmt.Sscan(line, &seed, &faults); err != nil {
			t.Fatalf("reading %q: %v", line, err)
		}
		_, err := RunMany(t.Context(), Config{
			From: seed, Schedules: 2, Same: true, Faults: faults, Workers: 2, Server: server, Log: slog.New(slog.DiscardHandler), OnOutcome: failures(t, faults),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// On a slow machine the first audit of a new database may come before its first sink.
func TestAnAuditBeforeThereIsALedgerFindsNothing(t *testing.T) {
	database, err := NewServer(pgtest.Start(t)).Open(t.Context(), "unfounded")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close(t.Context())
	e := &events{system: &system{sinks: &sinks{database: database}}}
	if err := e.audit(); err != nil {
		t.Error(err)
	}
}

func TestAPlanFollowsFromItsSeed(t *testing.T) {
	different := 0
	for seed := range uint64(50) {
		a, b := strings.Join(DrawPlan(seed, 1).Lines(), "\n"), strings.Join(DrawPlan(seed, 1).Lines(), "\n")
		if a != b {
			t.Errorf("seed %d has two plans:\n%s\n\n%s", seed, a, b)
		}
		if a != strings.Join(DrawPlan(seed, 2).Lines(), "\n") {
			different++
		}
	}
	if different < 40 {
		t.Errorf("the second number changed %d of 50 plans", different)
	}
}
