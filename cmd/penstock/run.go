package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/custodian"
)

// The environment variables that only `run` reads.
const (
	envRoles         = "PENSTOCK_ROLES"
	envStateDir      = "PENSTOCK_STATE_DIR"
	envIntakeKeyFile = "PENSTOCK_INTAKE_KEY_FILE"
	envName          = "PENSTOCK_NAME"
	envStandby       = "PENSTOCK_STANDBY"
)

// runFlags are the flags of `run` as written.
type runFlags struct {
	layoutFlags
	stateDir, keyFile, metrics, name, behaviour, logLevel string
	tick, session                                         time.Duration
	parkedRecords                                         int
	accepted                                              map[string]string
	standby                                               bool
}

func newRun() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:     "run ROLE...",
		GroupID: groupRun,
		Short:   "Run roles against a real cluster",
		Long: `Runs roles until interrupted: intake, pot, dealing, clock, sink, custodian-simulator, api. Any number of instances may run any roles;
they share the shards. A role waits for brokers, registry and Postgres, says so on /healthz and in its log, and goes on by itself.

Settings come from flags, then the environment, then the configuration file (--config or PENSTOCK_CONFIG). Variables: PENSTOCK_BROKERS,
PENSTOCK_REGISTRY_URL, PENSTOCK_POSTGRES_URL, PENSTOCK_ROLES, PENSTOCK_SHARDS, PENSTOCK_STATE_DIR, PENSTOCK_METRICS_ADDR,
PENSTOCK_INTAKE_KEY_FILE, PENSTOCK_NAME, PENSTOCK_STANDBY. The log is JSON lines on standard error.

With --standby the instance also keeps stores up to date of the shards that other instances run, so that it can take any of them over after reading the
last few records of its changelog instead of all of it. Which instance gets a shard is the group's choice: give the flag to all instances of a role, or to none.

It refuses to start on topics that could lose money, and says which command mends them.`,
		Example: `  penstock run pot dealing --config cluster.yaml
  PENSTOCK_BROKERS=kafka-1:9092 PENSTOCK_REGISTRY_URL=http://registry:8081 penstock run clock`,
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := flags.roles(args, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runRoles(cmd.Context(), config)
		},
	}
	flags.add(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.stateDir, "state-dir", "", "folder of the shards' stores; it may be lost, they are restored")
	f.StringVar(&flags.keyFile, "intake-key-file", "", "file with the secret of role intake; the same for all its instances, for ever")
	f.StringVar(&flags.metrics, "metrics-addr", "", "host:port of /healthz, /metrics and /status (default 127.0.0.1:9600)")
	f.StringVar(&flags.name, "name", "", "name of this instance in status and positions (default: the host's)")
	f.BoolVar(&flags.standby, "standby", false, "keep stores of other instances' shards up to date, for short takeovers")
	f.StringVar(&flags.behaviour, "custodian-behaviour", "", "YAML file that says what the simulated custodians do out of the ordinary (ops/docs/custodians.md)")
	f.DurationVar(&flags.tick, "tick-interval", 0, "time between two ticks of role clock (default 2s)")
	f.DurationVar(&flags.session, "session-timeout", 0, "silence of an instance after which others take its shards over (default 10s)")
	f.IntVar(&flags.parkedRecords, "parked-records-max", 0, "parked records at which a shard stops; more lets one go on that has stopped (default 10000)")
	f.StringToStringVar(&flags.accepted, "accept-topic", nil, "TOPIC=ID of an inbox or changelog that was deleted and made again, and is to be gone on with")
	f.StringVar(&flags.logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// metricsAddrDefault is on loopback: what it shows is nobody else's business unless said so.
const metricsAddrDefault = "127.0.0.1:9600"

// roles merges flags, environment and configuration, in this order.
func (f *runFlags) roles(args []string, logs io.Writer) (roles.Config, error) {
	var file fileConfig
	var err error
	if f.config != "" {
		if file, err = readConfig(f.config); err != nil {
			return roles.Config{}, err
		}
	}
	config := roles.Config{
		PostgresURL: firstSet(f.postgres, file.PostgresURL),
		StateDir:    firstSet(f.stateDir, os.Getenv(envStateDir), file.StateDir),
		Address:     firstSet(f.metrics, os.Getenv(envMetrics), file.MetricsAddr, metricsAddrDefault),
		Name:        firstSet(f.name, os.Getenv(envName), file.Name, hostName()),
		Metrics:     prometheus.NewRegistry(),

		AcceptedTopics: f.accepted,
	}
	config.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return config, fmt.Errorf("--log-level %q: it must be debug, info, warn or error", f.logLevel)
	}
	config.Logger = slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: level}))
	if config.Roles, err = roles.Parse(roleNames(args, &file)); err != nil {
		return config, err
	}
	if config.Connection, err = f.cluster(&file); err != nil {
		return config, err
	}
	if config.Layout, err = f.layout(); err != nil {
		return config, err
	}
	if config.IntakeKey, err = readKey(firstSet(f.keyFile, os.Getenv(envIntakeKeyFile), file.IntakeKeyFile)); err != nil {
		return config, err
	}
	if config.Standby, err = standby(f.standby, file.Standby); err != nil {
		return config, err
	}
	if config.TickInterval, err = duration("tickInterval", f.tick, file.TickInterval); err != nil {
		return config, err
	}
	if config.Limits.SessionTimeMax, err = duration("sessionTimeout", f.session, file.SessionTimeout); err != nil {
		return config, err
	}
	if f.parkedRecords < 0 {
		return config, fmt.Errorf("--parked-records-max %d: it must not be negative", f.parkedRecords)
	}
	config.Limits.ParkedRecordsMax = f.parkedRecords
	config.Custodians, err = readBehaviour(firstSet(f.behaviour, file.CustodianBehaviour))
	return config, err
}

