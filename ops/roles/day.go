package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// ErrNotManual says that a day was to be closed by hand where time is real.
var ErrNotManual = errors.New("this stack runs on the real clock: days close by themselves; start it with --clock manual")

// ErrNotPossible says that what was asked contradicts what is so already.
var ErrNotPossible = errors.New("not possible")

// afterCutOff is how long after the latest cut-off the simulated clock stops: in no millisecond that anybody could be in time in.
const afterCutOff = time.Second

// ClosedDay says what closing a day came to. Its JSON form is an interface.
type ClosedDay struct {
	Date string `json:"date"`
	// Now is the simulated time after the close.
	Now time.Time `json:"now"`
	// Dealt says whether any asset dealt on that day.
	Dealt bool `json:"dealt"`
	// Trades are the external trades that the day came to.
	Trades []TradeView `json:"trades"`
	// Prices counts the closing prices that were published, by asset and day.
	Prices int `json:"prices"`
}

// CloseDay moves the simulated clock to just after the latest cut-off of the day, writes ticks, waits until every shard and
// dealing have gone through the close, and then publishes the closing prices of all days since the clock's last, if it should.
// Where the simulated custodians run here, it also waits for what they have to say. A day that is closed already is
// answered in the same way and changes nothing.
func (i *Instance) CloseDay(ctx context.Context, date schemas.Date, prices bool) (ClosedDay, error) {
	if i.config.Manual == nil {
		return ClosedDay{}, ErrNotManual
	}
	book, err := i.dealingBook(ctx)
	if err != nil {
		return ClosedDay{}, err
	}
	before, _ := book.LocalDate(schemas.InstantOf(i.Now()))
	cutOff, dealt, err := lastCutOff(book, date)
	if err != nil {
		return ClosedDay{}, err
	}
	if to := cutOff.Time().Add(afterCutOff); to.After(i.Now()) {
		if err := i.config.Manual.Advance(to); err != nil {
			return ClosedDay{}, err
		}
	} else if date < before {
		return ClosedDay{}, fmt.Errorf("closing %s: %w; it is %s already", date, ErrNotPossible, i.Now().Format(time.RFC3339))
	}
	if err := i.Settle(ctx); err != nil {
		return ClosedDay{}, err
	}
	closed := ClosedDay{Date: date.String(), Now: i.Now(), Dealt: dealt}
	if prices {
		if closed.Prices, err = i.publishPrices(ctx, before, date); err != nil {
			return closed, err
		}
	}
	if err := i.awaitOutside(ctx); err != nil {
		return closed, err
	}
	closed.Trades, err = i.Trades(ctx, date)
	return closed, err
}

// lastCutOff returns the latest cut-off of the day over all assets, and whether any of them deals on it. On a day on which
// none does, the hour is that of the assets' usual cut-off.
func lastCutOff(book *dealing.Reference, date schemas.Date) (schemas.Instant, bool, error) {
	var latest, usual schemas.Instant
	for _, code := range book.Codes() {
		cutOff, ok := book.CutOff(code, date)
		if !ok {
			continue
		}
		usual = max(usual, cutOff.Instant(date))
		deals, err := book.Deals(code, date)
		if err != nil {
			return 0, false, fmt.Errorf("closing %s: %w; apply a calendar that reaches further: penstock reference apply", date, err)
		}
		if deals {
			latest = max(latest, cutOff.Instant(date))
		}
	}
	if usual == 0 {
		return 0, false, fmt.Errorf("closing %s: %w: no asset is known on that day; see: penstock reference show", date, ErrNotPossible)
	}
	if latest == 0 {
		return usual, false, nil
	}
	return latest, true, nil
}

func (i *Instance) dealingBook(ctx context.Context) (*dealing.Reference, error) {
	stored, err := i.DealingReference(ctx)
	if err != nil {
		return nil, err
	}
	return dealing.NewReference(stored)
}

// settleRounds is how often Settle goes round: a close makes totals, totals make a trade, and a trade is placed by a message of
// its own.
const settleRounds = 3

