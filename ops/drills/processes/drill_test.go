package processes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/ops/drills/script"
)

// drill is one way in which a run is disturbed.
type drill struct {
	name string
	// crew are the roles of each instance at the beginning.
	crew []string
	// points strike one after the other at named steps.
	points []script.Point
	// disturb is what else is done while the load is driven; it ends by itself, or when ctx does.
	disturb disturbance
	// recordsMax and visitsMax bound the victims' transactions; 0 is the default.
	recordsMax, visitsMax int
	killsPostgres         bool
	// standby makes all instances stand by for each other.
	standby bool
	// shipped runs the shipped program: nobody strikes it at named steps, nor bounds its transactions.
	shipped bool
}

// bench runs drills of one load.
type bench struct {
	t        *testing.T
	binary   string
	market   *demo.Market
	load     load
	forecast *forecast
	seed     uint64
	total    outcome
}

func newBench(t *testing.T, l load, seed uint64) *bench {
	t.Helper()
	market, err := demo.NewMarket()
	must(t, err)
	l.seed = seed
	f, err := foresee(l, market)
	must(t, err)
	return &bench{t: t, binary: build(t, "ops/drills/victim"), market: market, load: l, forecast: f, seed: seed}
}

// run runs a drill on a new site.
func (b *bench) run(d drill, newSite func(*testing.T, string, *drill) *site) {
	b.t.Run(d.name, func(t *testing.T) {
		began := time.Now()
		on := newSite(t, b.binary, &d)
		binary := b.binary
		if d.shipped {
			binary = build(t, "cmd/penstock")
		}
		r := newDrive(t, binary, on, &d, b.forecast)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("seed %d (set %s to run with it again)\n%s", b.seed, seedVariable, r.crew.logs())
			}
		})
		if err := r.disturbed(&d, b.market, b.seed); err != nil {
			t.Fatal(err)
		}
		result := outcome{drills: 1, acknowledged: int(r.acknowledged.Load())}
		result.lost, result.doubled = r.judge()
		result.kills, result.took = r.crew.killed()+r.brokenBy, time.Since(began)
		t.Log(result)
		b.total.add(result)
	})
}

// summary prints what all drills together came to, whether they failed or not.
func (b *bench) summary(where string) {
	sum.add(b.total)
	fmt.Printf("%s, seed %d: %s\n", where, b.seed, b.total)
}

// disturbed drives the load while it is disturbed, and then waits until all of the plan has struck and everything is booked.
func (r *drive) disturbed(d *drill, market *demo.Market, seed uint64) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	var disturbing sync.WaitGroup
	var failed error
	if d.disturb != nil {
		disturbing.Go(func() { failed = d.disturb(ctx, r, rand.New(rand.NewPCG(seed, 2))) })
	}
	err := r.run(market)
	if err == nil {
		err = r.strike()
	}
	if err != nil {
		cancel()
	}
	defer time.AfterFunc(disturbMax, cancel).Stop()
	disturbing.Wait()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	return r.booked(0)
}
