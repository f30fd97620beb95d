package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// upConfig says how to run the embedded stack.
type upConfig struct {
	Dir                               string
	KafkaAddr, RegistryAddr, HTTPAddr string
	PostgresURL                       string
	// Shards is chosen when the folder is new; 0 takes what the folder has, or shardsDefault.
	Shards int32
	// Manual runs on the simulated clock, which begins on the morning of Start in a new folder. Empty text in the folder decides.
	Manual bool
	Start  schemas.Date
	// Custodian runs the simulator, with Behaviour.
	Custodian bool
	Behaviour custodian.Behaviour
	// Reference is loaded once per folder; ClosingPrices are published at the close of a day.
	Reference     []ingest.ReferenceData
	ClosingPrices func(schemas.Date) []ingest.Price
	TickInterval  time.Duration
	Logger        *slog.Logger
	// Wrap: see roles.Config.
	Wrap func(streams.Process) streams.Process
	// Progress is told what the start is doing; nil tells nobody.
	Progress func(string)
}

// The defaults of the embedded stack.
const (
	shardsDefault   = 8
	startDefault    = "2008-03-20"
	startOfDay      = 8 * time.Hour
	stackStopMax    = 60 * time.Second
	stackFoundation = "stack.json"
	httpAddrDefault = "127.0.0.1:0"
)

// stack is the embedded stack with all roles in this process.
//
//	startStack
//	   |  <dir>/stack.json      shards, clock, key: chosen once
//	   |  <dir>/clock           the simulated time, if any
//	   |  ops/embedded          Postgres, registry, broker (stamps ingest records with the stack's clock)
//	   |  topics                planned and applied
//	   |  ops/roles.Instance    intake pot dealing clock sink custodian-simulator api
//	   |  reference data        sent once, then awaited in every shard
//	   v  <dir>/endpoints.json  where other commands find it all
//	ready
type stack struct {
	*roles.Instance
	Manual    *roles.Manual // nil on the real clock
	Endpoints endpoints
	embedded  *embedded.Stack
	log       *slog.Logger
	cancel    context.CancelFunc
	done      chan struct{}
	runErr    error
	stopOnce  sync.Once
	stopErr   error
}

// startStack starts the embedded stack and returns once every role runs and the reference data is known. The context bounds the
// start; Stop ends the stack. After a failure nothing is left running.
func startStack(ctx context.Context, config upConfig) (*stack, error) {
	if config.Progress == nil {
		config.Progress = func(string) {}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the folder %s: %w", config.Dir, err)
	}
	config.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the stack's folder: %w", err)
	}
	s := &stack{log: config.Logger, done: make(chan struct{})}
	close(s.done)
	if err := s.start(ctx, config); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, config upConfig) error {
	founded, err := found(&config)
	if err != nil {
		return err
	}
	if config.Manual {
		if s.Manual, err = openClock(config); err != nil {
			return err
		}
	}
	config.Progress("starting Postgres, the registry and the broker")
	if s.embedded, err = embedded.Start(ctx, s.embeddedConfig(config)); err != nil {
		return err
	}
	connection := feed.Connection{Brokers: []string{s.embedded.KafkaAddr()}, Registry: feed.RegistryAddress{URL: s.embedded.RegistryURL()}}
	layout := feed.Layout{Shards: config.Shards, Replication: 1, MinInSync: 1, Stamping: true}
	config.Progress("applying topics")
	if err := applyTopics(ctx, connection, layout); err != nil {
		return err
	}
	config.Progress("starting the roles")
	if err := s.startRoles(ctx, config, founded, connection, layout); err != nil {
		return err
	}
	if err := s.loadReference(ctx, config, founded); err != nil {
		return err
	}
	return s.Endpoints.write(config.Dir)
}

func openClock(config upConfig) (*roles.Manual, error) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		return nil, fmt.Errorf("finding the time zone: %w", err)
	}
	d := config.Start.Time()
	morning := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, zone).Add(startOfDay)
	return roles.OpenManual(filepath.Join(config.Dir, "clock"), morning)
}

func (s *stack) embeddedConfig(config upConfig) embedded.Config {
	stamped := make(map[string]bool)
	for _, topic := range roles.Topics(config.Shards) {
		stamped[topic.Name] = topic.Stamped
	}
	c := embedded.Config{
		Dir: config.Dir, KafkaAddr: config.KafkaAddr, RegistryAddr: config.RegistryAddr, PostgresURL: config.PostgresURL,
		RestampTopics: func(topic string) bool { return stamped[topic] }, Logger: config.Logger,
	}
	if s.Manual != nil {
		c.Now = s.Manual.Now
	}
	return c
}

