package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// canonicalLinesMax bounds the postings whose digests are in memory at once, 32 bytes each. A ledger with more is read
// several times, a part of the digests each.
const canonicalLinesMax = 32_000_000

// Canonical computes the canonical hash of a ledger: SHA-256 over the sorted SHA-256 digests of the canonical lines of all
// postings. It does not depend on the order in which journals are added, nor on anything that depends on how records
// interleaved, so two runs over the same facts have the same.
type Canonical struct {
	digests [][sha256.Size]byte
	line    []byte
}

// Add takes in the postings of a journal.
func (c *Canonical) Add(journal *ledger.Journal) { c.add(journal, 0, math.MaxUint8) }

// add takes in the postings whose digests begin with a byte from low to high.
func (c *Canonical) add(journal *ledger.Journal, low, high byte) {
	for i := range journal.Postings {
		c.line = journal.AppendCanonical(c.line[:0], i)
		if digest := sha256.Sum256(c.line); digest[0] >= low && digest[0] <= high {
			c.digests = append(c.digests, digest)
		}
	}
}

// Sum returns the hash of what was added so far.
func (c *Canonical) Sum() [sha256.Size]byte {
	hash := sha256.New()
	for _, digest := range c.sorted() {
		hash.Write(digest[:])
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

func (c *Canonical) sorted() [][sha256.Size]byte {
	slices.SortFunc(c.digests, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
	return c.digests
}

// CanonicalHash returns the canonical hash of the ledger, and of how many postings it is. It returns ErrDropped where months were dropped: the hash is over all
// journals, and sums have none. The pool's role is RoleAuditor.
func CanonicalHash(ctx context.Context, pool *pgxpool.Pool) (sum [sha256.Size]byte, postings int64, err error) {
	var shards int32
	const facts = "select (select shards from ledger.system), (select count(*) from ledger.posting)"
	if err := pool.QueryRow(ctx, facts).Scan(&shards, &postings); err != nil {
		return sum, 0, fmt.Errorf("counting postings: %w", err)
	}
	if err := requireFrom(ctx, pool, 0); err != nil {
		return sum, 0, err
	}
	passes := min(256, 1+int(postings/canonicalLinesMax))
	hash := sha256.New()
	postings = 0
	for pass := range passes {
		low, high := byte(256*pass/passes), byte(256*(pass+1)/passes-1) //nolint:gosec // from 0 to 255
		lines, err := canonicalPass(ctx, pool, shards, low, high)
		if err != nil {
			return sum, 0, err
		}
		for _, digest := range lines.sorted() {
			hash.Write(digest[:])
		}
		postings += int64(len(lines.digests))
	}
	return [sha256.Size]byte(hash.Sum(nil)), postings, nil
}

func canonicalPass(ctx context.Context, pool *pgxpool.Pool, shards int32, low, high byte) (*Canonical, error) {
	var all Canonical
	var mutex sync.Mutex
	err := eachShard(ctx, pool, shards, func(ctx context.Context, snapshot *shardSnapshot) error {
		var part Canonical
		err := snapshot.windows(ctx, func(current *window) error {
			for i := range current.journals {
				part.add(&current.journals[i].Journal, low, high)
			}
			return nil
		})
		mutex.Lock()
		defer mutex.Unlock()
		all.digests = append(all.digests, part.digests...)
		return err
	})
	return &all, err
}

// shardsReadMax bounds how many shards are read at once.
const shardsReadMax = 4

// eachShard calls fn for every shard, for several at once, each in a snapshot of its own.
func eachShard(ctx context.Context, pool *pgxpool.Pool, shards int32, fn func(context.Context, *shardSnapshot) error) error {
	group, ctx := errgroup.WithContext(ctx)
	// A connection stays free for whoever else uses the pool.
	group.SetLimit(max(1, min(shardsReadMax, int(pool.Config().MaxConns)-1)))
	for shard := range shards {
		group.Go(func() error {
			return inSnapshot(ctx, pool, func(tx pgx.Tx) error {
				snapshot, err := openShard(ctx, tx, shard)
				if err != nil {
					return err
				}
				return fn(ctx, snapshot)
			})
		})
	}
	return group.Wait()
}
