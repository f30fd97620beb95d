package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// findingsMax bounds the findings that a check keeps; it counts them all.
const findingsMax = 20

// Report is what Verify found.
type Report struct {
	Checks []Check `json:"checks"`
}

// OK says whether every check holds.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return !c.OK() })
}

// Check is one invariant and what it was checked on.
type Check struct {
	// Name is frozen; Title says in a sentence what must hold.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Checked is on how many Of ("journals", "postings", ...) it was checked.
	Checked int64  `json:"checked"`
	Of      string `json:"of"`
	// Failed counts the findings; Findings has the first of them.
	Failed   int64     `json:"failed"`
	Findings []Finding `json:"findings,omitempty"`
	// Note has a number worth telling although nothing is wrong.
	Note string `json:"note,omitempty"`
}

// Finding is one place where a check does not hold.
type Finding struct {
	Place  string `json:"place"`
	Detail string `json:"detail"`
}

// OK says whether the check holds.
func (c *Check) OK() bool { return c.Failed == 0 }

func (c *Check) fail(place, format string, arguments ...any) {
	c.Failed++
	if len(c.Findings) < findingsMax {
		c.Findings = append(c.Findings, Finding{Place: place, Detail: fmt.Sprintf(format, arguments...)})
	}
}

// merge adds what another shard found.
func (c *Check) merge(other *Check) {
	c.Checked += other.Checked
	c.Failed += other.Failed
	c.Findings = append(c.Findings, other.Findings[:min(len(other.Findings), findingsMax-len(c.Findings))]...)
	if c.Note == "" {
		c.Note = other.Note
	}
}

// VerifyOptions say what to check beyond what always holds.
type VerifyOptions struct {
	// AtRest says that nothing is under way: every record is processed, every sweep closed, everything booked. Then also what members
	// got of a trade must be what was delivered, and nothing may be owed on a settled trade.
	AtRest bool
	// Anchors are what was signed of the chains earlier, the oldest first: the ledger must still have each of these journals, unchanged.
	Anchors []anchor.Anchor
	// Incremental reads only what came after the last of the Anchors, and believes all before it. What only the whole can show is then not checked: that
	// running balances began at 0, that accounts add up to 0, and balances on the effective axis.
	Incremental bool
	// More are checks of the caller's own, run in one snapshot of the database.
	More []func(context.Context, pgx.Tx) (Check, error)
}

// Verify reads the whole ledger and checks it, without believing any of its running totals. The pool's role is RoleAuditor.
// It tells progress, where given, how many of all journals are read; the shards are read side by side, the calls come one by one. An error says that the ledger could not be read; what
// is wrong in it is in the report.
func Verify(ctx context.Context, pool *pgxpool.Pool, options VerifyOptions, progress func(done, total int64)) (*Report, error) {
	var shards int32
	var total int64
	var cluster string
	const facts = "select shards, cluster, (select coalesce(sum(sequence), 0)::bigint from ledger.position) from ledger.system"
	if err := pool.QueryRow(ctx, facts).Scan(&shards, &cluster, &total); err != nil {
		return nil, fmt.Errorf("reading the facts of the ledger: %w", err)
	}
	if err := checkAnchors(&options, cluster, shards); err != nil {
		return nil, err
	}
	believed, err := options.believed(ctx, pool)
	if err != nil {
		return nil, err
	}
	total -= believed
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var mutex sync.Mutex
	var done int64
	read := func(n int) {
		mutex.Lock()
		defer mutex.Unlock()
		done += int64(n)
		progress(done, total)
	}
	found := make([]*shardChecks, shards)
	err = eachShard(ctx, pool, shards, func(ctx context.Context, snapshot *shardSnapshot) error {
		checks := newShardChecks(snapshot.shard, shards)
		checks.anchor(&options)
		if err := checks.run(ctx, snapshot, read); err != nil {
			return err
		}
		found[snapshot.shard] = checks
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verifying the ledger: %w", err)
	}
	all := newShardChecks(0, shards)
	all.anchor(&options)
	for _, checks := range found {
		all.merge(checks)
	}
	report := &Report{Checks: all.list()}
	err = inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		whole := wholeChecks(shards, options.AtRest)
		if opened, err := hasOpenings(ctx, tx); err != nil {
			return err
		} else if opened {
			whole = append(whole, openingPlaces().run)
		}
		whole = append(whole, signedChecks(options.Anchors)...)
		for _, check := range append(whole, options.More...) {
			found, err := check(ctx, tx)
			if err != nil {
				return err
			}
			report.Checks = append(report.Checks, found)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verifying the ledger as a whole: %w", err)
	}
	return report, nil
}
