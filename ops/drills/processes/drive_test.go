package processes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	// stageMax bounds each wait; it is for a drill that has failed, not a time that one is meant to take.
	stageMax = 15 * time.Minute
	// nudgeEvery is how often time is let pass while points of the plan have not struck yet.
	nudgeEvery = 200 * time.Millisecond
	// lookEvery is how often a condition that nobody announces is looked at.
	lookEvery = 20 * time.Millisecond
)

// drive drives a load through a site.
type drive struct {
	t        *testing.T
	ctx      context.Context
	on       *site
	crew     *crew
	forecast *forecast
	registry *feed.Registry
	producer *feed.Producer
	outside  *outside

	// phase is the number of the phase under way.
	phase        atomic.Int64
	acknowledged atomic.Int64
	brokenBy     int // kills of the broker and of Postgres

	clock sync.Mutex
	now   schemas.Instant
}

func newDrive(t *testing.T, binary string, on *site, d *drill, f *forecast) *drive {
	t.Helper()
	r := &drive{t: t, ctx: t.Context(), on: on, forecast: f}
	var err error
	r.registry, err = feed.NewRegistry(on.connection.Registry, feed.RegistryOptions{Log: quiet()})
	must(t, err)
	var topics []streams.Topic
	for _, topic := range roles.Topics(shards) {
		if topic.Schema != "" {
			topics = append(topics, topic)
		}
	}
	must(t, r.registry.Register(r.ctx, topics))
	r.producer, err = feed.NewProducer(on.connection)
	must(t, err)
	t.Cleanup(r.producer.Close)
	following, cancel := context.WithCancel(context.WithoutCancel(r.ctx))
	r.outside = follow(following, on.connection, r.registry)
	t.Cleanup(func() { cancel(); r.outside.done.Wait() })
	r.crew = newCrew(t, binary, on, d)
	return r
}

// message is a record to be sent.
type message struct {
	topic, key string
	partition  *int32
	value      streams.Value
	at         schemas.Instant
}

// send sends records and returns when all are acknowledged. What is not acknowledged is sent again, as every upstream must.
func (r *drive) send(all []message) error {
	ctx, cancel := context.WithTimeout(r.ctx, stageMax)
	defer cancel()
	for len(all) > 0 {
		failed := make([]error, len(all))
		for n := range all {
			m := &all[n]
			r.producer.SendAsync(ctx, feed.Message{
				Topic: m.topic, Key: m.key, Partition: m.partition, Timestamp: m.at, Value: m.value.AppendAvro(r.registry.Frame(m.topic, nil)),
			}, func(_ feed.Position, err error) { failed[n] = err })
		}
		if err := errors.Join(r.producer.Flush(ctx), ctx.Err()); err != nil {
			return errors.Join(append(failed, err)...)
		}
		var again []message
		for n := range all {
			if failed[n] != nil {
				again = append(again, all[n])
			}
		}
		all = again
	}
	return nil
}

// tick writes a tick into every partition; the time is at, or a moment later than the last tick.
func (r *drive) tick(at schemas.Instant) error {
	r.clock.Lock()
	defer r.clock.Unlock()
	r.now = max(at, r.now+1)
	var all []message
	for partition := range int32(shards) {
		tick := &ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}
		all = append(all, message{topic: streams.IngestInstruction, partition: &partition, value: tick, at: r.now})
	}
	return r.send(all)
}

// refer sends the reference data. It comes before all else in every shard: time only reaches the shards through dealing, which has
// it by then.
func (r *drive) refer(market *demo.Market) error {
	entries := market.Reference()
	var all []message
	for n := range entries {
		all = append(all, message{topic: streams.IngestReference, key: entries[n].ID, value: &entries[n], at: dawn()})
	}
	if err := r.send(all); err != nil {
		return err
	}
	return r.booked(dawn() + 1)
}

