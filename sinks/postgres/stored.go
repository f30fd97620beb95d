package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// windowJournalsMax bounds how many stored journals are in memory per shard that is read.
const windowJournalsMax = 5000

// storedJournal is a journal rebuilt from its rows. Its Previous is not stored; who reads the chain sets it.
type storedJournal struct {
	ledger.Journal
	month int16
	// unknown counts what its rows have and booking never stores: numbers that stand for no code, parts of a millisecond.
	unknown int
}

// storedCodes are the codes by their numbers.
type storedCodes struct {
	moves                  map[int16]storedMove
	topics, rules, sources map[int32]string
	trades                 map[int32]*schemas.ID
}

type storedMove struct {
	move
	scale int32
}

// shardSnapshot reads one shard as it is at one moment.
type shardSnapshot struct {
	tx    pgx.Tx
	shard int32
	codes storedCodes
	// postingsSeen is how many postings the last window had; the next one is likely to have as many.
	postingsSeen int
}

// beginner is a pool, or a connection out of one.
type beginner interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}

// inSnapshot calls fn with a view of the whole database that does not change meanwhile.
func inSnapshot(ctx context.Context, from beginner, fn func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, from, options, func(tx pgx.Tx) error {
		// A reader may think between two windows for longer than a sink may. The lock comes before the snapshot: no months are dropped until the reader
		// is done, which else would have rows vanish that its snapshot has no opening for.
		if _, err := tx.Exec(ctx, "set local idle_in_transaction_session_timeout = 0; lock table ledger.dropped in access share mode"); err != nil {
			return err
		}
		return fn(tx)
	})
}

func openShard(ctx context.Context, tx pgx.Tx, shard int32) (*shardSnapshot, error) {
	snapshot := &shardSnapshot{tx: tx, shard: shard}
	var err error
	if snapshot.codes, err = loadCodes(ctx, tx); err != nil {
		return nil, fmt.Errorf("reading the codes: %w", err)
	}
	return snapshot, nil
}

func loadCodes(ctx context.Context, tx pgx.Tx) (storedCodes, error) {
	codes := storedCodes{moves: map[int16]storedMove{}, trades: map[int32]*schemas.ID{}}
	var err error
	for table, into := range map[string]*map[int32]string{"topic": &codes.topics, "rules": &codes.rules, "source": &codes.sources} {
		if *into, err = loadTexts(ctx, tx, table); err != nil {
			return codes, err
		}
	}
	var id int32
	var trade schemas.ID
	rows, err := tx.Query(ctx, "select id, code from ledger.trade")
	if err != nil {
		return codes, err
	}
	if _, err = pgx.ForEachRow(rows, []any{&id, (*[16]byte)(&trade)}, func() error { known := trade; codes.trades[id] = &known; return nil }); err != nil {
		return codes, err
	}
	const moves = `select m.id, m.stage, a.code, a.scale, f.code, t.code from ledger.move m join ledger.asset a on a.id = m.asset
		join ledger.account f on f.id = m.from_account join ledger.account t on t.id = m.to_account`
	var number int16
	var m storedMove
	if rows, err = tx.Query(ctx, moves); err != nil {
		return codes, err
	}
	_, err = pgx.ForEachRow(rows, []any{&number, &m.stage, &m.asset, &m.scale, &m.from, &m.to}, func() error { codes.moves[number] = m; return nil })
	return codes, err
}

func loadTexts(ctx context.Context, tx pgx.Tx, table string) (map[int32]string, error) {
	texts := make(map[int32]string)
	var id int32
	var text string
	rows, err := tx.Query(ctx, "select id, code from ledger."+table)
	if err != nil {
		return nil, err
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error { texts[id] = text; return nil })
	return texts, err
}

// window is the rows of consecutive sequence numbers.
type window struct {
	journals []storedJournal
	// orphans are the sequence numbers of postings that have no journal.
	orphans []int64
}

// windows calls fn with all rows of the shard, in windows and in the order of the sequence.
func (s *shardSnapshot) windows(ctx context.Context, fn func(*window) error) error {
	return s.windowsFrom(ctx, math.MinInt64, fn)
}

// windowsFrom does so with the rows from a sequence number on.
func (s *shardSnapshot) windowsFrom(ctx context.Context, from int64, fn func(*window) error) error {
	for {
		const boundary = `select count(*), max(sequence) from
			(select sequence from ledger.journal where shard = $1 and sequence >= $2 order by sequence limit $3) as first_ones`
		var found int64
		var last *int64
		if err := s.tx.QueryRow(ctx, boundary, s.shard, from, windowJournalsMax).Scan(&found, &last); err != nil {
			return fmt.Errorf("looking for journals of shard %d: %w", s.shard, err)
		}
		to := int64(math.MaxInt64)
		if found == windowJournalsMax {
			to = *last
		}
		current, err := s.read(ctx, from, to)
		if err != nil {
			return fmt.Errorf("reading shard %d from journal %d: %w", s.shard, from, err)
		}
		if err := fn(current); err != nil {
			return err
		}
		if to == math.MaxInt64 {
			return nil
		}
		from = to + 1
	}
}

func (s *shardSnapshot) read(ctx context.Context, from, to int64) (*window, error) {
	return s.readWhere(ctx, "sequence between $2 and $3", from, to)
}

// readNumbers reads the journals with the given sequence numbers.
func (s *shardSnapshot) readNumbers(ctx context.Context, sequences []int64) (*window, error) {
	return s.readWhere(ctx, "sequence = any ($2)", sequences)
}

// readWhere reads the rows of the shard for which a condition on their sequence numbers holds; its parameters begin at $2.
func (s *shardSnapshot) readWhere(ctx context.Context, condition string, arguments ...any) (*window, error) {
	// Statements are described anew each time: the plan then fits the numbers, and the columns are known to come in the binary format.
	arguments = append([]any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.BinaryFormatCode}, s.shard}, arguments...)
	// Rows lie in the order in which they were booked, so by the index they come with their legs in order, and sorting them would take longer than all else.
	// Where somebody wrote rows anew it is not so.
	for _, legs := range [...]string{"", ", month, leg"} {
		current := &window{}
		if err := s.readJournals(ctx, current, fmt.Sprintf(storedJournalsSQL, condition), arguments); err != nil {
			return nil, fmt.Errorf("reading journals: %w", err)
		}
		ordered, err := s.readPostings(ctx, current, fmt.Sprintf(storedPostingsSQL, condition, legs), arguments)
		if err != nil {
			return nil, fmt.Errorf("reading postings: %w", err)
		}
		if ordered {
			return current, nil
		}
	}
	return nil, errors.New("postings do not come in the order in which they were asked for")
}
