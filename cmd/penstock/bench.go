package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/bench"
	"github.com/penstock-ledger/penstock/ops/embedded"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bench",
		GroupID: groupRun,
		Short:   "Measure what this machine can do",
		Example: "  penstock bench cycle --pots 5000",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchCycle(), newBenchLatency())
	return cmd
}

// benchFlags are the flags of `bench cycle` as written.
type benchFlags struct {
	dir, postgres, cpuProfile, memProfile, logLevel string
	pots                                            int
	shards                                          int32
	keep, syncWrites, json                          bool
}

const benchPotsDefault = 100_000

func newBenchCycle() *cobra.Command {
	var flags benchFlags
	cmd := &cobra.Command{
		Use:   "cycle",
		Short: "Measure the whole cycle: contribution, day closed, priced, settled, booked",
		Long: `Starts an embedded stack of its own, opens pots, and then measures the whole cycle: every pot gets a contribution that is split over
three funds, the dealing day is closed, the trades are priced and settled, and everything is booked in Postgres. It reports pots and
postings per second for each stage, memory, and what a pot takes on the disk, and then verifies the ledger.

Nothing is asserted about time. Quote a number as the median of several runs, with the load of the machine.`,
		Example: `  penstock bench cycle
  penstock bench cycle --pots 5000 --json
  penstock bench cycle --cpuprofile cpu.out --memprofile mem.out && go tool pprof -top cpu.out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) },
	}
	f := cmd.Flags()
	f.IntVar(&flags.pots, "pots", benchPotsDefault, "number of pots")
	f.Int32Var(&flags.shards, "shards", shardsDefault, "number of shards")
	f.StringVar(&flags.dir, "dir", "", "empty folder for the stack (default: a temporary one)")
	f.BoolVar(&flags.keep, "keep", false, "keep what the stack wrote; needs --dir")
	f.StringVar(&flags.postgres, "postgres", "", "URL of an empty Postgres database to use (default: a server of the stack's own)")
	f.BoolVar(&flags.syncWrites, "sync-writes", false, "have the broker flush every batch to the disk")
	f.StringVar(&flags.cpuProfile, "cpuprofile", "", "file for a CPU profile of the cycle")
	f.StringVar(&flags.memProfile, "memprofile", "", "file for a profile of what the cycle allocated and holds")
	f.BoolVar(&flags.json, "json", false, "print the report as JSON")
	f.StringVar(&flags.logLevel, "log-level", "error", "what goes to standard error: debug, info, warn or error")
	return cmd
}

func (f *benchFlags) run(cmd *cobra.Command) (err error) {
	config := bench.Config{Dir: f.dir, Pots: f.pots, Shards: f.shards, PostgresURL: f.postgres, SyncWrites: f.syncWrites}
	if config.Logger, err = textLogger(cmd.ErrOrStderr(), f.logLevel); err != nil {
		return err
	}
	if onTerminal(cmd) {
		config.Progress = func(doing string) { fmt.Fprintf(cmd.ErrOrStderr(), "%s ...\n", doing) }
	}
	switch {
	case f.keep && f.dir == "":
		return errors.New("--keep needs a folder: name it with --dir")
	case f.dir == "":
		parent, err := os.MkdirTemp("", "penstock-bench-")
		if err != nil {
			return fmt.Errorf("making a temporary folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(parent)) }()
		config.Dir = filepath.Join(parent, "stack")
	}
	if !f.keep {
		defer func() { err = errors.Join(err, embedded.Remove(config.Dir)) }()
	}
	closeProfiles, err := f.profiles(&config)
	if err != nil {
		return err
	}
	report, err := bench.Cycle(cmd.Context(), config)
	err = errors.Join(err, closeProfiles())
	if report == nil {
		return err
	}
	return errors.Join(err, f.print(cmd.OutOrStdout(), report))
}

// profiles opens the files of the profiles that were asked for.
func (f *benchFlags) profiles(config *bench.Config) (closeAll func() error, err error) {
	var files []*os.File
	closeAll = func() error {
		var errs []error
		for _, file := range files {
			errs = append(errs, file.Close())
		}
		return errors.Join(errs...)
	}
	for _, profile := range []struct {
		path string
		into *io.Writer
	}{{f.cpuProfile, &config.CPUProfile}, {f.memProfile, &config.HeapProfile}} {
		if profile.path == "" {
			continue
		}
		file, err := os.Create(profile.path)
		if err != nil {
			return closeAll, errors.Join(fmt.Errorf("making the file of a profile: %w", err), closeAll())
		}
		files = append(files, file)
		*profile.into = file
	}
	return closeAll, nil
}

func (f *benchFlags) print(out io.Writer, report *bench.Report) error {
	if !f.json {
		return report.Print(out)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
