package postgres

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
	"github.com/penstock-ledger/penstock/streams"
)

// TakeAnchor reads what the chains of all shards, and all that was told of trades, have come to, at one moment. The pool's role is RoleAuditor.
func TakeAnchor(ctx context.Context, pool *pgxpool.Pool) (*anchor.Anchor, error) {
	a := &anchor.Anchor{}
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		const facts = "select cluster, now(), (select nullif(complete_through, '-infinity') from report.complete_through) from ledger.system"
		var complete *time.Time
		if err := tx.QueryRow(ctx, facts).Scan(&a.Cluster, &a.TakenAt, &complete); err != nil {
			return err
		}
		a.TakenAt = a.TakenAt.UTC()
		if err := signOpenings(ctx, tx, a); err != nil {
			return err
		}
		if err := signTrades(ctx, tx, a); err != nil {
			return err
		}
		if complete != nil {
			a.CompleteThrough = complete.UTC()
		}
		const heads = `select partition, sequence, encode(head, 'hex'), nullif(recorded_at, '-infinity') from ledger.position
			where topic = $1 order by partition`
		rows, err := tx.Query(ctx, heads, streams.LedgerJournal)
		if err != nil {
			return err
		}
		a.Heads, err = pgx.CollectRows(rows, headOf)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the heads of the ledger's chains: %w", err)
	}
	return a, nil
}

func headOf(row pgx.CollectableRow) (head anchor.Head, err error) {
	var recordedAt *time.Time
	if err := row.Scan(&head.Shard, &head.Sequence, &head.Hash, &recordedAt); err != nil {
		return head, err
	}
	if recordedAt != nil {
		head.RecordedAt = recordedAt.UTC()
	}
	return head, nil
}

// checkAnchors refuses options that the ledger cannot be checked by.
func checkAnchors(options *VerifyOptions, cluster string, shards int32) error {
	if options.Incremental && len(options.Anchors) == 0 {
		return errors.New("checking only what is new needs an anchor to begin at, and there is none")
	}
	for i := range options.Anchors {
		if a := &options.Anchors[i]; a.Cluster != cluster || len(a.Heads) != int(shards) {
			return fmt.Errorf("the anchor of %s is of cluster %s with %d shards, the ledger of %s with %d",
				a.TakenAt.Format(time.RFC3339), a.Cluster, len(a.Heads), cluster, shards)
		}
	}
	return nil
}

// believed returns how many journals a check does not read: those of dropped months, and those that an incremental check believes.
func (o *VerifyOptions) believed(ctx context.Context, pool *pgxpool.Pool) (sum int64, err error) {
	sequences := make(map[int32]int64)
	var shard int32
	var sequence int64
	rows, err := pool.Query(ctx, "select shard, max(sequence) from ledger.opening_head group by shard")
	if err != nil {
		return 0, fmt.Errorf("reading where the ledger begins: %w", err)
	}
	if _, err = pgx.ForEachRow(rows, []any{&shard, &sequence}, func() error { sequences[shard] = sequence; return nil }); err != nil {
		return 0, fmt.Errorf("reading where the ledger begins: %w", err)
	}
	if o.Incremental {
		for _, head := range o.Anchors[len(o.Anchors)-1].Heads {
			sequences[head.Shard] = max(sequences[head.Shard], head.Sequence)
		}
	}
	for _, sequence := range sequences {
		sum += sequence
	}
	return sum, nil
}

// anchor gives the checks what was signed of their shard.
func (c *shardChecks) anchor(options *VerifyOptions) {
	c.anchors, c.incremental = make(map[int64]string), options.Incremental
	for i := range options.Anchors {
		head := options.Anchors[i].Heads[c.shard]
		c.anchors[head.Sequence] = head.Hash
		c.told.sign(&options.Anchors[i], c.shard)
		if options.Incremental {
			c.believed = head.Sequence
		}
	}
}

// believe begins an incremental check at the journal that was signed last. Of the journals before it only those that were signed are compared.
func (c *shardChecks) believe(ctx context.Context, snapshot *shardSnapshot) error {
	if !c.incremental || c.believed <= c.sequence { // it begins with the opening, which lies further on
		c.believed = max(c.believed, c.sequence)
		return nil
	}
	head, err := hex.DecodeString(c.anchors[c.believed])
	if err != nil || len(head) != len(c.head) {
		return fmt.Errorf("shard %d: the anchor's hash is %q", c.shard, c.anchors[c.believed])
	}
	c.sequence, c.head = c.believed, [32]byte(head)
	query := "select sequence, hash, " + fmt.Sprintf(instantSQL, "recorded_at") + " from ledger.journal where shard = $1 and sequence = any ($2) order by sequence, month"
	rows, err := snapshot.tx.Query(ctx, query, c.shard, slices.Collect(maps.Keys(c.anchors)))
	if err != nil {
		return err
	}
	var sequence int64
	var hash []byte
	var recordedAt schemas.Instant
	_, err = pgx.ForEachRow(rows, []any{&sequence, &hash, &recordedAt}, func() error {
		if sequence == c.believed {
			c.recordedAt = recordedAt
		}
		if sequence <= c.believed {
			c.compareHash(sequence, hash)
		}
		return nil
	})
	return err
}

// compareHash compares a journal with what was signed of it, if anything was.
func (c *shardChecks) compareHash(sequence int64, hash []byte) {
	signed, ok := c.anchors[sequence]
	if !ok || sequence == 0 {
		return
	}
	delete(c.anchors, sequence)
	c.anchored.Checked++
	if got := hex.EncodeToString(hash); got != signed {
		c.anchored.fail(c.place(sequence), "its hash is %s, signed was %s", got, signed)
	}
}

// missSigned reports the journals that were signed and are not there.
func (c *shardChecks) missSigned() {
	for _, sequence := range slices.Sorted(maps.Keys(c.anchors)) {
		if sequence > 0 {
			c.anchored.Checked++
			c.anchored.fail(c.place(sequence), "it was signed as the last of its shard, and is not there")
		}
	}
}
