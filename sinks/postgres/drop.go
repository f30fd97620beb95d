package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// Drop says which months are to leave the ledger, who wants it, and which archive has them.
type Drop struct {
	First, Last Month
	Cluster     string
	// Runs are what the archive has of each shard, in their order.
	Runs []Run
	// Archive is the name of its folder, Manifest the SHA-256 of its manifest.
	Archive  string
	Manifest [sha256.Size]byte
	// Operator is who acts, Reason why.
	Operator, Reason string
	Patience         Patience
}

// Run is the journals of a shard after number Before, whose hash is Previous, through number Through, whose hash is Head.
type Run struct {
	Before   int64
	Previous ledger.Hash
	Through  int64
	Head     ledger.Hash
}

// DropPlan is what leaves the ledger, and what stays of it.
type DropPlan struct {
	Dropped
	// Journals and Postings are those of the months; Tables and Bytes what they take, with their indexes.
	Journals int64 `json:"journals"`
	Postings int64 `json:"postings"`
	Tables   int   `json:"tables"`
	Bytes    int64 `json:"bytes"`
	// Balances are the rows of the opening, of which Later count for days after the months. Orders were not dealt to their end; Payments, Deliveries of
	// units that come in and Trades have postings there.
	Balances   int64 `json:"balances"`
	Later      int64 `json:"later"`
	Orders     int64 `json:"orders"`
	Payments   int64 `json:"payments"`
	Deliveries int64 `json:"deliveries"`
	Trades     int64 `json:"trades"`
}

// DropMonths drops the oldest months from the ledger, in one transaction: it reads them once more, holds every journal against its hash and the chains against
// the archive, keeps what they come to as the opening, and drops their tables. Without execute it does all but to write and drop. It refuses with an error,
// and nothing done, months that are not the oldest or not over in every shard, rows that are not as they were booked, and an archive that is not of exactly
// these journals; that the archive itself is whole, the caller has verified. It tells progress, where given, how many of all journals are read. The pool's
// role is RoleOwner.
func DropMonths(ctx context.Context, pool *pgxpool.Pool, drop Drop, execute bool, progress func(done, total int64)) (*DropPlan, error) {
	d := &dropping{Drop: drop, execute: execute, progress: progress, plan: &DropPlan{Dropped: Dropped{
		First: drop.First, Last: drop.Last, Operator: drop.Operator, Reason: drop.Reason, Archive: drop.Archive, Manifest: hex.EncodeToString(drop.Manifest[:]),
	}}}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return d.run(ctx, tx) })
	if err != nil {
		return nil, fmt.Errorf("dropping %s to %s: %w", drop.First, drop.Last, err)
	}
	return d.plan, nil
}

// dropping is one act under way.
type dropping struct {
	Drop
	tx       pgx.Tx
	execute  bool
	progress func(done, total int64)
	plan     *DropPlan
	// codes are those of all shards, read once: who booked the months has numbered all of theirs.
	codes storedCodes
	names numbers
	done  int64
}

// run does all of it but the commit.
func (d *dropping) run(ctx context.Context, tx pgx.Tx) error {
	d.tx = tx
	// One act at a time. Readers go on.
	if _, err := tx.Exec(ctx, "set local idle_in_transaction_session_timeout = 0; lock table ledger.dropped in share row exclusive mode"); err != nil {
		return err
	}
	if err := d.begin(ctx); err != nil {
		return err
	}
	for shard := range d.Runs {
		if err := d.shard(ctx, int32(shard)); err != nil { //nolint:gosec // a few
			return err
		}
	}
	return d.end(ctx)
}

