package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// demoFlags are the flags of `demo` as written.
type demoFlags struct {
	dir      string
	options  demo.Options
	asJSON   bool
	keep     bool
	logLevel string
}

// The defaults of the demo: the workload that its documentation shows.
const (
	demoMembers = 2000
	demoDays    = 20
	demoSeed    = 1
)

func newDemo() *cobra.Command {
	var flags demoFlags
	cmd := &cobra.Command{
		Use:     "demo",
		GroupID: groupRun,
		Short:   "Take a trust through twenty dealing days on real closing prices, and check everything",
		Long: `Starts the embedded stack in a folder of its own and plays upstream systems, price vendor, clock and operator on it:
members' contributions and buys over the first dealing days from 2008-03-20, cancellations, and every kind of bad input; a
trade that is dealt in three pieces, one that is rejected, one that is queued again and some that a gated fund defers, and a price that waits for a person; a
withdrawal, transfers in and out, sells, a switch, a charge, a distribution and the correction of a price, each told step by step. Time is simulated.

It prints each day's member orders beside the external trades that they became, then where all money and units are, and then
every invariant with what it was checked on. The exit status is 0 only if all of them hold.`,
		Example: `  penstock demo
  penstock demo --members 200 --days 5
  penstock demo --keep
  penstock demo --json > report.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, &flags) },
	}
	f := cmd.Flags()
	f.IntVar(&flags.options.Members, "members", demoMembers, fmt.Sprintf("number of members, from %d", demo.MembersMin))
	f.IntVar(&flags.options.Days, "days", demoDays, fmt.Sprintf("number of dealing days, to %d", demo.DaysMax))
	f.Uint64Var(&flags.options.Seed, "seed", demoSeed, "what the workload is drawn from")
	f.BoolVar(&flags.asJSON, "json", false, "print the whole report as JSON at the end, and nothing else")
	f.BoolVar(&flags.keep, "keep", false, "leave the stack up after the report, until interrupted, and say how to look around")
	f.StringVar(&flags.dir, "dir", "", "new folder for the stack, which is left there (default: a temporary one, removed at the end)")
	f.StringVar(&flags.logLevel, "log-level", "error", "what goes to standard error: debug, info, warn or error")
	return cmd
}

// runDemo runs the demo between the start and the end of its stack.
func runDemo(cmd *cobra.Command, flags *demoFlags) error {
	began := time.Now()
	market, err := demo.NewMarket()
	if err != nil {
		return err
	}
	workload, err := market.Generate(flags.options)
	if err != nil {
		return err
	}
	log, err := textLogger(cmd.ErrOrStderr(), flags.logLevel)
	if err != nil {
		return err
	}
	dir, remove, err := demoFolder(flags.dir)
	if err != nil {
		return err
	}
	bar := newDemoBar(flags.asJSON)
	s, err := startStack(cmd.Context(), upConfig{
		Dir: dir, HTTPAddr: httpAddrDefault, Manual: true, Start: workload.Days[0].Date, Custodian: true, Behaviour: workload.Behaviour,
		Reference: market.Reference(), Logger: log, Progress: func(what string) { bar.show(0, 0, what) },
	})
	if err != nil {
		return errors.Join(err, remove())
	}
	show := &demoShow{flags: flags, out: cmd.OutOrStdout(), bar: bar, began: began, stack: s, dir: dir}
	err = show.run(cmd.Context(), market, workload, log)
	bar.clear()
	if flags.keep && !errors.Is(err, context.Canceled) {
		show.keep(cmd.Context())
	}
	return errors.Join(err, s.Stop(), remove())
}

// demoFolder returns where the stack is to live. A folder with anything in it is refused: the demo needs an empty ledger.
func demoFolder(named string) (dir string, remove func() error, err error) {
	if named == "" {
		dir, err = os.MkdirTemp("", "penstock-demo-")
		if err != nil {
			return "", nil, fmt.Errorf("making the demo's folder: %w", err)
		}
		return dir, func() error { return embedded.Remove(dir) }, nil
	}
	entries, err := os.ReadDir(named)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", nil, fmt.Errorf("looking at %s: %w", named, err)
	}
	if len(entries) > 0 {
		return "", nil, fmt.Errorf("%s is not empty: the demo starts with an empty ledger; name a new folder with --dir", named)
	}
	dir, err = filepath.Abs(named)
	return dir, func() error { return nil }, err
}

// demoShow is a demo while its stack is up.
type demoShow struct {
	flags *demoFlags
	out   io.Writer
	bar   *demoBar
	began time.Time
	stack *stack
	dir   string
}

var errDemoFailed = errors.New("not everything holds; see the checks marked FAIL")

// run plays the workload, checks it and prints the report.
func (d *demoShow) run(ctx context.Context, market *demo.Market, workload *demo.Workload, log *slog.Logger) error {
	ctx, cancel := d.whileUp(ctx)
	defer cancel()
	printer := demo.NewPrinter(d.out)
	config := demo.Config{
		Pipeline: demo.Pipeline{
			Connection: d.connection(), Shards: d.stack.Endpoints.Shards, Now: schemas.InstantOf(d.stack.Manual.Now()),
			Advance: func(to schemas.Instant) error { return d.stack.Manual.Advance(to.Time()) }, Log: log,
		},
		Market: market, Workload: workload, OnProgress: d.bar.show,
	}
	if !d.flags.asJSON {
		d.bar.clear()
		printer.Title(workload, time.Since(d.began))
		config.OnDay = func(day *demo.DayReport) {
			d.bar.clear()
			printer.Day(day)
		}
	}
	pool, err := postgres.OpenPool(ctx, d.stack.Endpoints.Postgres, postgres.RoleAuditor)
	if err != nil {
		return err
	}
	defer pool.Close()
	config.Ledger = pool
	session, err := demo.Start(ctx, config)
	if err != nil {
		return d.because(ctx, err)
	}
	defer session.Close()
	if err := session.Play(ctx); err != nil {
		return d.because(ctx, err)
	}
	d.bar.show(0, 0, "checking the ledger")
	report, err := session.Check(ctx)
	if err != nil {
		return d.because(ctx, err)
	}
	report.Milliseconds = time.Since(d.began).Milliseconds()
	d.bar.clear()
	if d.flags.asJSON {
		err = printJSON(d.out, report)
	} else {
		printer.Summary(report)
		err = printer.Err()
	}
	if err == nil && !report.OK {
		err = errDemoFailed
	}
	return err
}

func (d *demoShow) connection() feed.Connection {
	e := d.stack.Endpoints
	return feed.Connection{Brokers: []string{e.Kafka}, Registry: feed.RegistryAddress{URL: e.Registry}}
}

// whileUp returns a context that ends with the stack, so that nobody waits for what can't come any more.
func (d *demoShow) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	go func() {
		select {
		case err := <-d.stack.Faults():
			cancel(fmt.Errorf("a part of the stack failed: %w", err))
		case <-d.stack.Done():
			cancel(errors.New("the roles ended"))
		case <-stop:
		case <-ctx.Done():
		}
	}()
	return ctx, func() { close(stop); cancel(nil) }
}

// because adds what ended the context, or what the roles wait for, to an error.
func (d *demoShow) because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return errors.Join(err, cause)
	}
	if waiting := d.stack.Waiting(); waiting != "" {
		return fmt.Errorf("%w (the roles wait for: %s)", err, waiting)
	}
	return err
}

// keep leaves the stack up until ctx ends, and says how to look around in it.
func (d *demoShow) keep(ctx context.Context) {
	e := d.stack.Endpoints
	out := d.out
	if d.flags.asJSON {
		out = os.Stderr
	}
	fmt.Fprintf(out, demoKeepText, e.Kafka, e.Registry, e.Postgres, d.dir)
	select {
	case <-ctx.Done():
	case <-d.stack.Done():
	}
}

// demoKeepText says how to look around.
const demoKeepText = `
The stack stays up until you press Ctrl-C.

  Kafka     %[1]s
  registry  %[2]s
  Postgres  %[3]s

Look around in another terminal:

  penstock status --dir %[4]s
  penstock pot show pot-000012 --dir %[4]s
  penstock trace portal/pot-000001/buy-1 --dir %[4]s
  penstock tail ledger.trade.v1 --no-follow --dir %[4]s

  psql '%[3]s' \
    -c 'select day, asset, orders, cash, units, status from report.trades order by day, asset'

  python3 - <<'END'    # after: pip install "confluent-kafka[avro,schemaregistry]"
  from confluent_kafka import DeserializingConsumer
  from confluent_kafka.schema_registry import SchemaRegistryClient
  from confluent_kafka.schema_registry.avro import AvroDeserializer
  registry = SchemaRegistryClient({'url': '%[2]s'})
  consumer = DeserializingConsumer({
      'bootstrap.servers': '%[1]s', 'group.id': 'look', 'enable.auto.commit': False,
      'auto.offset.reset': 'earliest', 'value.deserializer': AvroDeserializer(registry)})
  consumer.subscribe(['ledger.trade.v1'])
  for _ in range(20):
      record = consumer.poll(10)
      if record is not None and record.error() is None:
          trade = record.value()
          print(trade['day'], trade['asset'], trade['event'], trade['cash'], trade['units'])
  consumer.close()
  END
`

const (
	// eraseLine takes a terminal's cursor to the beginning of its line and empties the line.
	eraseLine = "\r\x1b[K"
	// barEvery bounds how often the bar is drawn.
	barEvery = 100 * time.Millisecond
)

// demoBar shows progress on a terminal, and nothing elsewhere.
type demoBar struct{ bar *progressbar.ProgressBar }

func newDemoBar(quiet bool) *demoBar {
	info, err := os.Stderr.Stat()
	if quiet || err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &demoBar{}
	}
	return &demoBar{progressbar.NewOptions(1, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(barEvery))}
}

// show tells how much of the work is done, and what is going on; without a total only that.
func (b *demoBar) show(done, total int, what string) {
	if b.bar == nil {
		return
	}
	if total == 0 {
		fmt.Fprintf(os.Stderr, eraseLine+"%s ...", what)
		return
	}
	b.bar.ChangeMax(total)
	b.bar.Describe(what)
	_ = b.bar.Set(min(done, total-1)) // a full bar would end itself
}

func (b *demoBar) clear() {
	if b.bar != nil {
		fmt.Fprint(os.Stderr, eraseLine)
	}
}