func roleNames(args []string, file *fileConfig) []string {
	if names := os.Getenv(envRoles); len(args) == 0 && names != "" {
		return strings.Split(names, ",")
	}
	if len(args) == 0 {
		return file.Roles
	}
	return args
}

// standby reads whether the instance stands by. The flag goes before the variable, and that before the file.
func standby(flag, configured bool) (bool, error) {
	text := os.Getenv(envStandby)
	if flag || text == "" {
		return flag || configured, nil
	}
	asked, err := strconv.ParseBool(text)
	if err != nil {
		return false, fmt.Errorf("%s is %q: write true or false", envStandby, text)
	}
	return asked, nil
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "penstock"
	}
	return name
}

func readKey(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret of intake: %w", err)
	}
	return bytes.TrimSpace(key), nil
}

// duration takes a flag's value, or that of the key in the configuration file.
func duration(key string, flag time.Duration, configured string) (time.Duration, error) {
	if flag != 0 || configured == "" {
		return flag, nil
	}
	interval, err := time.ParseDuration(configured)
	if err != nil {
		return 0, fmt.Errorf("%s %q: write it as 2s", key, configured)
	}
	return interval, nil
}

func readBehaviour(path string) (custodian.Behaviour, error) {
	if path == "" {
		return custodian.Behaviour{}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return custodian.Behaviour{}, fmt.Errorf("reading the custodian's behaviour: %w", err)
	}
	return custodian.ParseBehaviour(text)
}

// runRoles runs an instance until ctx ends or it fails.
func runRoles(ctx context.Context, config roles.Config) error {
	instance, err := roles.New(config)
	if err != nil {
		return err
	}
	defer instance.Close()
	config.Logger.Info("starting", "roles", config.Roles, "instance", config.Name, "address", config.Address)
	err = instance.Run(ctx)
	if err == nil && ctx.Err() == nil {
		err = errors.New("the roles ended")
	}
	config.Logger.Info("stopped")
	return err
}
