package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Bounds of a latency run.
const (
	latencyInstructionsMax = 5_000_000
	// latencyPots is how many pots take turns.
	latencyPots = 5000
	// drainTimeMax bounds how long the last journals may take.
	drainTimeMax = 5 * time.Minute
)

// LatencyConfig says how to measure latency.
type LatencyConfig struct {
	// Dir is where the stack keeps its data; it must not exist or be empty.
	Dir string
	// Cluster is a broker and a registry to use, with no topics of Penstock's; a zero one starts an embedded stack.
	Cluster feed.Connection
	Shards  int32
	// Rate is in instructions per second. Warmup comes before the measured Time, at the same rate.
	Rate         int
	Time, Warmup time.Duration
	Logger       *slog.Logger
	// Progress is told what is being done; nil tells nobody.
	Progress func(string)
}

func (c LatencyConfig) check() error {
	total := float64(c.Rate) * (c.Time + c.Warmup).Seconds()
	switch {
	case c.Dir == "":
		return errors.New("a folder for the stack is needed")
	case c.Shards < 1:
		return fmt.Errorf("%d shards; there must be at least one", c.Shards)
	case c.Rate < 1 || c.Time <= 0 || c.Warmup < 0:
		return fmt.Errorf("%d instructions per second for %s after %s; rate and time must be above zero", c.Rate, c.Time, c.Warmup)
	case total > latencyInstructionsMax:
		return fmt.Errorf("%.0f instructions; it must be %d at most", total, latencyInstructionsMax)
	}
	return requireEmpty(c.Dir)
}

// Latency sends contributions at a steady rate, each at its own time however slow the ones before are answered, and reports how long it takes
// from an acknowledged instruction until its journal is readable for read-committed consumers. An instruction
// whose journal does not come, or comes twice, is an error.
func Latency(ctx context.Context, config LatencyConfig) (_ *LatencyReport, err error) {
	cycle := Config{Dir: config.Dir, Shards: config.Shards, Logger: config.Logger, Progress: config.Progress}.withDefaults()
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("the benchmark cannot run: %w", err)
	}
	market, err := demo.NewMarket()
	if err != nil {
		return nil, err
	}
	cycle.Progress("starting the stack")
	report := &LatencyReport{Rate: config.Rate, Seconds: config.Time.Seconds(), Shards: config.Shards, Machine: ThisMachine()}
	s, err := startStackOn(ctx, cycle, config.Cluster)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	cycle.Progress("opening pots")
	if err := s.loadReference(ctx, market); err != nil {
		return nil, err
	}
	s.advanceTo(opened)
	if err := s.post(ctx, openings(latencyPots, s.registry)); err != nil {
		return nil, err
	}
	if err := s.statuses.await(ctx, stateAccepted, latencyPots); err != nil {
		return nil, fmt.Errorf("opening pots: %w", err)
	}
	s.advanceTo(contributed)
	cycle.Progress("sending")
	p := newPace(s, config)
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	p.fill(report)
	return report, nil
}

// pace is a steady load. Its times are nanoseconds since it began, by instruction; zero is not yet.
type pace struct {
	*stack
	rate    int
	total   int
	skipped int
	began   time.Time
	// intended are the times at which instructions were to be sent.
	intended []int64
	// acknowledged, routed and readable are when the broker had an instruction, when its inbox record was readable, and when its journal was.
	acknowledged, routed, readable []atomic.Int64
	journals                       atomic.Int64
}

func newPace(s *stack, config LatencyConfig) *pace {
	p := &pace{stack: s, rate: config.Rate, skipped: int(float64(config.Rate) * config.Warmup.Seconds())}
	p.total = p.skipped + max(1, int(float64(config.Rate)*config.Time.Seconds()))
	p.intended = make([]int64, p.total)
	p.acknowledged, p.routed, p.readable = make([]atomic.Int64, p.total), make([]atomic.Int64, p.total), make([]atomic.Int64, p.total)
	return p
}

