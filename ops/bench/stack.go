package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// stopTimeMax bounds taking the stack down.
const stopTimeMax = 60 * time.Second

// intakeKey need not be secret: nobody proves anything to anybody here.
const intakeKey = "the key of a benchmark, known to all"

// stack is the embedded stack with intake, pot, dealing and the ledger sink, and an outsider's view of it.
//
//	embedded: Postgres, registry, broker (stamps ingest records with the benchmark's clock)
//	   |
//	engine: intake pot dealing        sink: ledger topics -> Postgres
//	   |                                 |
//	statuses: what upstream is told   auditor: what Postgres says
type stack struct {
	// embedded is nil on a cluster that was there before: then there is no Postgres and no sink, and producers stamp what they send.
	embedded   *embedded.Stack
	connection feed.Connection
	shards     int32
	dir        string
	now        atomic.Int64 // nanoseconds since 1970
	registry   *feed.Registry
	producer   *feed.Producer
	metrics    *prometheus.Registry
	engine     *engine.Engine
	sinkPool   *pgxpool.Pool
	auditor    *pgxpool.Pool
	statuses   *statuses
	log        *slog.Logger

	cancel  context.CancelCauseFunc
	running *errgroup.Group
	once    sync.Once
	stopErr error
}

func requireEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("looking into the folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder %s is not empty; name one that is, or that does not exist", dir)
	}
	return nil
}

func startStack(ctx context.Context, config Config) (*stack, error) {
	return startStackOn(ctx, config, feed.Connection{})
}

// startStackOn starts the processes on a cluster, or, where the connection names none, the whole stack on an embedded one.
func startStackOn(ctx context.Context, config Config, cluster feed.Connection) (*stack, error) {
	s := &stack{
		connection: cluster, shards: config.Shards, dir: config.Dir, metrics: prometheus.NewRegistry(), log: config.Logger, cancel: func(error) {},
	}
	if err := s.start(ctx, config); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, config Config) error {
	s.advanceTo(loaded)
	topics := allTopics(config.Shards)
	if len(s.connection.Brokers) == 0 {
		if err := s.embed(ctx, config, topics); err != nil {
			return err
		}
	}
	if err := s.applyTopics(ctx, topics); err != nil {
		return err
	}
	var err error
	if s.registry, err = feed.NewRegistry(s.connection.Registry, feed.RegistryOptions{Log: config.Logger}); err != nil {
		return err
	}
	if err := s.registry.Register(ctx, topics); err != nil {
		return err
	}
	if s.producer, err = feed.NewProducer(s.connection); err != nil {
		return err
	}
	return s.run(ctx, config)
}

// embed starts the embedded stack.
func (s *stack) embed(ctx context.Context, config Config, topics []streams.Topic) error {
	stamped := make(map[string]bool)
	for _, topic := range topics {
		stamped[topic.Name] = topic.Stamped
	}
	var err error
	s.embedded, err = embedded.Start(ctx, embedded.Config{
		Dir: config.Dir, PostgresURL: config.PostgresURL, SyncWrites: config.SyncWrites, Logger: config.Logger,
		RestampTopics: func(topic string) bool { return stamped[topic] }, Now: s.clock,
	})
	if err != nil {
		return err
	}
	s.connection = feed.Connection{Brokers: []string{s.embedded.KafkaAddr()}, Registry: feed.RegistryAddress{URL: s.embedded.RegistryURL()}}
	return nil
}

func allTopics(shards int32) []streams.Topic {
	topics := streams.Topics()
	for _, p := range processes(shards) {
		topics = append(topics, p.Table)
	}
	return topics
}

func processes(shards int32) []streams.Process {
	return append(intake.Processes([]byte(intakeKey)), pot.Process(), dealing.Process(shards))
}

func (s *stack) applyTopics(ctx context.Context, topics []streams.Topic) error {
	admin, err := feed.NewTopics(s.connection, feed.Layout{Shards: s.shards, Replication: 1, MinInSync: 1, Stamping: s.embedded != nil})
	if err != nil {
		return err
	}
	defer admin.Close()
	plan, err := admin.Plan(ctx, topics)
	if err != nil {
		return fmt.Errorf("comparing the topics: %w", err)
	}
	if err := admin.Apply(ctx, plan); err != nil {
		return fmt.Errorf("applying the topics: %w", err)
	}
	return nil
}

