package roles

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Instance is one process's roles.
type Instance struct {
	config   Config
	board    *board
	registry *feed.Registry
	producer *feed.Producer
	engine   *engine.Engine // nil without a process
	auditor  *pgxpool.Pool  // nil without a database
}

// New checks a configuration and makes an instance. It opens no connection yet. Close it after Run.
func New(config Config) (*Instance, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	i := &Instance{config: config, board: newBoard(config.Roles, config.Logger)}
	if err := i.open(); err != nil {
		i.Close()
		return nil, err
	}
	return i, nil
}

func (i *Instance) open() error {
	var err error
	if i.registry, err = feed.NewRegistry(i.config.Connection.Registry, feed.RegistryOptions{Log: i.config.Logger}); err != nil {
		return err
	}
	if i.producer, err = feed.NewProducer(i.config.Connection); err != nil {
		return err
	}
	if i.config.PostgresURL != "" {
		if i.auditor, err = postgres.OpenPool(context.Background(), i.config.PostgresURL, postgres.RoleAuditor); err != nil {
			return err
		}
	}
	processes := i.config.processes()
	if len(processes) == 0 {
		return nil
	}
	kafka, err := i.config.Connection.Opts()
	if err != nil {
		return err
	}
	i.engine, err = engine.New(engine.Config{
		Processes: processes, Shards: i.config.Layout.Shards, Kafka: kafka, Framing: i.registry, Dir: i.config.StateDir,
		TransactionalSuffix: i.config.TransactionalSuffix, Limits: i.config.Limits, Logger: i.config.Logger, Metrics: i.config.Metrics,
		Accepted: i.config.AcceptedTopics, Standby: i.config.Standby, Faults: i.config.EngineFaults,
	})
	return err
}

// Close ends the instance's clients.
func (i *Instance) Close() {
	if i.producer != nil {
		i.producer.Close()
	}
	if i.auditor != nil {
		i.auditor.Close()
	}
}

// Producer writes to the ingest topics; Registry frames what it writes; Auditor reads the ledger's database (nil without one).
func (i *Instance) Producer() *feed.Producer { return i.producer }

// Registry returns the registry, which knows all topics once the roles run.
func (i *Instance) Registry() *feed.Registry { return i.registry }

// Auditor returns connections that may read all of the ledger's database, or nil without one.
func (i *Instance) Auditor() *pgxpool.Pool { return i.auditor }

// Engine returns the engine of the roles intake, pot and dealing, or nil where none of them runs here.
func (i *Instance) Engine() *engine.Engine { return i.engine }

// Connection returns how the brokers and the registry are reached.
func (i *Instance) Connection() feed.Connection { return i.config.Connection }

// Shards returns the number of shards of pots.
func (i *Instance) Shards() int32 { return i.config.Layout.Shards }

// Now returns the stack's own time: the simulated one on the manual clock.
func (i *Instance) Now() time.Time {
	if i.config.Manual != nil {
		return i.config.Manual.Now()
	}
	return time.Now()
}

// Running is closed once every role has run for the first time.
func (i *Instance) Running() <-chan struct{} { return i.board.running }

// Waiting says in a line what the roles wait for, "" for nothing.
func (i *Instance) Waiting() string { return i.board.waiting() }

// Run runs the roles until ctx ends; an error means that waiting could not help.
//
//	            listen on HTTP: /healthz shows from now on what is waited for
//	               |
//	            wait for the brokers, refuse wrong topics
//	               |
//	            wait for the registry: schemas get their ids
//	               |
//	  +------------+-----------+-------------+----------------+
//	  v            v           v             v                v
//	engine       clock       sink      custodian-simulator   api
//	                          waits for Postgres by itself
func (i *Instance) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return i.serve(ctx) })
	group.Go(func() error {
		if err := i.prepare(ctx); err != nil {
			return err
		}
		i.startRoles(ctx, group)
		return nil
	})
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// startRoles runs each role; an error of one is a fault, unless the context has ended: that is how a role ends.
func (i *Instance) startRoles(ctx context.Context, group *errgroup.Group) {
	if i.engine != nil {
		group.Go(func() error { return i.runEngine(ctx) })
	}
	run := map[Role]func(context.Context) error{
		Clock: i.runClock, Sink: i.runSink, CustodianSimulator: i.runCustodian, API: i.runAPI,
	}
	for _, role := range i.config.Roles {
		if f := run[role]; f != nil {
			group.Go(func() error {
				if err := f(ctx); err != nil && ctx.Err() == nil {
					i.board.set(role, StateStopped, err.Error())
					return fmt.Errorf("running role %s: %w", role, err)
				}
				return nil
			})
		}
	}
}

// prepare waits for the brokers and the registry.
func (i *Instance) prepare(ctx context.Context) error {
	if err := i.awaitTopics(ctx); err != nil {
		return err
	}
	i.board.starts("the schema registry at "+i.config.Connection.Registry.URL, i.config.Roles...)
	var topics []streams.Topic
	for _, topic := range Topics(i.Shards()) {
		if topic.Schema != "" {
			topics = append(topics, topic)
		}
	}
	if err := i.registry.Register(ctx, topics); err != nil {
		return err
	}
	i.board.starts("the start of the role", i.config.Roles...)
	return nil
}

// awaitTopics waits until the brokers answer, and refuses topics that are not as they must be.
func (i *Instance) awaitTopics(ctx context.Context) error {
	for wait := newBackoff(); ; {
		differences, err := i.verify(ctx)
		if err == nil {
			return feed.Refusal(differences)
		}
		i.board.waits(fmt.Sprintf("the brokers at %s: %v", strings.Join(i.config.Connection.Brokers, ","), err), i.config.Roles...)
		if err := wait.pause(ctx); err != nil {
			return err
		}
	}
}

// brokerAnswerMax bounds one attempt to reach the brokers, so that the board soon says what is waited for.
const brokerAnswerMax = 10 * time.Second

func (i *Instance) verify(ctx context.Context) ([]feed.Difference, error) {
	ctx, cancel := context.WithTimeout(ctx, brokerAnswerMax)
	defer cancel()
	topics := Topics(i.Shards())
	if err := i.config.Layout.Validate(topics); err != nil {
		return []feed.Difference{{Setting: "layout", Have: err.Error(), Want: "a layout fit for production", Fix: "correct the configuration, or start with --simulated-time"}}, nil
	}
	admin, err := feed.NewTopics(i.config.Connection, i.config.Layout)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	return admin.Verify(ctx, topics)
}