// run sends everything and waits for the last journal.
func (p *pace) run(ctx context.Context) error {
	var following errgroup.Group
	done, end := context.WithCancel(ctx)
	defer end()
	for topic, found := range map[string]func([]byte) error{streams.PotInbox: p.onInbox, streams.LedgerJournal: p.onJournal} {
		reader, err := p.follower(ctx, topic)
		if err != nil {
			return errors.Join(err, closeAll(end, &following))
		}
		following.Go(func() error {
			defer reader.Close()
			defer end()
			return p.follow(done, reader, found)
		})
	}
	err := p.send(ctx)
	if err == nil {
		err = p.drain(done)
	}
	return errors.Join(err, closeAll(end, &following))
}

func closeAll(end context.CancelFunc, following *errgroup.Group) error {
	end()
	return following.Wait()
}

// follower reads a topic from its present end.
func (p *pace) follower(ctx context.Context, topic string) (*feed.Reader, error) {
	reader, err := feed.NewReader(p.connection, p.log)
	if err != nil {
		return nil, err
	}
	ends, err := reader.EndOffsets(ctx, topic)
	if err != nil {
		reader.Close()
		return nil, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	for place, offset := range ends {
		reader.Add(feed.Position{Place: place, Offset: offset})
	}
	return reader, nil
}

// follow hands every record's payload to found until ctx ends.
func (p *pace) follow(ctx context.Context, reader *feed.Reader, found func([]byte) error) error {
	for ctx.Err() == nil {
		batches, err := reader.Poll(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for i := range batches {
			for _, record := range batches[i].Records {
				payload, err := p.registry.Unframe(ctx, record.Topic, record.Value)
				if err == nil {
					err = found(payload)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *pace) onInbox(payload []byte) error {
	var message inbox.PotMessage
	reader := avrobin.NewReader(payload)
	message.DecodeAvro(reader)
	if err := reader.Done(); err != nil {
		return fmt.Errorf("decoding an inbox record: %w", err)
	}
	if message.Cause.Source == payroll {
		_, err := p.mark(p.routed, message.Cause.ID)
		return err
	}
	return nil
}

func (p *pace) onJournal(payload []byte) error {
	var journal ledger.Journal
	reader := avrobin.NewReader(payload)
	journal.DecodeAvro(reader)
	if err := reader.Done(); err != nil {
		return fmt.Errorf("decoding a journal: %w", err)
	}
	first, err := p.mark(p.readable, journal.Cause)
	if err == nil && !first {
		err = fmt.Errorf("instruction %s has two journals", journal.Cause)
	}
	p.journals.Add(1)
	return err
}

// mark notes that something came of an instruction, and says whether it was the first.
func (p *pace) mark(times []atomic.Int64, id string) (first bool, err error) {
	number, err := strconv.Atoi(id)
	if err != nil || number < 0 || number >= p.total {
		return false, fmt.Errorf("something came of an instruction %q that was never sent", id)
	}
	return times[number].CompareAndSwap(0, int64(time.Since(p.began))), nil
}

// send sends each instruction at its time. It never waits for an answer; when it was held up it sends what is due at once, and the delay counts.
func (p *pace) send(ctx context.Context) error {
	failed := make(chan error, 1)
	p.began = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for number := range p.total {
		due := time.Duration(number) * time.Second / time.Duration(p.rate)
		p.intended[number] = int64(due)
		if wait := due - time.Since(p.began); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case err := <-failed:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		letter := p.letter(number)
		p.producer.SendAsync(ctx, p.message(streams.IngestInstruction, letter.key, letter.value), func(_ feed.Position, err error) {
			if err != nil {
				select {
				case failed <- err:
				default: // the first says it
				}
			}
			p.acknowledged[number].Store(int64(time.Since(p.began)))
		})
	}
	if err := p.producer.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// drain waits until every instruction has its journal.
func (p *pace) drain(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, drainTimeMax)
	defer cancel()
	err := p.until(limited, func() (bool, error) { return p.journals.Load() >= int64(p.total), nil })
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%d of %d instructions have a journal: %w", p.journals.Load(), p.total, err)
	}
	return err
}

// letter is the contribution of a number.
func (p *pace) letter(number int) letter {
	pot := "pot-" + fmt.Sprintf("%07d", number%latencyPots)
	instruction := contribution(schemas.PotID(pot), schemas.InstructionID(strconv.Itoa(number)))
	return letter{pot, instruction.AppendAvro(p.registry.Frame(streams.IngestInstruction, make([]byte, 0, letterBytes)))}
}
