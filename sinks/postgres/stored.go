package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// windowJournalsMax bounds how many stored journals are in memory per shard that is read.
const windowJournalsMax = 5000

// storedJournal is a journal rebuilt from its rows. Its Previous is not stored; who reads the chain sets it.
type storedJournal struct {
	ledger.Journal
	month int16
	// unknown counts the numbers in its rows that stand for no code.
	unknown int
}

// storedCodes are the codes by their numbers.
type storedCodes struct {
	moves                  map[int16]storedMove
	topics, rules, sources map[int32]string
	trades                 map[int32]schemas.ID
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
}

// inSnapshot calls fn with a view of the whole database that does not change meanwhile.
func inSnapshot(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
		// A reader may think between two windows for longer than a sink may.
		if _, err := tx.Exec(ctx, "set local idle_in_transaction_session_timeout = 0"); err != nil {
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
	codes := storedCodes{moves: map[int16]storedMove{}, trades: map[int32]schemas.ID{}}
	var err error
	for table, into := range map[string]*map[int32]string{"topic": &codes.topics, "rules": &codes.rules, "source": &codes.sources} {
		if *into, err = loadTexts(ctx, tx, table); err != nil {
			return codes, err
		}
	}
	var id int32
	var trade [16]byte
	rows, err := tx.Query(ctx, "select id, code from ledger.trade")
	if err != nil {
		return codes, err
	}
	if _, err = pgx.ForEachRow(rows, []any{&id, &trade}, func() error { codes.trades[id] = trade; return nil }); err != nil {
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
	arguments = append([]any{s.shard}, arguments...)
	const journals = `select sequence, month, recorded_at, record_offset, record_partition, source, record_topic, rules, id, hash, cause, pot
		from ledger.journal where shard = $1 and %s order by sequence, month`
	rows, err := s.tx.Query(ctx, fmt.Sprintf(journals, condition), arguments...)
	if err != nil {
		return nil, err
	}
	current := &window{}
	if current.journals, err = pgx.CollectRows(rows, s.journal); err != nil {
		return nil, fmt.Errorf("reading journals: %w", err)
	}
	const postings = `select sequence, month, leg, move, quantity, from_balance, to_balance, effective_on, trade, order_id, reverses, counter_order_id
		from ledger.posting where shard = $1 and %s order by sequence, month, leg`
	if rows, err = s.tx.Query(ctx, fmt.Sprintf(postings, condition), arguments...); err != nil {
		return nil, err
	}
	defer rows.Close()
	for at := 0; rows.Next(); {
		if at, err = s.posting(rows, current, at); err != nil {
			return nil, fmt.Errorf("reading postings: %w", err)
		}
	}
	return current, rows.Err()
}

func (s *shardSnapshot) journal(row pgx.CollectableRow) (storedJournal, error) {
	var source, topic, rules int32
	var recordedAt time.Time
	var id [16]byte
	var hash []byte
	journal := storedJournal{}
	journal.Shard = s.shard
	err := row.Scan(&journal.Sequence, &journal.month, &recordedAt, &journal.Offset, &journal.Partition, &source, &topic, &rules,
		&id, &hash, &journal.Cause, &journal.Pot)
	if err != nil {
		return journal, err
	}
	journal.ID, journal.RecordedAt = id, schemas.InstantOf(recordedAt)
	copy(journal.Hash[:], hash)
	journal.Source = schemas.SourceID(lookUp(s.codes.sources, source, &journal.unknown))
	journal.Topic = lookUp(s.codes.topics, topic, &journal.unknown)
	journal.Rules = lookUp(s.codes.rules, rules, &journal.unknown)
	return journal, nil
}

// posting adds the row to its journal, which is the one at index at or a later one, and returns that index.
func (s *shardSnapshot) posting(row pgx.CollectableRow, current *window, at int) (int, error) {
	var sequence, quantity int64
	var month, leg, does int16
	var fromBalance, toBalance *int64
	var effectiveOn time.Time
	var trade *int32
	var order, reverses, counter *[16]byte
	if err := row.Scan(&sequence, &month, &leg, &does, &quantity, &fromBalance, &toBalance, &effectiveOn, &trade, &order, &reverses, &counter); err != nil {
		return at, err
	}
	for at < len(current.journals) && before(&current.journals[at], sequence, month) {
		at++
	}
	if at == len(current.journals) || current.journals[at].Sequence != sequence || current.journals[at].month != month {
		current.orphans = append(current.orphans, sequence)
		return at, nil
	}
	journal := &current.journals[at]
	m := lookUp(s.codes.moves, does, &journal.unknown)
	posting := ledger.Posting{
		Leg: int32(leg), Stage: m.stage, Asset: m.asset, Scale: m.scale, From: m.from, To: m.to,
		EffectiveOn: schemas.Date(effectiveOn.Unix() / secondsPerDay), //nolint:gosec // a date
		Quantity:    *quantityOf(&quantity, m.scale, journal),
		FromBalance: quantityOf(fromBalance, m.scale, journal), ToBalance: quantityOf(toBalance, m.scale, journal),
	}
	if trade != nil {
		id := lookUp(s.codes.trades, *trade, &journal.unknown)
		posting.Trade = &id
	}
	if order != nil {
		id := schemas.ID(*order)
		posting.Order = &id
	}
	if reverses != nil {
		id := schemas.ID(*reverses)
		posting.Reverses = &id
	}
	if counter != nil {
		id := schemas.ID(*counter)
		posting.CounterOrder = &id
	}
	journal.Postings = append(journal.Postings, posting)
	return at, nil
}

const secondsPerDay = 24 * 60 * 60

func before(journal *storedJournal, sequence int64, month int16) bool {
	return journal.Sequence < sequence || journal.Sequence == sequence && journal.month < month
}

func lookUp[K comparable, V any](known map[K]V, number K, unknown *int) V {
	found, ok := known[number]
	if !ok {
		*unknown++
	}
	return found
}

// quantityOf counts what is out of range, which booking never stores, like a number that stands for nothing.
func quantityOf(quanta *int64, scale int32, journal *storedJournal) *schemas.Quantity {
	if quanta == nil {
		return nil
	}
	quantity, err := schemas.QuantityOf(*quanta, int(scale))
	if err != nil {
		journal.unknown++
	}
	return &quantity
}
