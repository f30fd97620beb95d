// Command victim is what drills kill: roles wired as `penstock run` wires them, with hooks at every named step of a shard's life and of a
// booking. It also runs the embedded broker and registry as a process of their own, which nobody kills.
//
//	victim run script.json
//	victim broker FOLDER POSTGRES-URL
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-ledger/penstock/ops/drills/script"
	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	// stopMax bounds the end of the broker.
	stopMax = 30 * time.Second
	// reportEvery is how often a victim says what its shards do.
	reportEvery = 20 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "victim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "run":
		s, err := script.Read(args[1])
		if err != nil {
			return err
		}
		return play(ctx, s)
	case len(args) == 3 && args[0] == "broker":
		return serve(ctx, args[1], args[2])
	}
	return errors.New("say: victim run SCRIPT, or: victim broker FOLDER POSTGRES-URL")
}

// play runs the roles until ctx ends, or a point of the plan strikes.
func play(ctx context.Context, s *script.Script) error {
	config, err := configure(s)
	if err != nil {
		return err
	}
	var instance *roles.Instance
	striker := &script.Striker{Plan: s.Plan, Sweeping: func(process string, shard int32) bool { return sweeping(instance.Engine(), process, shard) }}
	config.EngineFaults = func(process string, shard int32, at engine.Step) error {
		striker.At(process, shard, string(at))
		return nil
	}
	config.SinkFaults = func(shard int32, at postgres.Step) error {
		striker.At(string(roles.Sink), shard, string(at))
		return nil
	}
	if instance, err = roles.New(config); err != nil {
		return err
	}
	defer instance.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return instance.Run(ctx) })
	if s.ReportFile != "" && instance.Engine() != nil {
		group.Go(func() error { return report(ctx, s.ReportFile, instance.Engine()) })
	}
	return group.Wait()
}

// report says what the shards do until ctx ends.
func report(ctx context.Context, path string, e *engine.Engine) error {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		if err := (&script.Report{Pid: os.Getpid(), Shards: e.Status()}).Write(path); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweeping says whether a sweep has committed some visits, and not all.
func sweeping(e *engine.Engine, process string, shard int32) bool {
	for _, status := range e.Status() {
		if status.Process == process && status.Shard == shard {
			return status.Sweep != nil
		}
	}
	return false
}

func configure(s *script.Script) (roles.Config, error) {
	config := roles.Config{
		Connection: feed.Connection{
			Brokers: s.Brokers, Registry: feed.RegistryAddress{URL: s.Registry},
			ClientID: fmt.Sprintf("%s.%d", s.Name, os.Getpid()), // so that the drill can tell whose group member one is
		},
		Layout:      feed.Layout{Shards: s.Shards, Replication: 1, MinInSync: 1},
		PostgresURL: s.Postgres, IntakeKey: []byte(s.IntakeKey), StateDir: s.StateDir, Standby: s.Standby, TransactionalSuffix: s.Suffix, Name: s.Name,
		Limits: engine.Limits{SessionTimeMax: s.Session, TransactionRecordsMax: s.RecordsMax, SweepVisitsMax: s.VisitsMax},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	var err error
	if config.Roles, err = roles.Parse(s.Roles); err != nil {
		return config, err
	}
	config.Custodians, err = custodian.ParseBehaviour([]byte(s.Behaviour))
	return config, err
}

// Endpoints say where the broker and the registry answer; they are in the file endpoints.json of the folder once both do.
type Endpoints struct {
	Kafka, Registry, Suffix string
}

// serve runs the embedded broker and registry until ctx ends.
func serve(ctx context.Context, dir, postgresURL string) error {
	stack, err := embedded.Start(ctx, embedded.Config{Dir: dir, PostgresURL: postgresURL, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	text, err := json.Marshal(Endpoints{stack.KafkaAddr(), stack.RegistryURL(), stack.TransactionalSuffix()})
	path := filepath.Join(dir, "endpoints.json")
	if err == nil {
		err = os.WriteFile(path+".draft", text, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".draft", path)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-stack.Err():
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopMax)
	defer cancel()
	return errors.Join(err, stack.Close(bounded))
}
