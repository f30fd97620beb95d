package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// faultsMax bounds the faults that wait on Err for a reader. The first one
	// is what matters; later ones only go to the log.
	faultsMax = 8

	// closeWaitMax bounds Close for a caller whose context has no deadline.
	closeWaitMax = 60 * time.Second
)

// Config says where a stack lives and on which addresses it answers.
type Config struct {
	// Dir holds everything the stack keeps. It is created if it is missing. One
	// stack at a time may use it.
	Dir string

	// KafkaAddr and RegistryAddr are host:port. Empty means 127.0.0.1:0. Port 0
	// means the port this Dir used last time if it is free, else any free one.
	// The host is also what clients are told to connect to, so 0.0.0.0 is refused.
	KafkaAddr, RegistryAddr string

	// PostgresURL names a running server to use. Empty means a server of the
	// stack's own.
	PostgresURL string

	// RestampTopics says which topics get the broker's time on every record
	// (what message.timestamp.type=LogAppendTime does on Apache Kafka). Nil leaves all
	// timestamps as the producer set them.
	RestampTopics func(topic string) bool

	// Now is the clock that RestampTopics stamps with; nil is the machine's. With a
	// simulated one the records of every client get the simulated time. It must never
	// run backwards.
	Now func() time.Time

	// SyncWrites makes the broker flush every batch to the disk, so that a power
	// cut loses nothing either. A killed process never loses anything.
	SyncWrites bool

	// Logger gets what the stack has to say. Nil discards it.
	Logger *slog.Logger
}

// Stack is a running broker, registry and Postgres.
type Stack struct {
	log        *slog.Logger
	folder     *folder
	generation generation
	broker     *broker
	registry   *registryServer
	postgres   *postgresServer
	faults     chan error
	closeOnce  sync.Once
	closeErr   error
}

// Start brings the stack up and returns once all three parts accept work. The
// context bounds the start only; a running stack is stopped by Close. It fails
// if another process holds the folder, if a fixed port is taken, or if there is no
// Postgres and none can be fetched. After a failure nothing is left running.
func Start(ctx context.Context, config Config) (*Stack, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(config.Dir)
	if err != nil || config.Dir == "" {
		return nil, fmt.Errorf("starting the embedded stack: folder %q is not usable", config.Dir)
	}
	held, err := holdFolder(dir)
	if err != nil {
		return nil, err
	}
	stack := &Stack{log: config.Logger, folder: held, faults: make(chan error, faultsMax)}
	if err := stack.start(ctx, config); err != nil {
		// The caller's context may be what ended the start; the parts that run must
		// be stopped all the same.
		return nil, errors.Join(err, stack.Close(context.WithoutCancel(ctx)))
	}
	return stack, nil
}

// start goes from the slowest and most likely to fail to the quickest. The
// broker comes up only after everything else stands, because from then on a
// stop that is not clean costs a new transactional suffix.
func (s *Stack) start(ctx context.Context, config Config) error {
	var err error
	if s.postgres, err = startPostgres(ctx, s.folder, config.PostgresURL, s.log, s.fault); err != nil {
		return err
	}
	addresses, err := listenKept(s.folder, config.KafkaAddr, config.RegistryAddr)
	if err != nil {
		return err
	}
	defer addresses.closeUnused()
	if s.registry, err = startRegistry(s.folder.path("registry.log"), addresses.take(addressRegistry), s.log, s.fault); err != nil {
		return err
	}
	if s.generation, err = beginGeneration(s.folder); err != nil {
		return err
	}
	if s.generation.afterUncleanStop {
		s.log.Warn("the last stop was not clean; using a new transactional suffix", "suffix", s.TransactionalSuffix())
	}
	s.broker, err = startBroker(brokerConfig{
		dir:        s.folder.path("kafka"),
		listener:   addresses.take(addressKafka),
		restamp:    config.RestampTopics,
		now:        config.Now,
		syncWrites: config.SyncWrites,
		repair:     s.generation.afterUncleanStop,
		log:        s.log,
		fault:      s.fault,
	})
	return err
}

// KafkaAddr is the broker's host:port.
func (s *Stack) KafkaAddr() string { return s.broker.addr }

// RegistryURL is the schema registry's base URL.
func (s *Stack) RegistryURL() string { return s.registry.url }

// PostgresURL is the connection string of the ledger's database, for pgx and
// for psql. It names a unix socket unless Config named another server.
func (s *Stack) PostgresURL() string { return s.postgres.url }

// TransactionalSuffix must end every transactional id that is used on this
// broker. It changes after each stop that was not clean.
//
// The broker itself aborts a transaction that was open when its process was killed
// only in memory. If the same transactional id committed later, the next start would
// read that commit as covering the aborted records too. The repair before a start
// writes the missing marker; an id that is never used again can't need it.
func (s *Stack) TransactionalSuffix() string { return s.generation.suffix() }

// Err delivers what went wrong in a running stack, such as a Postgres that
// died. After the first fault the stack should be closed. The channel is never
// closed, and no fault comes of Close itself.
func (s *Stack) Err() <-chan error { return s.faults }

// Close stops everything and waits for it, at most until the context ends, and
// then forces what is left. A second call returns what the first one did.
func (s *Stack) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		bounded, cancel := context.WithTimeout(ctx, closeWaitMax)
		defer cancel()
		s.closeErr = s.close(bounded)
	})
	return s.closeErr
}

// close stops in the order in which the parts depend on each other's answers:
// clients of the broker look schemas up and write to Postgres. The lock goes
// last, so that nobody opens files that are still being written.
func (s *Stack) close(ctx context.Context) error {
	var errs []error
	if s.broker != nil {
		err := s.broker.close()
		if err == nil {
			err = s.generation.end()
		}
		errs = append(errs, err)
	}
	if s.registry != nil {
		errs = append(errs, s.registry.close(ctx))
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.close(ctx))
	}
	errs = append(errs, s.folder.release())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the embedded stack: %w", err)
	}
	return nil
}

// fault hands an error to whoever reads Err. It never blocks: a part that
// failed must not also hang.
func (s *Stack) fault(err error) {
	s.log.Error("a part of the embedded stack failed", "error", err)
	select {
	case s.faults <- err:
	default:
	}
}

// Remove deletes a stack's folder and what it keeps elsewhere (see
// postgres.path in the folder). It refuses while a process holds the folder. A
// folder that does not exist is no error.
func Remove(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("removing the embedded stack: %w", err)
	}
	held, err := holdFolder(dir)
	if err != nil {
		return err
	}
	err = errors.Join(removePostgresPlace(held), os.RemoveAll(dir), held.release())
	if err != nil {
		return fmt.Errorf("removing the embedded stack in %s: %w", dir, err)
	}
	return nil
}