// Settle waits until what was written before the call, to whichever ingest topic, has gone through intake, pot and dealing, there and back. It writes
// ticks, and waits for them: what lies before a tick in a partition has been decided when the tick has.
func (i *Instance) Settle(ctx context.Context) error {
	for _, role := range []Role{Intake, Pot, Dealing} {
		if err := i.runsHere(role); err != nil {
			return err
		}
	}
	// Ticks are instructions: of the other ingest topics they tell nothing.
	if err := i.passIntake(ctx); err != nil {
		return err
	}
	for range settleRounds {
		if err := i.Advance(ctx, i.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		if err := i.passTick(ctx); err != nil {
			return fmt.Errorf("waiting for the shards: %w", err)
		}
	}
	return nil
}

// Advance moves the simulated clock and writes ticks.
func (i *Instance) Advance(ctx context.Context, to time.Time) error {
	if i.config.Manual == nil {
		return ErrNotManual
	}
	if err := i.config.Manual.Advance(to); err != nil {
		return err
	}
	return i.Tick(ctx)
}

// passTick waits until dealing has told every shard of the clock's present time, and has read what they had told it by then.
func (i *Instance) passTick(ctx context.Context) error {
	now := schemas.InstantOf(i.Now())
	err := i.await(ctx, func() bool {
		passed := int32(0)
		for _, s := range i.engine.Status() {
			if s.Process == pot.Name && s.RecordedAt >= now && s.Sweep == nil {
				passed++
			}
		}
		return passed == i.Shards()
	})
	if err != nil {
		return err
	}
	return i.passDealing(ctx)
}

// passDealing waits until dealing has read what its inbox holds now.
func (i *Instance) passDealing(ctx context.Context) error {
	reader, err := feed.NewReader(i.config.Connection, i.config.Logger)
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, streams.DealingInbox)
	if err != nil {
		return err
	}
	// One more tick lands behind those ends, so that dealing's position, which no marker moves, can be compared with them.
	if err := i.Tick(ctx); err != nil {
		return err
	}
	return i.await(ctx, func() bool {
		return i.shardStatus(dealing.Name, 0).Next > ends[feed.Place{Topic: streams.DealingInbox}]
	})
}

func (i *Instance) shardStatus(process string, shard int32) engine.ShardStatus {
	for _, s := range i.engine.Status() {
		if s.Process == process && s.Shard == shard {
			return s
		}
	}
	return engine.ShardStatus{}
}

// awaitEvery is how often a condition is looked at.
const awaitEvery = 10 * time.Millisecond

func (i *Instance) await(ctx context.Context, holds func() bool) error {
	for !holds() {
		if err := sleep(ctx, awaitEvery); err != nil {
			if waiting := i.Waiting(); waiting != "" {
				return fmt.Errorf("%w (%s)", err, waiting)
			}
			return err
		}
	}
	return nil
}

// AwaitShards waits until every shard of every process of this instance runs here.
func (i *Instance) AwaitShards(ctx context.Context) error {
	err := i.await(ctx, func() bool {
		for _, s := range i.engine.Status() {
			if s.State != engine.StateRunning {
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("waiting for the shards to run: %w", err)
	}
	return nil
}

// publishPrices sends the vendor's closes of the days after the first up to the last, and of the first day itself where that is
// the last.
func (i *Instance) publishPrices(ctx context.Context, first, last schemas.Date) (int, error) {
	if i.config.ClosingPrices == nil {
		return 0, nil
	}
	sent := 0
	for day := min(first+1, last); day <= last; day++ {
		for _, price := range i.config.ClosingPrices(day) {
			value := price.AppendAvro(i.registry.Frame(streams.IngestPrice, nil))
			if _, err := i.producer.Send(ctx, feed.Message{Topic: streams.IngestPrice, Key: string(price.Asset), Value: value}); err != nil {
				return sent, fmt.Errorf("publishing the close of %s on %s: %w", price.Asset, day, err)
			}
			sent++
		}
	}
	return sent, nil
}

// LoadReference sends reference data in the order given and waits until every shard knows the assets among it. Sending
// again what is known changes nothing.
func (i *Instance) LoadReference(ctx context.Context, entries []ingest.ReferenceData) error {
	want := make(map[schemas.AssetCode]bool)
	for n := range entries {
		value := entries[n].AppendAvro(i.registry.Frame(streams.IngestReference, nil))
		message := feed.Message{Topic: streams.IngestReference, Key: entries[n].ID, Value: value}
		if _, err := i.producer.Send(ctx, message); err != nil {
			return fmt.Errorf("sending reference data %s: %w", entries[n].ID, err)
		}
		if asset, ok := entries[n].Entry.Body.(*reference.Asset); ok {
			want[asset.Code] = true
		}
	}
	var failed error
	err := i.await(ctx, func() bool {
		var known bool
		known, failed = i.knowsAll(ctx, want)
		return known
	})
	if err != nil {
		return fmt.Errorf("waiting until the shards know the reference data: %w", errors.Join(err, failed))
	}
	return nil
}

func (i *Instance) knowsAll(ctx context.Context, want map[schemas.AssetCode]bool) (bool, error) {
	for shard := range i.Shards() {
		known, err := i.PotReference(ctx, shard)
		if err != nil {
			return false, err
		}
		found := make(map[schemas.AssetCode]bool)
		for n := range known.Assets {
			if want[known.Assets[n].Code] {
				found[known.Assets[n].Code] = true
			}
		}
		if len(found) < len(want) {
			return false, fmt.Errorf("shard %d knows %d of %d assets", shard, len(found), len(want))
		}
	}
	return true, nil
}
