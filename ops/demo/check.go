package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	bookedTimeMax = 5 * time.Minute
	bookedPause   = 20 * time.Millisecond
)

// Check reads everything back and judges it: the answers and trades, which the run has judged; every invariant that the topics can
// show; that sending everything again changes nothing; and, where there is one, the ledger in Postgres and
// that it says the same as the topics.
func (r *Session) Check(ctx context.Context) (*Report, error) {
	in, err := Collect(ctx, r.pipeline.Connection, r.outside.registry, r.pipeline.Shards)
	if err != nil {
		return nil, err
	}
	report := &r.report
	report.Totals = addUp(in)
	stories, told := judgeStories(r.Workload.Stories, in.Journals)
	report.Stories = stories
	report.Checks = append(report.Checks, told, r.checkCash(in), r.checkLeft(in))
	if r.Ledger != nil {
		report.Checks = append(report.Checks, r.checkPlans(in))
	}
	again, err := r.checkAgain(ctx, in)
	if err != nil {
		return nil, err
	}
	numbered := append(invariants.Check(*in), again)
	slices.SortStableFunc(numbered, func(a, b invariants.Result) int { return a.Number - b.Number })
	report.Checks = append(report.Checks, numbered...)
	if r.Ledger != nil {
		checks, err := r.checkPostgres(ctx, r.Ledger, in)
		if err != nil {
			return nil, err
		}
		report.Checks = append(report.Checks, checks...)
	}
	report.OK = !slices.ContainsFunc(report.Checks, func(c invariants.Result) bool { return !c.OK })
	return report, nil
}

// checkCash compares what the pots hold and were paid with what the workload says.
func (r *Session) checkCash(in *invariants.Input) invariants.Result {
	v := newVerdict(checkCash, "%d pots", r.Workload.Members)
	w, cash := r.Workload, &r.report.Totals.Cash
	// What rounding left of the members' income, only the fold of all holdings says: the story of the distribution has judged its sum.
	income := sumOf(in.Journals, "distributed", ledger.PotAvailable)
	// What a sell of all brings, too, and the sells' own stories.
	staying := slices.DeleteFunc(slices.Clone(in.Journals), func(j *ledger.Journal) bool { return j.Pot != nil && slices.Contains(w.Left, *j.Pot) })
	proceeds := sumOf(staying, "settled", ledger.PotAvailable)
	if got, want := cash.Available, moneyText(cashOf(w.Available)+income+proceeds); got != want {
		v.fail("%s is available, %s was worked out", got, want)
	}
	if got, want := cash.PaidIn, w.PaidIn.String(); got != want {
		v.fail("%s was paid in, %s was worked out", got, want)
	}
	if balance := balancesOf(in.Journals)[ledger.PotReserved][schemas.Cash]; balance != 0 {
		v.fail("%s is still reserved", balance)
	}
	return v.result()
}

// checkLeft checks that nothing is left in pots that are transferred out, in any account.
func (r *Session) checkLeft(in *invariants.Input) invariants.Result {
	v := newVerdict(checkLeft, "%d pots", len(r.Workload.Left))
	for _, pot := range r.Workload.Left {
		own := slices.DeleteFunc(slices.Clone(in.Journals), func(j *ledger.Journal) bool { return j.Pot == nil || *j.Pot != pot })
		for account, assets := range balancesOf(own) {
			for asset, balance := range assets {
				if ledger.IsPotAccount(account) && balance != 0 {
					v.fail("%s has %s of %s in %s", pot, balance, asset, account)
				}
			}
		}
		if len(own) == 0 {
			v.fail("%s has no journals at all", pot)
		}
	}
	return v.result()
}

// The numbers in the catalogue of invariants of what is checked here.
const (
	numberAgain = 31
	numberFold  = 32
	numberAsOf  = 37
)

// storedPrefix begins the names of the checks of the ledger as it is stored.
const storedPrefix = "in Postgres: "

