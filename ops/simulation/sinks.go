package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/feed"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// sinks are the ledger sinks of one run, one after the other or beside each other.
type sinks struct {
	connection feed.Connection
	database   *Database
	wire       *faults.Wire
	sql        *faults.SQL
	pool       *pgxpool.Pool
	log        *slog.Logger
	books      *bookings
	running    []*sink
}

// sink is one of them.
type sink struct {
	*postgres.Sink
	end  context.CancelFunc
	done chan struct{}
	err  error
}

// bookedMax bounds the wait for the ledger in Postgres.
const bookedMax = 10 * time.Minute

func startSinks(ctx context.Context, of *system, database *Database) (*sinks, error) {
	s := &sinks{
		database: database, wire: faults.NewWire(of.network.dial, of.plan.Sink...), sql: faults.NewSQL(nil, of.plan.SQL...),
		log: of.log, books: newBookings(of.plan.Bookings),
	}
	s.connection = of.connection(s.wire.Dial)
	var err error
	if s.pool, err = database.sinkPool(ctx, s.sql.Dial); err != nil {
		return nil, err
	}
	return s, s.start()
}

// start starts another sink.
func (s *sinks) start() error {
	started, err := postgres.NewSink(postgres.Config{
		Connection: s.connection, Framing: sim.NewFraming(), Pool: s.pool,
		Ledger: postgres.LedgerOptions{Shards: shards, Process: fmt.Sprintf("sink %d", len(s.running)), Faults: s.books.comes}, Log: s.log,
	})
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	run := &sink{Sink: started, end: end, done: make(chan struct{})}
	s.running = append(s.running, run)
	go func() {
		defer close(run.done)
		run.err = run.Run(ctx)
	}()
	return nil
}

// restart ends the sinks that run, whatever they are at, and starts another one.
func (s *sinks) restart() error {
	s.end()
	return s.start()
}

func (s *sinks) end() {
	for _, run := range s.running {
		run.end()
	}
	for _, run := range s.running {
		<-run.done
	}
}

func (s *sinks) stop() {
	s.end()
	s.pool.Close()
}

// Stopped returns why a sink needs a person, nil if none does.
func (s *sinks) Stopped() error {
	for _, run := range s.running {
		if err := run.Stopped(); err != nil {
			return fmt.Errorf("the sink stopped: %w", err)
		}
		select {
		case <-run.done:
			if run.err != nil {
				return fmt.Errorf("the sink ended: %w", run.err)
			}
		default:
		}
	}
	return nil
}

// booked waits until Postgres has every journal and every event of a trade.
func (s *sinks) booked(ctx context.Context, v *view) error {
	ctx, cancel := context.WithTimeout(ctx, bookedMax)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		missing, err := s.missing(ctx, v)
		if err != nil || missing == "" {
			return err
		}
		if err := s.Stopped(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the ledger is not booked after %s: %s is missing; the sinks wait for: %w", bookedMax, missing, s.waiting())
		}
	}
}

func (s *sinks) waiting() error {
	var errs []error
	for _, run := range s.running {
		errs = append(errs, errors.New(run.Waiting()))
	}
	return errors.Join(errs...)
}

// missing says what is not booked yet, or "".
func (s *sinks) missing(ctx context.Context, v *view) (string, error) {
	positions, err := postgres.Positions(ctx, s.database.auditor)
	if err != nil {
		return "", err
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, p := range positions {
		records := v.records[p.Topic][p.Partition]
		if n := len(records); n > 0 && p.NextOffset <= records[n-1].Offset {
			return fmt.Sprintf("%s/%d from %d to %d", p.Topic, p.Partition, p.NextOffset, records[n-1].Offset), nil
		}
	}
	return "", nil
}

// bookings crash the sinks at their steps.
type bookings struct {
	mutex  sync.Mutex
	plan   []Booking
	seen   map[postgres.Step]int
	struck []Booking
}

func newBookings(plan []Booking) *bookings {
	return &bookings{plan: plan, seen: make(map[postgres.Step]int)}
}

func (b *bookings) comes(_ int32, at postgres.Step) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.seen[at]++
	for _, booking := range b.plan {
		if booking.Step == at && booking.Nth == b.seen[at] {
			b.struck = append(b.struck, booking)
			return errCrash
		}
	}
	return nil
}
