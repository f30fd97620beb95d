package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// bookedTimeMax bounds the wait for the ledger in Postgres; bookedPause is how often it is looked at.
const (
	bookedTimeMax = 60 * time.Second
	bookedPause   = 20 * time.Millisecond
)

// Check reads everything back and judges it: the answers and trades, which the run has judged, every invariant that the topics can
// show, and, where a pool of the auditor's is given, the ledger in Postgres and that it says the same as the topics.
func (r *Result) Check(ctx context.Context, pool *pgxpool.Pool) (*Report, error) {
	in, err := Collect(ctx, r.config.Pipeline.Connection, r.registry, r.config.Pipeline.Shards)
	if err != nil {
		return nil, err
	}
	r.Totals = addUp(in)
	r.Checks = append(r.Checks, r.checkCash(in))
	r.Checks = append(r.Checks, invariants.Check(*in)...)
	if pool != nil {
		checks, err := r.checkPostgres(ctx, pool, in)
		if err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, checks...)
	}
	r.OK = true
	for i := range r.Checks {
		r.OK = r.OK && r.Checks[i].OK
	}
	return &r.Report, nil
}

// checkCash compares what the pots hold and were paid with what the workload says.
func (r *Result) checkCash(in *invariants.Input) invariants.Result {
	v := newVerdict(checkCash, "%d pots", r.Members)
	w := r.config.Workload
	if got, want := r.Totals.Cash.Available, w.Available.String(); got != want {
		v.fail("%s is available, %s was worked out", got, want)
	}
	if got, want := r.Totals.Cash.PaidIn, w.PaidIn.String(); got != want {
		v.fail("%s was paid in, %s was worked out", got, want)
	}
	if balance := balancesOf(in.Journals)[ledger.PotReserved][schemas.Cash]; balance != 0 {
		v.fail("%s is still reserved", balance)
	}
	return v.result()
}

// The numbers in the catalogue of invariants of what Postgres is checked for.
const (
	numberFold  = 32
	numberChain = 36
)

// checkPostgres waits until everything is booked, verifies the stored ledger, and compares it with the topics.
func (r *Result) checkPostgres(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) ([]invariants.Result, error) {
	if err := r.booked(ctx, pool, in); err != nil {
		return nil, err
	}
	report, err := postgres.Verify(ctx, pool, postgres.VerifyOptions{AtRest: true}, nil)
	if err != nil {
		return nil, err
	}
	var checks []invariants.Result
	for i := range report.Checks {
		c := &report.Checks[i]
		v := newVerdict("in Postgres: "+c.Title, "%d %s", c.Checked, c.Of)
		for _, f := range c.Findings {
			v.fail("%s: %s", f.Place, f.Detail)
		}
		v.OK = c.OK()
		checks = append(checks, v.result())
	}
	same, err := compareWithTopics(ctx, pool, in)
	return append(checks, same), err
}

// compareWithTopics says whether Postgres is the fold of the topics: the same postings, and the same balances.
func compareWithTopics(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) (invariants.Result, error) {
	stored, postings, err := postgres.CanonicalHash(ctx, pool)
	if err != nil {
		return invariants.Result{}, err
	}
	var fold postgres.Canonical
	for _, j := range in.Journals {
		fold.Add(j)
	}
	v := newVerdict("Postgres is the fold of the topics: the same postings, the same balances", "%d postings, canonical hash %x", postings, stored[:8])
	v.Number = numberFold
	if sum := fold.Sum(); sum != stored {
		v.fail("the topics' canonical hash is %x", sum[:8])
	}
	balances := balancesOf(in.Journals)
	err = postgres.Balances(ctx, pool, postgres.BalanceFilter{}, postgres.AsOf{}, func(b postgres.Balance) error {
		if want := balances[b.Account][b.Asset]; b.Quantity != want {
			v.fail("%s of %s is %s in Postgres, %s by the topics", b.Account, b.Asset, b.Quantity, want)
		}
		delete(balances[b.Account], b.Asset)
		return nil
	})
	for account, assets := range balances {
		for asset, balance := range assets {
			if balance != 0 {
				v.fail("%s of %s is missing in Postgres", account, asset)
			}
		}
	}
	return v.result(), err
}

// booked waits until Postgres has every journal and every event of a trade.
func (r *Result) booked(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bookedTimeMax, errStep)
	defer cancel()
	last := make(map[feed.Place]int64)
	for _, j := range in.Journals {
		place := feed.Place{Topic: streams.LedgerJournal, Partition: j.Shard}
		last[place] = max(last[place], j.Sequence)
	}
	for {
		missing, err := r.unbooked(ctx, pool, last, int64(len(in.Trades)))
		if err == nil && missing == "" {
			return nil
		}
		select {
		case <-time.After(bookedPause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for the ledger in Postgres: %w; missing: %s (%w)", context.Cause(ctx), missing, err)
		}
	}
}

// unbooked says what is not booked yet, or "".
func (r *Result) unbooked(ctx context.Context, pool *pgxpool.Pool, last map[feed.Place]int64, trades int64) (string, error) {
	positions, err := postgres.Positions(ctx, pool)
	if err != nil {
		return "", err
	}
	booked := make(map[feed.Place]int64)
	for _, p := range positions {
		booked[feed.Place{Topic: p.Topic, Partition: p.Partition}] = p.Sequence
	}
	for place, sequence := range last {
		if booked[place] < sequence {
			return fmt.Sprintf("journal %d of %s", sequence, place), nil
		}
	}
	var events int64
	if err := pool.QueryRow(ctx, "select count(*) from report.trade_events").Scan(&events); err != nil {
		return "", fmt.Errorf("counting the events of trades: %w", err)
	}
	if events < trades {
		return fmt.Sprintf("%d of %d events of trades", trades-events, trades), nil
	}
	through, err := postgres.CompleteThrough(ctx, pool)
	if err == nil && through < r.through {
		return fmt.Sprintf("the ledger is complete through %s, not %s", through, r.through), nil
	}
	return "", err
}
