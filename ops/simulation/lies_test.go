package simulation

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams"
)

// lyingSeed has a workload that moves money in both shards.
const lyingSeed = 1

func undisturbed() *Plan { return &Plan{Members: 1, RecordsMax: 10, VisitsMax: 3} }

func openDatabase(t *testing.T) *Database {
	t.Helper()
	database, err := NewServer(pgtest.Start(t)).Open(t.Context(), "simulation_"+strings.ToLower(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close(context.WithoutCancel(t.Context())) })
	return database
}

// outcome runs the lying seed and returns what the judge says.
func outcome(t *testing.T, database *Database, plan *Plan, broken mutation) error {
	t.Helper()
	o, err := run(t.Context(), lyingSeed, plan, database, slog.New(slog.DiscardHandler), broken)
	if err != nil {
		t.Fatal(err)
	}
	return o.Err
}

// noticed fails the test where nobody noticed, or only because nothing ever came to rest.
func noticed(t *testing.T, err error) {
	t.Helper()
	t.Log(err)
	if err == nil || strings.Contains(err.Error(), "no rest") {
		t.Error("nobody noticed what is wrong")
	}
}

// TestTheRealSystemDoesWhatThePipelineInMemoryDoes is what makes the latter a reference.
func TestTheRealSystemDoesWhatThePipelineInMemoryDoes(t *testing.T) {
	if err := outcome(t, openDatabase(t), undisturbed(), mutation{}); err != nil {
		t.Error(err)
	}
}

func TestTheJudgeSeesALedgerThatIsAnother(t *testing.T) {
	want, err := newReference(lyingSeed)
	if err != nil {
		t.Fatal(err)
	}
	if err := want.differs(slices.Clone(want.lines)); err != nil {
		t.Fatalf("the true ledger: %v", err)
	}
	middle := len(want.lines) / 2
	for name, lines := range map[string][]string{
		"dropped": slices.Delete(slices.Clone(want.lines), middle, middle+1),
		"last":    want.lines[:len(want.lines)-1],
		"doubled": slices.Insert(slices.Clone(want.lines), middle, want.lines[middle]),
		"changed": slices.Replace(slices.Clone(want.lines), middle, middle+1, want.lines[middle]+"0"),
		"empty":   nil,
	} {
		if want.differs(lines) == nil {
			t.Errorf("a ledger with a posting %s passes", name)
		}
	}
}

// TestTheJudgeSeesWhatIsWrongInPostgres changes rows behind the sink's back.
func TestTheJudgeSeesWhatIsWrongInPostgres(t *testing.T) {
	database := openDatabase(t)
	const onePosting = "(shard, sequence, leg) = (select shard, sequence, leg from ledger.posting limit 1)"
	for name, statement := range map[string]string{
		"posting dropped": "delete from ledger.posting where " + onePosting,
		"posting changed": "update ledger.posting set quantity = quantity + 1 where " + onePosting,
		"posting doubled": "insert into ledger.posting select * from ledger.posting limit 1",
		"journal dropped": "delete from ledger.journal where (shard, sequence) = (select shard, max(sequence) from ledger.journal group by shard limit 1)",
		"event dropped":   "delete from ledger.trade_part; delete from ledger.trade_event where record_offset = (select max(record_offset) from ledger.trade_event)",
	} {
		t.Run(name, func(t *testing.T) {
			noticed(t, outcome(t, database, undisturbed(), mutation{played: func(s *system) error {
				if err := s.sinks.booked(t.Context(), s.view); err != nil {
					t.Fatal(err)
				}
				if _, err := database.admin.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
				return nil
			}}))
		})
	}
}

// clumsy is a handler that does one of its decisions wrong.
type clumsy struct {
	streams.Handler
	// journals counts the decisions that wrote a journal.
	journals *atomic.Int64
	wrong    clumsiness
}

// clumsiness is what a decision does wrong: how often it emits each record, and what it makes of the state that it returns.
type clumsiness struct {
	times  int
	change func(*streams.Change)
}

// clumsyAt is which of the decisions that write a journal is done wrong. What a decision without one forgets may matter to nobody.
const clumsyAt = 5

func (c *clumsy) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	var emitted []func()
	booked := false
	other := *scope
	other.Emit = func(topic, key string, value []byte) {
		value = slices.Clone(value)
		emitted = append(emitted, func() { scope.Emit(topic, key, slices.Clone(value)) })
		booked = booked || topic == streams.LedgerJournal
	}
	change, err := c.Handler.Decide(&other, route, key, state)
	times := 1
	if booked && c.journals.Add(1) == clumsyAt {
		times = c.wrong.times
		if c.wrong.change != nil {
			c.wrong.change(&change)
		}
	}
	for _, emit := range emitted {
		for range times {
			emit()
		}
	}
	return change, err
}

// TestTheJudgeSeesABrokenEngine has the engine run pots that forget a change of state, or write their records twice or not at all, once each.
func TestTheJudgeSeesABrokenEngine(t *testing.T) {
	database := openDatabase(t)
	for name, wrong := range map[string]clumsiness{
		"state forgotten": {times: 1, change: func(change *streams.Change) { *change = streams.Change{} }},
		"records lost":    {times: 0},
		"records doubled": {times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			noticed(t, outcome(t, database, undisturbed(), mutation{processes: func(processes []streams.Process) {
				at := slices.IndexFunc(processes, func(p streams.Process) bool { return p.Name == pot.Name })
				sound, journals := processes[at].NewHandler, new(atomic.Int64)
				processes[at].NewHandler = func(framing streams.Framing) streams.Handler { return &clumsy{sound(framing), journals, wrong} }
			}}))
		})
	}
}

// TestTheJudgeSeesAStoreThatIsBelieved gives a new instance an old store that claims to be up to date, which no check can tell.
func TestTheJudgeSeesAStoreThatIsBelieved(t *testing.T) {
	plan := undisturbed()
	plan.Events = []Event{{After: 60, Do: Kill, Disk: DiskNew}, {After: 120, Do: Kill, Disk: diskLying}}
	noticed(t, outcome(t, openDatabase(t), plan, mutation{}))
}
