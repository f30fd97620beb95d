package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
)

// upFlags are the flags of `up` as written.
type upFlags struct {
	dir, kafka, registry, postgres, api, metrics string
	custodian, behaviour, clock, start, logLevel string
	shards                                       int32
	tick                                         time.Duration
}

func newUp() *cobra.Command {
	var flags upFlags
	cmd := &cobra.Command{
		Use:     "up",
		GroupID: groupRun,
		Short:   "Run the embedded stack and all roles, until interrupted",
		Long: `Runs a Kafka broker, a schema registry, Postgres and every role of Penstock in this process, on this machine alone. All that
they hold lies in --dir and survives a restart; --dir also says where other commands find the running stack.

On the manual clock (the default) time stands still at the morning of --start until "penstock day close" moves it, and every
record gets the simulated time, whoever sends it. On the real clock days close by themselves.

The broker is a single process without replication: made for trying Penstock out and for tests, not for anybody's money.`,
		Example: `  penstock up
  penstock up --dir /tmp/try --clock real
  penstock up --kafka-addr 127.0.0.1:9092 --registry-addr 127.0.0.1:8081 --api-addr 127.0.0.1:9600`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := flags.config(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runUp(cmd.Context(), config, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.dir, "dir", dirDefault, "folder of everything that the stack keeps")
	f.StringVar(&flags.kafka, "kafka-addr", "", "host:port of the broker (default: any free port of loopback, the same after a restart)")
	f.StringVar(&flags.registry, "registry-addr", "", "host:port of the schema registry (default: as for the broker)")
	f.StringVar(&flags.postgres, "postgres", "", "URL of a Postgres to use (default: one of the stack's own)")
	f.StringVar(&flags.api, "api-addr", httpAddrDefault, "host:port of /healthz, /metrics, /status and the other pages")
	f.StringVar(&flags.metrics, "metrics-addr", "", "the same as --api-addr: one server answers both")
	f.Int32Var(&flags.shards, "shards", 0, fmt.Sprintf("number of shards, chosen once per folder (default %d)", shardsDefault))
	f.StringVar(&flags.custodian, "custodian", "simulator", "who answers external trades: simulator or none")
	f.StringVar(&flags.behaviour, "custodian-behaviour", "", "YAML file that says what the simulated custodians do out of the ordinary (ops/docs/custodians.md)")
	f.StringVar(&flags.clock, "clock", "manual", "manual (simulated time) or real")
	f.StringVar(&flags.start, "start", startDefault, "day on which the manual clock begins in a new folder")
	f.DurationVar(&flags.tick, "tick-interval", roles.TickIntervalDefault, "time between two ticks of the real clock")
	f.StringVar(&flags.logLevel, "log-level", "warn", "what goes to standard error: debug, info, warn or error")
	return cmd
}

func (f *upFlags) config(logs io.Writer) (upConfig, error) {
	config := upConfig{
		Dir: f.dir, KafkaAddr: f.kafka, RegistryAddr: f.registry, HTTPAddr: f.api, PostgresURL: f.postgres, Shards: f.shards,
		TickInterval: f.tick,
	}
	if f.metrics != "" {
		config.HTTPAddr = f.metrics
	}
	var err error
	if config.Manual, err = oneOf("--clock", f.clock, "manual", "real"); err != nil {
		return config, err
	}
	if config.Custodian, err = oneOf("--custodian", f.custodian, "simulator", "none"); err != nil {
		return config, err
	}
	if config.Start, err = schemas.ParseDate(f.start); err != nil {
		return config, fmt.Errorf("--start %q: %w; write it as %s", f.start, err, startDefault)
	}
	if f.shards < 0 {
		return config, fmt.Errorf("--shards %d: there must be at least one", f.shards)
	}
	if config.Behaviour, err = readBehaviour(f.behaviour); err != nil {
		return config, err
	}
	if config.Logger, err = textLogger(logs, f.logLevel); err != nil {
		return config, err
	}
	return config, demoData(&config)
}

// oneOf says whether a flag has the first of its two values.
func oneOf(flag, value, first, second string) (bool, error) {
	if value != first && value != second {
		return false, fmt.Errorf("%s %q: it must be %s or %s", flag, value, first, second)
	}
	return value == first, nil
}

func textLogger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: it must be debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// runUp runs the stack until ctx ends or it fails.
func runUp(ctx context.Context, config upConfig, out io.Writer) error {
	config.Progress = func(what string) { fmt.Fprintln(out, what, "...") }
	s, err := startStack(ctx, config)
	if err != nil {
		return err
	}
	printStack(out, config, s)
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "stopping ...")
	case <-s.Done():
		err = errors.New("the roles ended")
	case err = <-s.Faults():
	}
	return errors.Join(err, s.Stop())
}

func printStack(out io.Writer, config upConfig, s *stack) {
	e := s.Endpoints
	fmt.Fprintf(out, `
Kafka      %s
registry   %s
Postgres   psql '%s'
HTTP       %s/status
shards     %d
clock      %s, %s
`, e.Kafka, e.Registry, e.Postgres, e.HTTP, e.Shards, e.Clock, s.Now().Format(time.RFC3339))
	var dir string
	if config.Dir != dirDefault {
		dir = " --dir " + config.Dir
	}
	fmt.Fprintf(out, "look with  penstock status%s\n\nready\n", dir)
}
