package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/goccy/go-yaml"

	"github.com/penstock-ledger/penstock/streams/feed"
)

// fileConfig is the configuration file of `penstock run` and of the commands that talk to a cluster.
type fileConfig struct {
	// Connection reaches brokers and registry, with TLS and SASL.
	Connection feed.Connection `yaml:"kafka"`
	// PostgresURL is the ledger's database.
	PostgresURL string `yaml:"postgres,omitempty"`
	// Roles are those to run where the command line names none.
	Roles []string `yaml:"roles,omitempty"`
	// Shards is the number of shards that the topics were created with.
	Shards int32 `yaml:"shards,omitempty"`
	// Replication and MinInSync are those of the topics.
	Replication int16 `yaml:"replication,omitempty"`
	MinInSync   int16 `yaml:"minInSync,omitempty"`
	// StateDir holds the shards' stores.
	StateDir string `yaml:"stateDir,omitempty"`
	// IntakeKeyFile holds the secret of role intake.
	IntakeKeyFile string `yaml:"intakeKeyFile,omitempty"`
	// Standby keeps stores up to date of shards that other instances run.
	Standby bool `yaml:"standby,omitempty"`
	// MetricsAddr is the host:port of /healthz, /metrics and /status.
	MetricsAddr string `yaml:"metricsAddr,omitempty"`
	// TickInterval is the time between two ticks of role clock, such as 2s.
	TickInterval string `yaml:"tickInterval,omitempty"`
	// SessionTimeout is the silence after which others take this instance's shards over, such as 10s.
	SessionTimeout string `yaml:"sessionTimeout,omitempty"`
	// Name names the instance in status and positions.
	Name string `yaml:"name,omitempty"`
	// CustodianBehaviour is the file that says what the simulator does out of the ordinary.
	CustodianBehaviour string `yaml:"custodianBehaviour,omitempty"`
}

// readConfig reads a configuration file; an unknown key is an error.
func readConfig(path string) (fileConfig, error) {
	var config fileConfig
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalWithOptions(text, &config, yaml.DisallowUnknownField())
	}
	if err != nil {
		return config, fmt.Errorf("reading the configuration %s: %w", path, err)
	}
	return config, nil
}

// warnings logs what a user of a command must know.
func warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