func applyTopics(ctx context.Context, connection feed.Connection, layout feed.Layout) error {
	admin, err := feed.NewTopics(connection, layout)
	if err != nil {
		return err
	}
	defer admin.Close()
	plan, err := admin.Plan(ctx, roles.Topics(layout.Shards))
	if err != nil {
		return fmt.Errorf("comparing the topics: %w", err)
	}
	if len(plan.Refuse) > 0 {
		return fmt.Errorf("the topics are not as they must be: %s", plan.Refuse[0])
	}
	if err := admin.Apply(ctx, plan); err != nil {
		return fmt.Errorf("applying the topics: %w", err)
	}
	return nil
}

func (s *stack) startRoles(ctx context.Context, config upConfig, founded foundation, connection feed.Connection, layout feed.Layout) error {
	set := []roles.Role{roles.Intake, roles.Pot, roles.Dealing, roles.Clock, roles.Sink, roles.API}
	if config.Custodian {
		set = append(set, roles.CustodianSimulator)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	listener, err := listenHTTP(config)
	if err != nil {
		return err
	}
	s.Instance, err = roles.New(roles.Config{
		Roles: set, Connection: connection, Layout: layout, PostgresURL: s.embedded.PostgresURL(), IntakeKey: founded.IntakeKey,
		StateDir: filepath.Join(config.Dir, "state"), TransactionalSuffix: s.embedded.TransactionalSuffix(), Manual: s.Manual,
		TickInterval: config.TickInterval, ClosingPrices: config.ClosingPrices, Custodians: config.Behaviour,
		Listener: listener, Name: "up", Logger: config.Logger, Metrics: metrics, Wrap: config.Wrap,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	mode := "real"
	if s.Manual != nil {
		mode = "manual"
	}
	s.Endpoints = endpoints{
		Kafka: s.embedded.KafkaAddr(), Registry: s.embedded.RegistryURL(), Postgres: s.embedded.PostgresURL(),
		HTTP: "http://" + listener.Addr().String(), Clock: mode, Shards: config.Shards, PID: os.Getpid(),
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel, s.done = cancel, make(chan struct{})
	go func() {
		defer close(s.done)
		s.runErr = s.Run(running)
	}()
	return s.awaitRunning(ctx)
}

// listenHTTP takes the address that this folder used last time, if it is free, so that addresses outlive a restart.
func listenHTTP(config upConfig) (net.Listener, error) {
	last, _, err := readEndpoints(config.Dir)
	if err == nil && last.HTTP != "" && config.HTTPAddr == httpAddrDefault {
		if listener, err := net.Listen("tcp", strings.TrimPrefix(last.HTTP, "http://")); err == nil {
			return listener, nil
		}
	}
	listener, err := net.Listen("tcp", config.HTTPAddr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; name another address with --api-addr", config.HTTPAddr, err)
	}
	return listener, nil
}

func (s *stack) awaitRunning(ctx context.Context) error {
	select {
	case <-s.Running():
		return s.AwaitShards(ctx)
	case <-s.done:
		return fmt.Errorf("starting the roles: %w", errors.Join(s.runErr, errors.New(s.Waiting())))
	case <-ctx.Done():
		return fmt.Errorf("starting the roles: %w; they wait for: %s", context.Cause(ctx), s.Waiting())
	}
}

func (s *stack) loadReference(ctx context.Context, config upConfig, founded foundation) error {
	if founded.ReferenceLoaded || len(config.Reference) == 0 {
		return nil
	}
	config.Progress("loading assets, custodians, calendars and settings")
	if err := s.LoadReference(ctx, config.Reference); err != nil {
		return err
	}
	// Only now: a stack that was killed before loads it again, which changes nothing.
	founded.ReferenceLoaded = true
	return founded.write(config.Dir)
}

// Done is closed when the roles have ended, by Stop or by a fault; Faults tells of faults of the stack below them.
func (s *stack) Done() <-chan struct{} { return s.done }

// Faults delivers what went wrong below the roles.
func (s *stack) Faults() <-chan error { return s.embedded.Err() }

// Stop ends the roles, then the stack below them, and waits. A second call returns what the first did.
func (s *stack) Stop() error {
	s.stopOnce.Do(func() {
		if s.cancel != nil {
			s.cancel()
		}
		<-s.done
		if s.Instance != nil {
			s.Close()
		}
		s.stopErr = s.runErr
		if s.embedded != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stackStopMax)
			defer cancel()
			s.stopErr = errors.Join(s.stopErr, s.embedded.Close(ctx))
		}
	})
	return s.stopErr
}
