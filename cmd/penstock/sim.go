package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/simulation"
)

// simFlags are the flags of `sim` as written.
type simFlags struct {
	schedules, from, seed, faults uint64
	workers                       int
	postgres, logLevel            string
	asJSON                        bool
}

// The defaults of the simulation.
const (
	simSchedules = 300
	simFaults    = 1
	simWorkers   = 24

	// simGarbagePercent is how much garbage may be there beside what is in use.
	simGarbagePercent = 300
)

func newSim() *cobra.Command {
	var flags simFlags
	cmd := &cobra.Command{
		Use:     "sim",
		GroupID: groupRun,
		Short:   "Break the system in ways that a seed decides, and compare the ledger with that of an undisturbed run",
		Long: `Runs the real engine with all its processes and the real ledger sink, on a broker in this process and on a real Postgres, and plays
members' systems, price vendors, custodians and operators on it over some days. A seed decides what they send; the seed and a second number
decide what goes wrong: requests that are refused, or done without the client ever knowing; wrong answers of the broker; crashes at named
steps; instances that join, stop, are killed, or freeze and come back; disks that are lost, old, ahead of the changelogs or another
cluster's; connections to Postgres that are cut before and after the commit.

Each run must come to the ledger to which the same records lead in memory, undisturbed; every invariant must hold; nothing may stop.
A seed that fails is printed with its plan, what struck, and the first posting that differs; --seed runs it again. The exit status is 0
only if all runs were clean.

A seed decides the records and the faults, each at the n-th request or step of its kind. It does not decide which goroutine runs first, and
so neither which shard's request the n-th one is: a seed that failed may pass when it runs again. Run it several times, or run more seeds.`,
		Example: `  penstock sim
  penstock sim --schedules 10000 --from 1
  penstock sim --seed 42
  penstock sim --seed 42 --schedules 20
  penstock sim --json > simulation.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSim(cmd, &flags) },
	}
	f := cmd.Flags()
	f.Uint64Var(&flags.schedules, "schedules", simSchedules, "number of seeds to run; with --seed, how often to run it (once unless given)")
	f.Uint64Var(&flags.from, "from", 1, "the first seed")
	f.Uint64Var(&flags.seed, "seed", 0, "run this seed alone, and show its plan and what struck")
	f.Uint64Var(&flags.faults, "faults", simFaults, "the second number: other faults for the same records")
	f.IntVar(&flags.workers, "workers", simWorkers, "runs at a time; each mostly waits, so there may be more than processors")
	f.StringVar(&flags.postgres, "postgres", "", "URL of a Postgres server on which databases may be made (default: one of its own, removed at the end)")
	f.BoolVar(&flags.asJSON, "json", false, "print the summary as JSON, and each failure as a line on standard error")
	f.StringVar(&flags.logLevel, "log-level", "", "what the system says while it is broken: debug, info, warn or error (default: nothing)")
	cmd.MarkFlagsMutuallyExclusive("seed", "from")
	return cmd
}

var errSimFailed = errors.New("not every run was clean")

func runSim(cmd *cobra.Command, flags *simFlags) (err error) {
	log := slog.New(slog.DiscardHandler)
	if flags.logLevel != "" {
		if log, err = textLogger(cmd.ErrOrStderr(), flags.logLevel); err != nil {
			return err
		}
	}
	if flags.workers < 1 || flags.schedules < 1 {
		return errors.New("--workers and --schedules must be at least 1")
	}
	address, stop, err := simServer(cmd.Context(), flags.postgres)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	show := &simShow{flags: flags, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), bar: newDemoBar(flags.asJSON)}
	config := simulation.Config{
		From: flags.from, Schedules: flags.schedules, Faults: flags.faults, Workers: flags.workers,
		Server: simulation.NewServer(address), Log: log, OnOutcome: show.outcome,
	}
	if cmd.Flags().Changed("seed") {
		show.replay = true
		config.From, config.Same = flags.seed, true
		if !cmd.Flags().Changed("schedules") {
			config.Schedules = 1
		}
	}
	show.total = config.Schedules
	// Runs are short and leave everything behind: collecting it less often costs memory that nobody else here needs.
	defer debug.SetGCPercent(debug.SetGCPercent(simGarbagePercent))
	summary, err := simulation.RunMany(cmd.Context(), config)
	show.bar.clear()
	if err == nil {
		err = cmd.Context().Err()
	}
	return errors.Join(err, show.summary(summary))
}

// simServer returns the named server, or starts one that is removed at the end.
func simServer(ctx context.Context, named string) (address string, stop func() error, err error) {
	if named != "" {
		return named, func() error { return nil }, nil
	}
	parent, err := os.MkdirTemp("", "penstock-sim-")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder for Postgres: %w", err)
	}
	dir := filepath.Join(parent, "postgres")
	remove := func() error { return errors.Join(embedded.Remove(dir), os.RemoveAll(parent)) }
	// The account that runs Postgres for root must be able to get there.
	if err := os.Chmod(parent, 0o711); err != nil { //nolint:gosec // nothing in it is readable
		return "", nil, errors.Join(fmt.Errorf("opening the folder for Postgres: %w", err), remove())
	}
	server, err := embedded.StartThrowaway(ctx, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return server.URL(), func() error { return errors.Join(server.Close(context.WithoutCancel(ctx)), remove()) }, nil
}

// simShow prints what runs come to.
type simShow struct {
	flags    *simFlags
	out, err io.Writer
	bar      *demoBar
	replay   bool
	total    uint64
	done     int
}

func (s *simShow) outcome(o *simulation.Outcome) {
	s.done++
	switch {
	case s.flags.asJSON && o.Err != nil:
		line, err := json.Marshal(simFailure{o.Seed, s.command(o), o.Plan.Lines(), o.Story, o.Err.Error()})
		if err == nil {
			fmt.Fprintf(s.err, "%s\n", line)
		}
	case !s.flags.asJSON && (o.Err != nil || s.replay):
		s.bar.clear()
		s.tell(o)
	}
	s.bar.show(s.done, int(s.total), "running") //nolint:gosec // nobody runs more
}

// simFailure is a failed run as a program reads it.
type simFailure struct {
	Seed    uint64   `json:"seed"`
	Command string   `json:"command"`
	Plan    []string `json:"plan"`
	Struck  []string `json:"struck"`
	Error   string   `json:"error"`
}

func (s *simShow) command(o *simulation.Outcome) string {
	return fmt.Sprintf("penstock sim --seed %d --faults %d", o.Seed, s.flags.faults)
}

func (s *simShow) tell(o *simulation.Outcome) {
	verdict := "is clean"
	if o.Err != nil {
		verdict = "FAILED; again with: " + s.command(o)
	}
	fmt.Fprintf(s.out, "seed %d %s\n  planned:\n", o.Seed, verdict)
	for _, line := range o.Plan.Lines() {
		fmt.Fprintf(s.out, "    %s\n", line)
	}
	fmt.Fprintf(s.out, "  struck, in %d transactions for %d postings:\n", o.Transactions, o.Postings)
	for _, line := range o.Story {
		fmt.Fprintf(s.out, "    %s\n", line)
	}
	if o.Err != nil {
		fmt.Fprintf(s.out, "  wrong:\n    %v\n", o.Err)
	}
}

// summary prints the end, its last line last.
func (s *simShow) summary(summary *simulation.Summary) error {
	var failed error
	if len(summary.Failed) > 0 {
		failed = errSimFailed
	}
	if s.flags.asJSON {
		return errors.Join(printJSON(s.out, summary), failed)
	}
	t := newTable(s.out, "what struck", "times")
	for _, kind := range summary.Kinds() {
		t.row(kind, summary.Struck[kind])
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d different things happened to requests (--json names them)\n", len(summary.Requests))
	if len(summary.Failed) > 0 {
		fmt.Fprintf(s.out, "failed: %d\n", summary.Failed)
	}
	fmt.Fprintf(s.out, "%d schedules from seed %d to %d with faults %d: %d clean, %d failed, %d in which nothing struck; %d transactions, %d postings; "+
		"%.0f s, %.2f CPU seconds each without Postgres\n", summary.Schedules, summary.From, summary.To, summary.Faults, summary.Clean, len(summary.Failed),
		summary.Idle, summary.Transactions, summary.Postings, summary.Seconds, summary.CPUSeconds)
	return failed
}
