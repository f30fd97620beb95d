package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/bench"
	"github.com/penstock-ledger/penstock/ops/embedded"
)

// What a latency run does where nothing else is asked for.
const (
	latencyRateDefault   = 1000
	latencyTimeDefault   = 20 * time.Second
	latencyWarmupDefault = 5 * time.Second
)

func newBenchLatency() *cobra.Command {
	var config bench.LatencyConfig
	var asJSON bool
	var logLevel string
	cmd := &cobra.Command{
		Use:   "latency",
		Short: "Measure how long an instruction takes to become a journal, at a steady rate",
		Long: `Starts an embedded stack of its own, opens pots, and sends contributions at a steady rate, each at its own time however slowly the ones
before are answered. It reports how long it takes from an acknowledged instruction until its journal is readable for read-committed
consumers, and in which part of the way the time is spent.

Nothing is asserted about time. Quote a number as the median of several runs, with the load of the machine.`,
		Example: `  penstock bench latency
  penstock bench latency --rate 200 --time 10s --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if config.Logger, err = textLogger(cmd.ErrOrStderr(), logLevel); err != nil {
				return err
			}
			report, err := measureLatency(cmd, config)
			if err != nil {
				return err
			}
			if !asJSON {
				return report.Print(cmd.OutOrStdout())
			}
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(report)
		},
	}
	f := cmd.Flags()
	f.IntVar(&config.Rate, "rate", latencyRateDefault, "instructions per second")
	f.DurationVar(&config.Time, "time", latencyTimeDefault, "how long to measure")
	f.DurationVar(&config.Warmup, "warmup", latencyWarmupDefault, "how long to send before measuring")
	f.Int32Var(&config.Shards, "shards", shardsDefault, "number of shards")
	f.BoolVar(&asJSON, "json", false, "print the report as JSON")
	f.StringVar(&logLevel, "log-level", "error", "what goes to standard error: debug, info, warn or error")
	return cmd
}

// measureLatency runs the benchmark in a folder that goes away with it.
func measureLatency(cmd *cobra.Command, config bench.LatencyConfig) (_ *bench.LatencyReport, err error) {
	if onTerminal(cmd) {
		config.Progress = func(doing string) { fmt.Fprintf(cmd.ErrOrStderr(), "%s ...\n", doing) }
	}
	parent, err := os.MkdirTemp("", "penstock-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(parent)) }()
	config.Dir = filepath.Join(parent, "stack")
	defer func() { err = errors.Join(err, embedded.Remove(config.Dir)) }()
	return bench.Latency(cmd.Context(), config)
}