// run starts what works until the stack is stopped. The first of it that fails ends all waiting.
func (s *stack) run(ctx context.Context, config Config) error {
	kafka, err := s.connection.Opts()
	if err != nil {
		return err
	}
	suffix := ""
	if s.embedded != nil {
		suffix = s.embedded.TransactionalSuffix()
	}
	s.engine, err = engine.New(engine.Config{
		Processes: processes(s.shards), Shards: s.shards, Kafka: kafka, Framing: s.registry, Dir: s.stateDir(),
		TransactionalSuffix: suffix, Limits: config.Limits, Logger: config.Logger, Metrics: s.metrics,
	})
	if err != nil {
		return err
	}
	if s.statuses, err = newStatuses(s.connection, s.registry, s.shards, config.Logger); err != nil {
		return err
	}
	// Not the caller's context: what runs is stopped in order, by stop.
	running, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.running, running = errgroup.WithContext(running)
	s.running.Go(func() error { return s.statuses.run(running) })
	if s.embedded != nil {
		if err := s.runSink(ctx, running); err != nil {
			return err
		}
	}
	s.running.Go(func() error { return s.engine.Run(running) })
	return nil
}

// runSink books the ledger's topics while running lasts, and watches the embedded stack; ctx bounds the start.
func (s *stack) runSink(ctx, running context.Context) error {
	if err := postgres.Migrate(ctx, s.embedded.PostgresURL()); err != nil {
		return err
	}
	var err error
	if s.sinkPool, err = postgres.OpenPool(ctx, s.embedded.PostgresURL(), postgres.RoleSink); err != nil {
		return err
	}
	if s.auditor, err = postgres.OpenPool(ctx, s.embedded.PostgresURL(), postgres.RoleAuditor); err != nil {
		return err
	}
	sink, err := postgres.NewSink(postgres.Config{
		Connection: s.connection, Framing: s.registry, Pool: s.sinkPool, Log: s.log, Metrics: s.metrics,
		Ledger: postgres.LedgerOptions{Shards: s.shards, Process: "bench"},
	})
	if err != nil {
		return err
	}
	s.running.Go(func() error { return sink.Run(running) })
	s.running.Go(func() error {
		select {
		case err := <-s.embedded.Err():
			return err
		case <-running.Done():
			return nil
		}
	})
	return nil
}

func (s *stack) stateDir() string { return filepath.Join(s.dir, "state") }

// clock is the time that the broker stamps with.
func (s *stack) clock() time.Time { return time.Unix(0, s.now.Load()) }

// stop ends everything and waits. What the roles said on the way is part of its error.
func (s *stack) stop() error {
	s.once.Do(func() {
		s.cancel(nil)
		if s.running != nil {
			if err := s.running.Wait(); err != nil && !errors.Is(err, context.Canceled) {
				s.stopErr = err
			}
		}
		for _, pool := range []*pgxpool.Pool{s.sinkPool, s.auditor} {
			if pool != nil {
				pool.Close()
			}
		}
		if s.producer != nil {
			s.producer.Close()
		}
		if s.embedded != nil {
			ctx, cancel := context.WithTimeout(context.Background(), stopTimeMax)
			defer cancel()
			s.stopErr = errors.Join(s.stopErr, s.embedded.Close(ctx))
		}
	})
	return s.stopErr
}

// dealingReference is what dealing knows, as committed; nil before it knows anything.
func (s *stack) dealingReference() (*state.DealingReference, error) {
	stored, err := s.engine.Reference(dealing.Name, 0)
	if errors.Is(err, engine.ErrNotHere) || stored == nil {
		return nil, nil // its shard is still starting
	}
	if err != nil {
		return nil, err
	}
	payload, err := s.registry.Unframe(context.Background(), dealing.Process(s.shards).Table.Name, stored)
	if err != nil {
		return nil, err
	}
	var table state.DealingTable
	reader := avrobin.NewReader(payload)
	table.DecodeAvro(reader)
	if err := reader.Done(); err != nil {
		return nil, fmt.Errorf("decoding what dealing knows: %w", err)
	}
	known, _ := table.Body.(*state.DealingReference)
	return known, nil
}