// checkPostgres waits until everything is booked, verifies the stored ledger, and compares it with the topics.
func (r *Session) checkPostgres(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) ([]invariants.Result, error) {
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
		v := newVerdict(storedPrefix+c.Title, "%d %s", c.Checked, c.Of)
		for _, f := range c.Findings {
			v.fail("%s: %s", f.Place, f.Detail)
		}
		v.OK = c.OK()
		checks = append(checks, v.result())
	}
	same, err := compareWithTopics(ctx, pool, in)
	if err != nil {
		return nil, err
	}
	past, err := r.checkPast(ctx, pool, in)
	return append(checks, same, past), err
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
	err = compareBalances(ctx, pool, v, balancesOf(in.Journals), postgres.AsOf{})
	return v.result(), err
}

// compareBalances compares all balances in Postgres, as of a time, with those given, which it uses up.
func compareBalances(ctx context.Context, pool *pgxpool.Pool, v *verdict, want balances, asOf postgres.AsOf) error {
	err := postgres.Balances(ctx, pool, postgres.BalanceFilter{}, asOf, func(b postgres.Balance) error {
		if wanted := want[b.Account][b.Asset]; b.Quantity != wanted {
			v.fail("%s of %s is %s in Postgres, %s by the topics", b.Account, b.Asset, b.Quantity, wanted)
		}
		delete(want[b.Account], b.Asset)
		return nil
	})
	for account, assets := range want {
		for asset, balance := range assets {
			if balance != 0 {
				v.fail("%s of %s is missing in Postgres", account, asset)
			}
		}
	}
	return err
}

// checkPast reads the balances as of the ends of some days, long after them, and compares them with the journals that were
// recorded by then. A time for which records may still come must be refused.
func (r *Session) checkPast(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) (invariants.Result, error) {
	days := r.Workload.Days
	ends := []schemas.Date{days[0].Date, days[len(days)/2].Date, days[len(days)-1].Date}
	v := newVerdict("the ledger as of an earlier time is what it was then; a time that is not complete is refused", "%d earlier times", len(ends))
	v.Number = numberAsOf
	for _, day := range ends {
		at := r.Market.at(day, 23, 0, 0)
		later := func(j *ledger.Journal) bool { return j.RecordedAt > at }
		known := slices.DeleteFunc(slices.Clone(in.Journals), later)
		if err := compareBalances(ctx, pool, v, balancesOf(known), postgres.AsOf{RecordedAt: &at}); err != nil {
			return v.Result, err
		}
	}
	ahead := r.now + schemas.Instant(time.Hour.Milliseconds())
	err := postgres.Balances(ctx, pool, postgres.BalanceFilter{}, postgres.AsOf{RecordedAt: &ahead}, func(postgres.Balance) error { return nil })
	if !errors.Is(err, postgres.ErrNotComplete) {
		v.fail("the ledger could be read as of %s, which is still to come: %v", ahead, err)
	}
	return v.result(), nil
}

// booked waits until Postgres has every journal and every event of a trade.
func (r *Session) booked(ctx context.Context, pool *pgxpool.Pool, in *invariants.Input) error {
	last := make(map[feed.Place]int64)
	for _, j := range in.Journals {
		place := feed.Place{Topic: streams.LedgerJournal, Partition: j.Shard}
		last[place] = max(last[place], j.Sequence)
	}
	return untilBooked(ctx, func() (string, error) { return r.unbooked(ctx, pool, last, int64(len(in.Trades))) })
}

// unbooked says what is not booked yet, or "".
func (r *Session) unbooked(ctx context.Context, pool *pgxpool.Pool, last map[feed.Place]int64, trades int64) (string, error) {
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
	if missing, err := r.unbookedEvents(ctx, trades); err != nil || missing != "" {
		return missing, err
	}
	return r.incomplete(ctx)
}

// unbookedEvents says how many of so many events of trades are not booked yet, or "".
func (r *Session) unbookedEvents(ctx context.Context, told int64) (string, error) {
	var events int64
	if err := r.Ledger.QueryRow(ctx, "select count(*) from report.trade_events").Scan(&events); err != nil {
		return "", fmt.Errorf("counting the events of trades: %w", err)
	}
	if events < told {
		return fmt.Sprintf("%d of %d events of trades", told-events, told), nil
	}
	return "", nil
}

// incomplete says up to when the ledger is complete, or "" where that is now.
func (r *Session) incomplete(ctx context.Context) (string, error) {
	through, err := postgres.CompleteThrough(ctx, r.Ledger)
	if err == nil && through < r.now {
		return fmt.Sprintf("the ledger is complete through %s, not %s", through, r.now), nil
	}
	return "", err
}
