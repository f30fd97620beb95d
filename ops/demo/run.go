package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
)

// settleDaysMax bounds the days without instructions at the end.
const settleDaysMax = 15

// Config says what to run and on what.
type Config struct {
	Pipeline Pipeline
	Market   *Market
	Workload *Workload
	// Ledger is the ledger in Postgres, as an auditor reads it. Without it corrections are made without a plan, and what is stored is not checked.
	Ledger *pgxpool.Pool
	// KnowsReference, where given, has the reference data sent first, and says whether every shard knows all of it. A pipeline that starts with it needs none.
	KnowsReference func() (bool, error)
	// OnDay is told of each day when it has ended, in order. OnProgress is told how many of all instructions are answered, and
	// what is going on. Either may be nil.
	OnDay      func(*DayReport)
	OnProgress func(done, total int, what string)
}

// Session is one run of the demo: Start, Play, Check, Close.
type Session struct {
	Config
	*outside
	*follower
	following sync.WaitGroup
	stop      context.CancelFunc
	report    Report
	// day is the report of the day under way.
	day *DayReport
	// open are the trades that have not ended, in the order in which they were placed.
	open []openTrade
	// released is the last released close of each asset, parked what waits for a person.
	released map[schemas.AssetCode]schemas.Price
	parked   []parkedPrice
	// records are all that were sent from the workload; pending are those whose rejection comes at the close.
	records []sent
	pending []sent
	total   int
}

// openTrade is a trade that has not ended, and where the report shows it.
type openTrade struct {
	day      schemas.Date
	fund     Fund
	expected ExpectedTrade
	shown    *TradeReport
}

func (t openTrade) id() schemas.ID {
	if t.expected.Sell {
		return SellID(t.day, t.fund)
	}
	return TradeID(t.day, t.fund)
}

// parkedPrice is a close that moved too far.
type parkedPrice struct {
	asset          schemas.AssetCode
	day            schemas.Date
	before, parked schemas.Price
}

// Start makes the clients of a run. Close ends them; the context bounds them too.
func Start(ctx context.Context, config Config) (*Session, error) {
	if config.OnDay == nil {
		config.OnDay = func(*DayReport) {}
	}
	if config.OnProgress == nil {
		config.OnProgress = func(int, int, string) {}
	}
	out, err := newOutside(ctx, config.Pipeline)
	if err != nil {
		return nil, err
	}
	in, err := newFollower(config.Pipeline.Connection, out.registry, config.Pipeline.Shards, config.Pipeline.Log)
	if err != nil {
		out.close()
		return nil, err
	}
	r := &Session{Config: config, outside: out, follower: in, released: make(map[schemas.AssetCode]schemas.Price)}
	ctx, r.stop = context.WithCancel(ctx)
	r.following.Go(func() { in.run(ctx) })
	return r, nil
}

// Close ends the clients.
func (r *Session) Close() {
	r.stop()
	r.following.Wait()
	r.follower.close()
	r.outside.close()
}

// Play sends the workload day by day, waits for what must come of it, and goes on until everything has settled. An error says
// that something did not come, or came out differently while the run depended on it.
func (r *Session) Play(ctx context.Context) error {
	w := r.Workload
	r.report.Members, r.report.Seed, r.report.DealingDays = w.Members, w.Seed, w.dealingDays()
	for i := range w.Days {
		for _, waves := range [][]Wave{w.Days[i].Waves, w.Days[i].Late} {
			for n := range waves {
				r.total += len(waves[n].Records)
			}
		}
	}
	for i := range w.Days {
		if err := r.goThrough(ctx, &w.Days[i]); err != nil {
			return fmt.Errorf("on %s: %w", w.Days[i].Date, err)
		}
	}
	day := w.Days[len(w.Days)-1].Date
	for n := 0; len(r.open) > 0; {
		if day++; !isWeekday(day) {
			continue
		}
		if n++; n > settleDaysMax {
			return fmt.Errorf("%d trades have not settled %d days after the last instruction", len(r.open), settleDaysMax)
		}
		if err := r.goThrough(ctx, &Day{Date: day, Holiday: r.Market.holidays[day]}); err != nil {
			return fmt.Errorf("on %s: %w", day, err)
		}
	}
	if err := r.ends(ctx); err != nil {
		return err
	}
	if err := r.fence(ctx); err != nil {
		return err
	}
	r.judge()
	return nil
}

