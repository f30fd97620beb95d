package processes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// examplesMax bounds the instructions that are named when fates differ.
const examplesMax = 10

// outcome is what a drill adds to the summary.
type outcome struct {
	drills, kills, acknowledged, lost, doubled int
	took                                       time.Duration
}

func (o *outcome) add(other outcome) {
	o.drills += other.drills
	o.kills += other.kills
	o.acknowledged += other.acknowledged
	o.lost += other.lost
	o.doubled += other.doubled
	o.took += other.took
}

func (o outcome) String() string {
	return fmt.Sprintf("%d drills, %d kills, %d instructions acknowledged, %d lost, %d doubled, %s",
		o.drills, o.kills, o.acknowledged, o.lost, o.doubled, o.took.Round(time.Second))
}

// judge reads everything back and compares it with the forecast.
func (r *drive) judge() (lost, doubled int) {
	t := r.t
	ctx, cancel := context.WithTimeout(r.ctx, stageMax)
	defer cancel()
	in, err := demo.Collect(ctx, r.on.connection, r.registry, shards)
	must(t, err)
	found := make(fates)
	for _, s := range in.Statuses {
		found.add(s)
	}
	booked := make(deliveries)
	for _, j := range in.Journals {
		booked.add(j)
	}
	t.Logf("steps of deliveries in specie: %v", booked)
	for _, kind := range deliveriesWanted() {
		if booked[kind] != r.forecast.deliveries[kind] || booked[kind] == 0 {
			t.Errorf("%s: %d steps of deliveries were booked, foreseen were %d", kind, booked[kind], r.forecast.deliveries[kind])
		}
	}
	lost, doubled, examples := found.differences(r.forecast.fates, examplesMax)
	for _, example := range examples {
		t.Errorf("instruction %s", example)
	}
	for _, result := range invariants.Check(*in) {
		if !result.OK {
			t.Errorf("invariant %d, %s (%s): %s", result.Number, result.Name, result.CheckedOn, result.Detail)
		}
	}
	if what := r.crew.base.Plan.Unfenced(); what != "" {
		t.Errorf("a victim that was frozen went on as if it had not been: %s", what)
	}
	r.judgeLedger(ctx)
	return lost, doubled
}

func (r *drive) judgeLedger(ctx context.Context) {
	t := r.t
	pool, err := postgres.OpenPool(ctx, r.on.postgres, postgres.RoleAuditor)
	must(t, err)
	defer pool.Close()
	report, err := postgres.Verify(ctx, pool, postgres.VerifyOptions{AtRest: true}, nil)
	must(t, err)
	for _, check := range report.Checks {
		if !check.OK() {
			t.Errorf("%s: %s: %+v", check.Name, check.Title, check.Findings)
		}
	}
	sum, postings, err := postgres.CanonicalHash(ctx, pool)
	must(t, err)
	if sum != r.forecast.canonical {
		t.Errorf("the ledger has %d postings and the hash %x, foreseen were %d and %x", postings, sum[:8], r.forecast.postings, r.forecast.canonical[:8])
	}
}

// audit verifies the ledger in the middle of everything: what always holds must hold then, too.
func (r *drive) audit(ctx context.Context) error {
	pool, err := postgres.OpenPool(ctx, r.on.postgres, postgres.RoleAuditor)
	if err != nil {
		return err
	}
	defer pool.Close()
	bounded, cancel := context.WithTimeout(ctx, stageMax)
	defer cancel()
	var report *postgres.Report
	var unasked error
	err = r.until(bounded, func() (bool, error) {
		// What cannot be asked now, while Postgres is starting, can be asked later. What is cut short by the limit says nothing of why.
		found, err := postgres.Verify(bounded, pool, postgres.VerifyOptions{}, nil)
		if bounded.Err() == nil {
			report, unasked = found, err
		}
		return err == nil, r.crew.trouble()
	})
	if err != nil {
		return errors.Join(fmt.Errorf("verifying in the middle: %w", err), unasked)
	}
	for _, check := range report.Checks {
		if !check.OK() {
			r.t.Errorf("in the middle: %s: %s: %+v", check.Name, check.Title, check.Findings)
		}
	}
	return nil
}
