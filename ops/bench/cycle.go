package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// PotsMax bounds the pots of a run: their records are held in memory before they are sent.
const PotsMax = 10_000_000

// Config says what to measure.
type Config struct {
	// Dir is where the stack keeps its data; it must not exist or be empty, for only a fresh ledger has known totals.
	Dir string
	// Pots is the number of pots, Shards that of shards.
	Pots   int
	Shards int32
	// PostgresURL names a server to use instead of one of the stack's own; its memory is then not measured.
	PostgresURL string
	// SyncWrites makes the broker flush every batch to the disk, see embedded.Config.
	SyncWrites bool
	// Limits are the engine's; zero values take the defaults.
	Limits engine.Limits
	// CPUProfile and HeapProfile, where given, get profiles of the measured part: from the first contribution until all is booked.
	CPUProfile, HeapProfile io.Writer
	Logger                  *slog.Logger
	// Progress is told what is being done; nil tells nobody.
	Progress func(string)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Dir == "":
		return errors.New("a folder for the stack is needed")
	case c.Pots < 1 || c.Pots > PotsMax:
		return fmt.Errorf("%d pots; it must be from 1 to %d", c.Pots, PotsMax)
	case c.Shards < 1:
		return fmt.Errorf("%d shards; there must be at least one", c.Shards)
	}
	return requireEmpty(c.Dir)
}

// Cycle runs the whole cycle once and reports what it took. It returns an error where anything went wrong on the way, and also,
// beside the report, where the ledger does not say in the end what it must: a fast wrong answer is none.
func Cycle(ctx context.Context, config Config) (_ *Report, err error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("the benchmark cannot run: %w", err)
	}
	market, err := demo.NewMarket()
	if err != nil {
		return nil, err
	}
	config.Progress("starting the stack")
	s, err := startStack(ctx, config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	c := &cycle{
		stack: s, config: config, market: market, watch: watchMemory(ctx),
		report: &Report{Pots: config.Pots, Shards: config.Shards, Machine: ThisMachine()},
	}
	defer c.watch.stop()
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	if err := c.measure(ctx); err != nil {
		return nil, err
	}
	config.Progress("weighing")
	if err := c.weigh(ctx); err != nil {
		return nil, err
	}
	config.Progress("verifying")
	return c.report, c.verify(ctx)
}

// cycle is one run.
type cycle struct {
	*stack
	config Config
	market *demo.Market
	watch  *memoryWatch
	report *Report
	// members' records of the stage to come
	letters []letter
	desk    *desk
}

// open makes the pots. What it takes is reported apart from the cycle: a pot is opened once, and contributes every month.
func (c *cycle) open(ctx context.Context) error {
	c.config.Progress("loading reference data")
	if err := c.loadReference(ctx, c.market); err != nil {
		return err
	}
	c.config.Progress("opening pots")
	c.letters = openings(c.config.Pots, c.registry)
	c.advanceTo(opened)
	began := time.Now()
	if err := c.post(ctx, c.letters); err != nil {
		return err
	}
	if err := c.statuses.await(ctx, stateAccepted, int64(c.config.Pots)); err != nil {
		return fmt.Errorf("opening pots: %w", err)
	}
	c.report.Opening = Stage{Name: "opened", Seconds: time.Since(began).Seconds()}
	c.report.Opening.rate(c.config.Pots)
	if err := c.passTime(ctx); err != nil {
		return err
	}
	c.letters = contributions(c.config.Pots, c.registry)
	var err error
	c.desk, err = newDesk(c.stack, c.market)
	return err
}

// measure runs the stages.
//
//	contributed   sent, accepted, reserved: the statuses say so
//	closed        the day has passed its cut-off: the external trades have arrived at the custodian
//	priced        prices published, trades confirmed: the statuses say so
//	settled       settlements confirmed: the statuses say so
//	booked        Postgres is complete past all of it; it has been booking since the first stage
func (c *cycle) measure(ctx context.Context) error {
	defer c.desk.close()
	stopProfile, err := c.profile()
	if err != nil {
		return err
	}
	// What opening left behind is not the cycle's.
	runtime.GC()
	before, err := c.counters(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	stages := []struct {
		name string
		run  func() error
	}{
		{"contributed", func() error { return c.contribute(ctx) }},
		{"closed", func() error { return c.closeDay(ctx) }},
		{"priced", func() error { return c.price(ctx) }},
		{"settled", func() error { return c.settle(ctx) }},
		{"booked", func() error { return c.passTime(ctx) }},
	}
	for _, stage := range stages {
		c.config.Progress(stage.name)
		from := time.Now()
		if err := stage.run(); err != nil {
			return fmt.Errorf("waiting for the stage %q to end: %w", stage.name, err)
		}
		done := Stage{Name: stage.name, Seconds: time.Since(from).Seconds(), PostingsBooked: c.postingsBooked()}
		done.rate(c.config.Pots)
		c.report.Stages = append(c.report.Stages, done)
	}
	c.report.Cycle = Stage{Name: "cycle", Seconds: time.Since(began).Seconds(), PostingsBooked: c.postingsBooked()}
	c.report.Cycle.rate(c.config.Pots)
	after, err := c.counters(ctx)
	if err != nil {
		return err
	}
	c.report.addUse(before, after, c.watch)
	return stopProfile()
}

// profile starts the CPU profile; the returned function ends it and writes the heap's.
func (c *cycle) profile() (func() error, error) {
	if c.config.CPUProfile != nil {
		if err := pprof.StartCPUProfile(c.config.CPUProfile); err != nil {
			return nil, fmt.Errorf("starting the CPU profile: %w", err)
		}
	}
	return func() error {
		if c.config.CPUProfile != nil {
			pprof.StopCPUProfile()
		}
		if c.config.HeapProfile == nil {
			return nil
		}
		if err := pprof.Lookup("allocs").WriteTo(c.config.HeapProfile, 0); err != nil {
			return fmt.Errorf("writing the heap profile: %w", err)
		}
		return nil
	}, nil
}

// contribute sends a contribution for every pot, and waits until all are accepted.
func (c *cycle) contribute(ctx context.Context) error {
	c.advanceTo(contributed)
	began := time.Now()
	if err := c.post(ctx, c.letters); err != nil {
		return err
	}
	c.report.SendSeconds = time.Since(began).Seconds()
	return c.statuses.await(ctx, stateAccepted, 2*int64(c.config.Pots))
}

// closeDay lets the clock pass the cut-off, and waits until the custodian has all orders.
func (c *cycle) closeDay(ctx context.Context) error {
	c.advanceTo(closed)
	if err := c.tick(ctx); err != nil {
		return err
	}
	return c.desk.receive(ctx, len(funds()))
}

// price publishes the closes and confirms the trades, and waits until every contribution is priced.
func (c *cycle) price(ctx context.Context) error {
	if err := c.desk.publish(ctx, c.market.Prices(dealingDay)); err != nil {
		return err
	}
	return c.statuses.await(ctx, statePriced, int64(c.config.Pots))
}

// settle confirms the settlements and waits until every contribution is settled.
func (c *cycle) settle(ctx context.Context) error {
	if err := c.desk.settle(ctx); err != nil {
		return err
	}
	return c.statuses.await(ctx, stateSettled, int64(c.config.Pots))
}