// run drives all phases, each to its milestone.
func (r *drive) run(market *demo.Market) error {
	if err := r.refer(market); err != nil {
		return fmt.Errorf("loading reference data: %w", err)
	}
	for n := range r.forecast.phases {
		p := &r.forecast.phases[n]
		r.phase.Store(int64(n))
		err := r.play(p)
		if err == nil {
			err = r.await(r.forecast.milestones[n])
		}
		if err == nil {
			err = r.audit(r.ctx)
		}
		if err != nil {
			return fmt.Errorf("in the phase %q: %w", p.name, err)
		}
	}
	r.phase.Store(int64(len(r.forecast.phases)))
	return nil
}

func (r *drive) play(p *phase) error {
	if p.tick > 0 {
		if err := r.tick(p.tick); err != nil {
			return err
		}
	}
	for _, w := range p.waves {
		var all []message
		for n := range w.instructions {
			i := &w.instructions[n]
			for range times(n) {
				all = append(all, message{topic: streams.IngestInstruction, key: string(i.Pot), value: i, at: w.at})
			}
		}
		if err := r.send(all); err != nil {
			return err
		}
		r.acknowledged.Add(int64(len(w.instructions)))
	}
	var all []message
	for n := range p.said {
		c := &p.said[n]
		for range toldAgain(n) {
			all = append(all, message{topic: streams.IngestConfirmation, key: c.Trade.String(), value: c, at: p.saidAt})
		}
	}
	for n := range p.prices {
		all = append(all, message{topic: streams.IngestPrice, key: string(p.prices[n].Asset), value: &p.prices[n], at: p.at})
	}
	return r.send(all)
}

// await waits for the milestone, and looks after the crew meanwhile.
func (r *drive) await(want milestone) error {
	ctx, cancel := context.WithTimeout(r.ctx, stageMax)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if err := r.until(ctx, func() (bool, error) { return false, r.crew.trouble() }); ctx.Err() == nil {
			stop(err)
		}
	}()
	return r.outside.await(ctx, want)
}

// until looks at a condition until it holds.
func (r *drive) until(ctx context.Context, holds func() (bool, error)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		done, err := holds()
		if err != nil || done {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// strike lets time pass until the whole plan has struck: what is not come to under the load is come to now.
func (r *drive) strike() error {
	ctx, cancel := context.WithTimeout(r.ctx, stageMax)
	defer cancel()
	plan := &r.crew.base.Plan
	var last time.Time
	err := r.until(ctx, func() (bool, error) {
		if len(plan.Struck()) == len(plan.Points) {
			return true, nil
		}
		if time.Since(last) < nudgeEvery {
			return false, r.crew.trouble()
		}
		last = time.Now()
		return false, errors.Join(r.tick(0), r.crew.trouble())
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w", plan.Points[len(plan.Struck())], err)
	}
	return nil
}

// booked lets a moment pass and waits until Postgres is complete up to it: then all that was sent or decided before is booked.
func (r *drive) booked(at schemas.Instant) error {
	ctx, cancel := context.WithTimeout(r.ctx, stageMax)
	defer cancel()
	pool, err := postgres.OpenPool(ctx, r.on.postgres, postgres.RoleAuditor)
	if err != nil {
		return err
	}
	defer pool.Close()
	// Three rounds: a close makes totals, totals make a trade, and a trade is placed by a message of its own.
	for range 3 {
		if err := r.tick(at); err != nil {
			return err
		}
		want := r.now
		var through schemas.Instant
		err := r.until(ctx, func() (bool, error) {
			// What cannot be asked now, while Postgres is starting or has no ledger yet, can be asked later.
			through, err = postgres.CompleteThrough(ctx, pool)
			return err == nil && through >= want, r.crew.trouble()
		})
		if err != nil {
			return fmt.Errorf("waiting for Postgres to be complete through %s, it is through %s: %w", want, through, err)
		}
	}
	return nil
}

// progress waits until so many thousandths of everything that is to be told have been told.
func (r *drive) progress(ctx context.Context, thousandths int) error {
	all := r.forecast.milestones[len(r.forecast.milestones)-1]
	return r.outside.await(ctx, milestone{statuses: all.statuses * thousandths / 1000})
}
