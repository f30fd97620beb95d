package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// Journals calls each with every stored journal, shard by shard in the order of their numbers, all as they were at one moment. What is stored of a
// journal is all but the chain head before it. It returns ErrDropped where months were dropped, and the first error of each. The pool's role is RoleAuditor.
func Journals(ctx context.Context, pool *pgxpool.Pool, each func(*ledger.Journal) error) error {
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		var shards int32
		if err := tx.QueryRow(ctx, "select shards from ledger.system").Scan(&shards); err != nil {
			return err
		}
		if err := requireFrom(ctx, tx, 0); err != nil {
			return err
		}
		for shard := range shards {
			snapshot, err := openShard(ctx, tx, shard)
			if err != nil {
				return err
			}
			err = snapshot.windows(ctx, func(current *window) error {
				for i := range current.journals {
					if err := each(&current.journals[i].Journal); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading journals: %w", err)
	}
	return nil
}

// Month is a month of recorded time, in UTC, counted from January 1970.
type Month int16

// MonthOf returns the month that a time lies in.
func MonthOf(at schemas.Instant) Month {
	t := at.Time().UTC()
	return Month((t.Year()-1970)*12 + int(t.Month()) - 1) //nolint:gosec // small for every time that can be written
}

// Begin returns the month's first moment.
func (m Month) Begin() schemas.Instant {
	return schemas.InstantOf(time.Date(1970+int(m)/12, time.Month(int(m)%12+1), 1, 0, 0, 0, 0, time.UTC))
}

// MarshalText writes the month as 2008-03.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads a month as 2008-03. There is none before 1970.
func (m *Month) UnmarshalText(text []byte) error {
	at, err := time.Parse("2006-01", string(text))
	if err != nil || at.Year() < 1970 {
		return fmt.Errorf("%q is no month", text)
	}
	*m = MonthOf(schemas.InstantOf(at))
	return nil
}

// String returns the month as 2008-03.
func (m Month) String() string { return m.Begin().Time().UTC().Format("2006-01") }

// Stretch is where a shard's journals of some months begin: after the journal of that number, whose hash is Head.
type Stretch struct {
	Shard  int32
	Before int64
	Head   ledger.Hash
}

// Extract is told journals, and then the events of trades. Begin is called for each shard, also for one without journals; then Each for every journal,
// complete with the hash before it. BeginTrades, which may be nil for nothing to be told of trades, is called once with what the events before have come to;
// then Trade for every event.
type Extract struct {
	Begin       func(Stretch) error
	Each        func(*ledger.Journal) error
	BeginTrades func(anchor.Trades) error
	Trade       func(*TradeEvent) error
}

// JournalsOfMonths tells of all journals that were recorded in the months, the last one included, shard by shard in the order of their numbers, then of the
// events of trades that belong to them, and returns the cluster of the ledger. It returns ErrNotComplete where records of these months may still come, and
// ErrDropped where some were dropped. The pool's role is RoleAuditor.
func JournalsOfMonths(ctx context.Context, pool *pgxpool.Pool, first, last Month, to Extract) (cluster string, err error) {
	err = inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		var shards int32
		var complete bool
		const facts = "select shards, cluster, coalesce((select complete_through >= $1 from report.complete_through), false) from ledger.system"
		if err := tx.QueryRow(ctx, facts, (last+1).Begin().Time()).Scan(&shards, &cluster, &complete); err != nil {
			return err
		}
		if !complete {
			return fmt.Errorf("%w: %s is not over in every shard", ErrNotComplete, last)
		}
		if err := requireFrom(ctx, tx, first); err != nil {
			return err
		}
		for shard := range shards {
			if err := extractShard(ctx, tx, shard, first, last, to); err != nil {
				return err
			}
		}
		return extractTrades(ctx, tx, first, last, to)
	})
	if err != nil {
		return cluster, fmt.Errorf("reading the journals of %s to %s: %w", first, last, err)
	}
	return cluster, nil
}

func extractShard(ctx context.Context, tx pgx.Tx, shard int32, first, last Month, to Extract) error {
	stretch := Stretch{Shard: shard}
	opening, head, err := openingHead(ctx, tx, shard)
	if err != nil {
		return err
	}
	var through int64
	const bounds = `select coalesce((select max(sequence) from ledger.journal where shard = $1 and month < $2), $4),
		coalesce((select max(sequence) from ledger.journal where shard = $1 and month <= $3), $4)`
	if err := tx.QueryRow(ctx, bounds, shard, int16(first), int16(last), opening).Scan(&stretch.Before, &through); err != nil {
		return fmt.Errorf("looking for journals of shard %d: %w", shard, err)
	}
	if stretch.Head = head; stretch.Before > opening {
		var head []byte
		if err := tx.QueryRow(ctx, "select hash from ledger.journal where shard = $1 and sequence = $2", shard, stretch.Before).Scan(&head); err != nil {
			return fmt.Errorf("reading journal %d of shard %d: %w", stretch.Before, shard, err)
		}
		copy(stretch.Head[:], head)
	}
	if err := to.Begin(stretch); err != nil {
		return err
	}
	snapshot, err := openShard(ctx, tx, shard)
	if err != nil {
		return err
	}
	previous := stretch.Head
	for from := stretch.Before + 1; from <= through; from += windowJournalsMax {
		current, err := snapshot.read(ctx, from, min(from+windowJournalsMax-1, through))
		if err != nil {
			return fmt.Errorf("reading shard %d from journal %d: %w", shard, from, err)
		}
		for i := range current.journals {
			journal := &current.journals[i].Journal
			journal.Previous, previous = previous, journal.Hash
			if err := to.Each(journal); err != nil {
				return err
			}
		}
	}
	return nil
}
