package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// ErrOtherLedger says that the database holds the ledger of another system: one with another shard count or Kafka cluster.
var ErrOtherLedger = errors.New("this database holds another system's ledger")

// LedgerOptions say which system the ledger is of.
type LedgerOptions struct {
	// Shards is the number of partitions of the ledger's topics.
	Shards int32
	// Cluster is the id of the Kafka cluster whose offsets the ledger keeps; empty is not compared.
	Cluster string
	// Process names this process to whoever looks at the positions.
	Process string
	// AnswerTimeMax bounds one claim or one booking, with all that belongs to it; 0 is a minute and a half.
	AnswerTimeMax time.Duration
	// Faults is called at each named step of a booking, in drills only; an error from it acts as a lost connection at that step.
	Faults func(shard int32, at Step) error
}

// Step names a point of a booking at which drills let it fail.
type Step string

// The steps, in their order.
const (
	// StepCopied: all rows and the position are in the open transaction.
	StepCopied Step = "copied"
	// StepBooked: the database has committed, the sink does not know.
	StepBooked Step = "booked"
)

func (o *LedgerOptions) fault(shard int32, at Step) error {
	if o.Faults == nil {
		return nil
	}
	return o.Faults(shard, at)
}

// Ledger books into one database. Its methods may be called by several goroutines, for different shards.
type Ledger struct {
	pool    *pgxpool.Pool
	options LedgerOptions
	codes   codes

	partitionsMutex sync.Mutex
	partitions      map[partitionKey]struct{}
}

type partitionKey struct {
	shard int32
	month int16
}

// partitionsKnownMax bounds what is remembered of tables that exist.
const partitionsKnownMax = 100_000

// OpenLedger founds the ledger in the database of the pool, whose role is RoleSink, or opens the one that is there. It returns
// ErrOtherLedger where that is another system's.
func OpenLedger(ctx context.Context, pool *pgxpool.Pool, options LedgerOptions) (*Ledger, error) {
	var shards int32
	var cluster string
	l := &Ledger{pool: pool, options: options, partitions: make(map[partitionKey]struct{})}
	const found = "select shards, cluster from ledger.found($1, $2)"
	err := l.answered(ctx, func(ctx context.Context) error {
		return pool.QueryRow(ctx, found, options.Shards, options.Cluster).Scan(&shards, &cluster)
	})
	if err != nil {
		return nil, fmt.Errorf("founding the ledger: %w", err)
	}
	if shards != options.Shards {
		return nil, fmt.Errorf("%w: it has %d shards, this system %d", ErrOtherLedger, shards, options.Shards)
	}
	if cluster != "" && options.Cluster != "" && cluster != options.Cluster {
		return nil, fmt.Errorf("%w: it belongs to Kafka cluster %s, this is %s", ErrOtherLedger, cluster, options.Cluster)
	}
	return l, nil
}

// Position is how far a shard is booked, and the right to go on from there: that right ends when somebody claims the shard anew.
type Position struct {
	Shard int32
	Epoch int64
	// JournalOffset and ProgressOffset are those of the next records wanted of the two topics.
	JournalOffset, ProgressOffset int64
	// Sequence and Head are the last journal's number and hash, RecordedAt its recorded time.
	Sequence   int64
	Head       [32]byte
	RecordedAt schemas.Instant
	// CompleteSequence and RecordedBefore are the last progress applied: no journal after CompleteSequence is recorded before
	// RecordedBefore.
	CompleteSequence int64
	RecordedBefore   schemas.Instant
}

// instantSQL reads a time as milliseconds; minus infinity, a time that never was, as 0.
const instantSQL = "case when isfinite(%[1]s) then (extract(epoch from %[1]s) * 1000)::bigint else 0 end"

// Claim takes the shard over from whoever has it and returns its position. It waits for a transaction of the former owner that is
// under way, at most for the pool's lock timeout; a session that is frozen in the middle of one is ended, so that the next claim succeeds.
func (l *Ledger) Claim(ctx context.Context, shard int32) (position Position, err error) {
	err = l.answered(ctx, func(ctx context.Context) error {
		position, err = l.claim(ctx, shard)
		return l.expelFrozen(ctx, err)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = fmt.Errorf("%w: it has no such shard", ErrOtherLedger)
	}
	if err != nil {
		return Position{}, fmt.Errorf("claiming shard %d: %w", shard, err)
	}
	return position, nil
}

func (l *Ledger) claim(ctx context.Context, shard int32) (Position, error) {
	position := Position{Shard: shard}
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		journal := claimSQL("sequence, head, " + fmt.Sprintf(instantSQL, "recorded_at"))
		var head []byte
		err := tx.QueryRow(ctx, journal, streams.LedgerJournal, shard, l.options.Process).Scan(
			&position.Epoch, &position.JournalOffset, &position.Sequence, &head, &position.RecordedAt)
		if err != nil {
			return err
		}
		copy(position.Head[:], head)
		err = tx.QueryRow(ctx, claimSQL("0"), streams.LedgerProgress, shard, l.options.Process).Scan(nil, &position.ProgressOffset, nil)
		if err != nil {
			return err
		}
		progress := "select sequence, " + fmt.Sprintf(instantSQL, "recorded_before") + " from ledger.progress where shard = $1"
		return tx.QueryRow(ctx, progress, shard).Scan(&position.CompleteSequence, &position.RecordedBefore)
	})
	return position, err
}

func claimSQL(more string) string {
	return `update ledger.position set epoch = epoch + 1, claimed_by = $3, claimed_at = now()
		where topic = $1 and partition = $2 returning epoch, next_offset, ` + more
}

// ensurePartition makes the tables of a shard and month, in a transaction of its own so that its locks are short.
func (l *Ledger) ensurePartition(ctx context.Context, shard int32, month int16) error {
	key := partitionKey{shard, month}
	l.partitionsMutex.Lock()
	_, known := l.partitions[key]
	l.partitionsMutex.Unlock()
	if known {
		return nil
	}
	if _, err := l.pool.Exec(ctx, "select ledger.ensure_partition($1, $2)", shard, month); err != nil {
		return fmt.Errorf("making the tables of shard %d, month %s: %w", shard, monthSuffix(month), err)
	}
	l.partitionsMutex.Lock()
	defer l.partitionsMutex.Unlock()
	if len(l.partitions) >= partitionsKnownMax {
		clear(l.partitions)
	}
	l.partitions[key] = struct{}{}
	return nil
}

// monthOf counts months from January 1970, in UTC.
func monthOf(at schemas.Instant) int16 {
	t := at.Time()
	return int16((t.Year()-1970)*12 + int(t.Month()) - 1) //nolint:gosec // a month of the next millennia
}

func monthSuffix(month int16) string { return fmt.Sprintf("%04d_%02d", 1970+month/12, month%12+1) }

// leaf names the table of a shard and month.
func leaf(table string, shard int32, month int16) pgx.Identifier {
	return pgx.Identifier{"ledger", fmt.Sprintf("%s_%d_%s", table, shard, monthSuffix(month))}
}
