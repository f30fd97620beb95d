package simulation

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// Outcome is what one run came to.
type Outcome struct {
	Seed uint64
	Plan *Plan
	// Struck counts what really went wrong, by kind; Requests what struck requests, by what they were and what happened to them; Story tells
	// it all in words.
	Struck, Requests map[string]int
	Story            []string
	// Transactions is how many the shards committed, Postings how many the ledger must have.
	Transactions, Postings int
	// Err says what is wrong with the ledger or the system; nil is a clean run.
	Err error
}

// Run plays the workload of a seed on the real system with the faults of a plan, and judges what comes of it. An error of its own means that
// the run could not begin.
func Run(ctx context.Context, seed uint64, plan *Plan, database *Database, log *slog.Logger) (*Outcome, error) {
	return run(ctx, seed, plan, database, log, mutation{})
}

// mutation breaks the system in a way that must be seen, in tests of the judge.
type mutation struct {
	// processes replaces processes by broken ones, played changes something after the last day.
	processes func([]streams.Process)
	played    func(*system) error
}

func run(ctx context.Context, seed uint64, plan *Plan, database *Database, log *slog.Logger, broken mutation) (*Outcome, error) {
	want, err := newReference(seed)
	if err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	if err := database.Empty(ctx); err != nil {
		return nil, err
	}
	processes := allProcesses()
	if broken.processes != nil {
		broken.processes(processes)
	}
	s, err := startSystem(ctx, plan, database, log, processes)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Seed: seed, Plan: plan, Postings: len(want.lines)}
	o.Err = s.play(ctx, want, broken.played)
	s.stop()
	o.Transactions, _, _ = s.watch()
	s.tell(o)
	return o, nil
}

// play plays a workload to its end, and judges.
func (s *system) play(ctx context.Context, want *reference, played func(*system) error) error {
	world := want.world(s)
	days := 0
	world.Done = func() bool { days++; return days >= want.days }
	world.Interlude = func(moment history.Moment, today schemas.Date) error {
		if moment != history.AfterDay {
			return nil
		}
		if err := broken(world); err != nil {
			return fmt.Errorf("in the evening of %s: %w", today, err)
		}
		return nil
	}
	if err := world.Play(); err != nil {
		return err
	}
	if played != nil {
		if err := played(s); err != nil {
			return err
		}
	}
	return s.judge(ctx, world, want)
}

// tell collects what struck.
func (s *system) tell(o *Outcome) {
	o.Struck, o.Requests = make(map[string]int), make(map[string]int)
	add := func(kind string, what fmt.Stringer) {
		o.Struck[kind]++
		o.Story = append(o.Story, what.String())
	}
	wire := func(where string, of *faults.Wire) {
		for _, rule := range of.Struck() {
			o.Struck["request "+string(rule.Do)]++
			o.Requests[fmt.Sprintf("%s %s", rule.Key.Name(), rule.Do)]++
			o.Story = append(o.Story, where+": "+rule.String())
		}
	}
	for _, i := range s.instances {
		wire(fmt.Sprintf("instance %d", i.number), i.wire)
	}
	wire("senders", s.outside)
	wire("sinks", s.sinks.wire)
	for _, answer := range s.answers.Struck() {
		add("error of the broker", answer)
		o.Requests[fmt.Sprintf("%s %s", answer.Key.Name(), answer.Err.Message)]++
	}
	if s.ghosts.expired > 0 {
		o.Struck["all sessions ended"] += s.ghosts.expired
		o.Story = append(o.Story, fmt.Sprintf("all sessions ended, %d times", s.ghosts.expired))
	}
	for _, crash := range s.steps.struck {
		add("crash at a step", crash)
	}
	for _, rule := range s.sinks.sql.Struck() {
		add("connection to Postgres cut", rule)
	}
	for _, booking := range s.sinks.books.struck {
		add("sink crash", booking)
	}
	for _, event := range s.events.struck {
		add(string(event.Do), event)
		if event.Disk != "" {
			o.Struck["one begins with "+string(event.Disk)]++
		}
	}
}