func (w *Workload) dealingDays() int {
	n := 0
	for i := range w.Days {
		if len(w.Days[i].Waves) > 0 {
			n++
		}
	}
	return n
}

// goThrough plays one weekday.
func (r *Session) goThrough(ctx context.Context, d *Day) error {
	r.report.Days = append(r.report.Days, &DayReport{Date: d.Date.String(), Weekday: d.Date.Weekday().String()[:3], Holiday: d.Holiday})
	r.day = r.report.Days[len(r.report.Days)-1]
	for _, step := range []func(context.Context, *Day) error{r.morning, r.instructions, r.cutOff, r.late, r.evening} {
		if err := step(ctx, d); err != nil {
			return err
		}
	}
	r.OnDay(r.day)
	return nil
}

// morning brings what is due to be settled, and has a person release what was parked the evening before.
func (r *Session) morning(ctx context.Context, d *Day) error {
	if err := r.advance(r.Market.at(d.Date, 8, 0, 0)); err != nil {
		return err
	}
	if r.KnowsReference != nil && r.report.Days[0] == r.day {
		if err := r.loadReference(ctx, r.Market); err != nil {
			return err
		}
		if err := r.referenceKnown(ctx); err != nil {
			return fmt.Errorf("waiting until the shards know the reference data: %w", err)
		}
	}
	if err := r.release(ctx, d.Date); err != nil {
		return err
	}
	if err := r.fence(ctx); err != nil {
		return err
	}
	return r.settle(ctx, d.Date)
}

// referenceKnown waits for the reference data. A fence does not: it goes through another partition of intake's.
func (r *Session) referenceKnown(ctx context.Context) error {
	ticker := time.NewTicker(referenceAskEvery)
	defer ticker.Stop()
	for {
		if known, err := r.KnowsReference(); known || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// referenceAskEvery is the pause between two questions whether the reference data is known.
const referenceAskEvery = 10 * time.Millisecond

// fence lets a millisecond pass and waits until every shard has gone through every instruction that was sent before: a tick goes
// the same way, and never overtakes.
func (r *Session) fence(ctx context.Context) error {
	if err := r.advance(r.now); err != nil {
		return err
	}
	if err := r.tick(ctx); err != nil {
		return err
	}
	return r.await(ctx, "the shards to reach "+r.now.String(), func() string {
		for shard := range r.Pipeline.Shards {
			if r.reached[shard] < r.now {
				return fmt.Sprintf("shard %d is at %s", shard, r.reached[shard])
			}
		}
		return ""
	})
}

// instructions sends the day's waves and waits for the answers of each before the next.
func (r *Session) instructions(ctx context.Context, d *Day) error { return r.waves(ctx, d.Waves) }

// late sends what comes after the cut-offs.
func (r *Session) late(ctx context.Context, d *Day) error { return r.waves(ctx, d.Late) }

func (r *Session) waves(ctx context.Context, waves []Wave) error {
	for i := range waves {
		if err := r.advance(waves[i].At); err != nil {
			return err
		}
		corrections := corrections(waves[i].Records)
		for _, correction := range corrections {
			if err := r.plan(ctx, correction); err != nil {
				return err
			}
		}
		all, err := r.send(ctx, waves[i].Records)
		if err != nil {
			return err
		}
		if err := r.answers(ctx, all); err != nil {
			return err
		}
		for _, correction := range corrections {
			if err := r.corrected(ctx, correction); err != nil {
				return err
			}
		}
	}
	return nil
}

// cutOff lets the cut-offs pass and waits for the external trades that the day's orders must become.
func (r *Session) cutOff(ctx context.Context, d *Day) error {
	if len(d.Waves) == 0 && len(d.Trades) == 0 {
		return nil
	}
	if err := r.advance(r.Market.at(d.Date, 12, 0, 1)); err != nil {
		return err
	}
	if err := r.tick(ctx); err != nil {
		return err
	}
	for i := range d.Trades {
		fund := fundNamed(d.Trades[i].Asset)
		t := openTrade{d.Date, fund, d.Trades[i], &TradeReport{Asset: d.Trades[i].Asset, Sell: d.Trades[i].Sell, scale: int(fund.UnitsScale)}}
		r.open = append(r.open, t)
		r.day.Trades = append(r.day.Trades, t.shown)
	}
	return r.placed(ctx, d)
}
