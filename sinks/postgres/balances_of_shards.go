package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// Of reading the balances of all pots.
const (
	// balanceReadersMax is how many shards Postgres adds up at a time: each takes a connection, a processor and balancesWorkMemory.
	balanceReadersMax = 4
	// balancesWorkMemory is what Postgres may take twice over to add up balances, and again to sort them: some 5 million balances of a shard fit. Its
	// hash_mem_multiplier of 2 is where the twice comes from. So one shard takes up to 1.5 GB, and a question for all pots, which has balanceReadersMax
	// shards added up at a time, up to 6 GB. With its default of 4 MB it writes all postings of a large ledger to temporary files first.
	balancesWorkMemory = "512MB"
	// balancesTogether is how many balances are handed over at once.
	balancesTogether = 128
	// balancesAhead is how many times as many of a shard wait for those of the shards before it.
	balancesAhead = 8
)

// balancesOfShards reads all shards, some at a time, and calls each for one after the other.
func balancesOfShards(ctx context.Context, pool *pgxpool.Pool, query *balancesQuery, each func(Balance) error) error {
	var count int
	if err := pool.QueryRow(ctx, "select shards from ledger.system").Scan(&count); err != nil {
		return fmt.Errorf("reading how many shards there are: %w", err)
	}
	found := make([]chan []Balance, count)
	for shard := range found {
		found[shard] = make(chan []Balance, balancesAhead)
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return readShards(ctx, pool, query, found) })
	all.Go(func() error {
		for _, ofShard := range found {
			if err := takeBalances(ctx, ofShard, each); err != nil {
				return err
			}
		}
		return nil
	})
	return all.Wait()
}

// readShards reads each shard into its channel. Connections are taken in the order of the shards: a later shard's reader waits for who takes its balances,
// and would wait for ever if it held the connection that an earlier one needs.
func readShards(ctx context.Context, pool *pgxpool.Pool, query *balancesQuery, into []chan []Balance) error {
	readers, ctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, balanceReadersMax)
	var failed error
	for shard, balances := range into {
		if failed = give(ctx, slots, struct{}{}); failed != nil {
			break
		}
		var conn *pgxpool.Conn
		if conn, failed = pool.Acquire(ctx); failed != nil {
			break
		}
		readers.Go(func() error {
			defer func() { conn.Release(); <-slots }()
			return giveBalances(ctx, conn, query, shard, balances)
		})
	}
	if err := readers.Wait(); err != nil {
		return err
	}
	return failed
}

// giveBalances reads a shard into its channel, which it closes once all are there.
func giveBalances(ctx context.Context, conn *pgxpool.Conn, query *balancesQuery, shard int, into chan<- []Balance) error {
	together := make([]Balance, 0, balancesTogether)
	err := query.readShard(ctx, conn, shard, func(b Balance) error {
		if together = append(together, b); len(together) < balancesTogether {
			return nil
		}
		full := together
		together = make([]Balance, 0, balancesTogether)
		return give(ctx, into, full)
	})
	if err != nil {
		return err
	}
	if err := give(ctx, into, together); err != nil {
		return err
	}
	close(into)
	return nil
}

// takeBalances calls each for all balances of a shard.
func takeBalances(ctx context.Context, from <-chan []Balance, each func(Balance) error) error {
	for {
		together, open, err := next(ctx, from)
		if err != nil || !open {
			return err
		}
		for _, balance := range together {
			if err := each(balance); err != nil {
				return err
			}
		}
	}
}

func give[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next takes from a channel; open is false at its end.
func next[T any](ctx context.Context, from <-chan T) (value T, open bool, err error) {
	select {
	case value, open = <-from:
		return value, open, nil
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}