// begin refuses what cannot be dropped, and notes the act.
func (d *dropping) begin(ctx context.Context) error {
	var shards int
	var cluster string
	var complete bool
	const facts = "select shards, cluster, coalesce((select min(recorded_before) >= $1 from ledger.progress), false) from ledger.system"
	if err := d.tx.QueryRow(ctx, facts, (d.Last+1).Begin().Time()).Scan(&shards, &cluster, &complete); err != nil {
		return err
	}
	acts, err := loadDropped(ctx, d.tx)
	switch {
	case err != nil:
		return err
	case d.Cluster != cluster || len(d.Runs) != shards:
		return fmt.Errorf("the archive is of cluster %q with %d shards, the ledger of %q with %d", d.Cluster, len(d.Runs), cluster, shards)
	case d.Last < d.First:
		return fmt.Errorf("%s lies before %s", d.Last, d.First)
	case len(acts) > 0 && d.First <= acts[len(acts)-1].Last:
		return fmt.Errorf("%w: %s", ErrDropped, places(acts))
	case !complete:
		return fmt.Errorf("%w: %s is not over in every shard", ErrNotComplete, d.Last)
	}
	if err := d.requireLocks(ctx); err != nil {
		return err
	}
	d.plan.Act = int32(len(acts) + 1) //nolint:gosec // at most one per month
	if d.codes, err = loadCodes(ctx, d.tx); err != nil {
		return fmt.Errorf("reading the codes: %w", err)
	}
	if d.names, err = loadNumbers(ctx, d.tx, d.codes.trades); err != nil || !d.execute {
		return err
	}
	const note = `insert into ledger.dropped (act, first_month, last_month, operator, reason, archive, manifest)
		values ($1, $2, $3, $4, $5, $6, $7) returning dropped_at`
	err = d.tx.QueryRow(ctx, note, d.plan.Act, int16(d.First), int16(d.Last), d.Operator, d.Reason, d.Archive, d.Manifest[:]).Scan(&d.plan.DroppedAt)
	if err != nil {
		return fmt.Errorf("noting the act: %w", err)
	}
	d.plan.DroppedAt = d.plan.DroppedAt.UTC()
	_, err = d.tx.Exec(ctx, fmt.Sprintf("create table ledger.%s (like ledger.opening including constraints including comments)", d.table()))
	return err
}

func (d *dropping) table() string { return fmt.Sprintf("opening_%d", d.plan.Act) }

// end makes the opening part of the ledger, and drops the tables of the months.
func (d *dropping) end(ctx context.Context) error {
	tables, err := d.tables(ctx)
	if err != nil || !d.execute {
		return err
	}
	for _, statement := range []string{
		"create index on ledger.%[1]s (pot) where pot is not null",
		"select ledger.protect('ledger.%[1]s')",
		"grant select on ledger.%[1]s to penstock_auditor",
		"alter table ledger.opening attach partition ledger.%[1]s for values in (%[2]d)",
	} {
		if _, err := d.tx.Exec(ctx, fmt.Sprintf(statement, d.table(), d.plan.Act)); err != nil {
			return fmt.Errorf("making the opening part of the ledger: %w", err)
		}
	}
	return d.dropWhenFree(ctx, tables)
}

// numbers are the numbers of codes.
type numbers struct {
	accounts, assets map[string]int16
	scales           map[string]int32
	trades           map[schemas.ID]int32
}

func loadNumbers(ctx context.Context, tx pgx.Tx, trades map[int32]*schemas.ID) (numbers, error) {
	n := numbers{accounts: map[string]int16{}, assets: map[string]int16{}, scales: map[string]int32{}, trades: make(map[schemas.ID]int32, len(trades))}
	var code string
	var number int16
	var scale int32
	rows, err := tx.Query(ctx, "select code, id from ledger.account")
	if err != nil {
		return n, err
	}
	if _, err = pgx.ForEachRow(rows, []any{&code, &number}, func() error { n.accounts[code] = number; return nil }); err != nil {
		return n, err
	}
	if rows, err = tx.Query(ctx, "select code, id, scale from ledger.asset"); err != nil {
		return n, err
	}
	_, err = pgx.ForEachRow(rows, []any{&code, &number, &scale}, func() error { n.assets[code], n.scales[code] = number, scale; return nil })
	if err != nil {
		return n, err
	}
	for id, trade := range trades {
		n.trades[*trade] = id
	}
	return n, err
}
