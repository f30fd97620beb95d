package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const storedJournalsSQL = `select sequence, month, recorded_at, record_offset, record_partition, source, record_topic, rules, id, hash, cause, pot
	from ledger.journal where shard = $1 and %s order by sequence, month`

const storedPostingsSQL = `select sequence, month, leg, move, quantity, from_balance, to_balance, effective_on, trade, order_id, reverses, counter_order_id
	from ledger.posting where shard = $1 and %s order by sequence%s`

func (s *shardSnapshot) readJournals(ctx context.Context, current *window, query string, arguments []any) error {
	rows, err := s.tx.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row := storedRow{values: rows.RawValues()}
		current.journals = append(current.journals, s.journal(&row))
		if row.err != nil {
			return row.err
		}
	}
	return rows.Err()
}

func (s *shardSnapshot) journal(row *storedRow) storedJournal {
	journal := storedJournal{}
	journal.Shard = s.shard
	journal.Sequence, journal.month = row.int64(), row.int16()
	journal.RecordedAt = row.instant(&journal.unknown)
	journal.Offset, journal.Partition = row.int64(), row.int32()
	journal.Source = schemas.SourceID(lookUp(s.codes.sources, row.int32(), &journal.unknown))
	journal.Topic = lookUp(s.codes.topics, int32(row.int16()), &journal.unknown)
	journal.Rules = lookUp(s.codes.rules, int32(row.int16()), &journal.unknown)
	copy(journal.ID[:], row.bytes(len(journal.ID)))
	copy(journal.Hash[:], row.bytes(len(journal.Hash)))
	journal.Cause = row.text()
	if !row.null() {
		pot := schemas.PotID(row.text())
		journal.Pot = &pot
	}
	return journal
}

// readPostings adds the postings to their journals. It stops, and says so, at one that does not come in the order of sequence, month and leg.
func (s *shardSnapshot) readPostings(ctx context.Context, current *window, query string, arguments []any) (ordered bool, err error) {
	rows, err := s.tx.Query(ctx, query, arguments...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	found := postingsFound{
		current: current, postings: make([]ledger.Posting, 0, s.postingsSeen), counts: make([]int, len(current.journals)),
		sequence: math.MinInt64, month: math.MinInt16, leg: math.MinInt16,
	}
	for rows.Next() {
		row := storedRow{values: rows.RawValues()}
		ordered := s.posting(&row, &found)
		if row.err != nil || !ordered {
			return false, row.err
		}
	}
	found.handOut()
	s.postingsSeen = len(found.postings)
	return true, rows.Err()
}

// postingsFound are the postings of a window while they are read: all in one slice, of which each journal gets its part at the end.
type postingsFound struct {
	current  *window
	postings []ledger.Posting
	// counts says of each journal how many of the postings are its own; at is the journal of the last one, or one after which it would have to come.
	counts []int
	at     int
	// sequence, month and leg are those of the last one.
	sequence   int64
	month, leg int16
	quantities slab[schemas.Quantity]
	ids        slab[schemas.ID]
}

// handOut gives each journal its postings.
func (f *postingsFound) handOut() {
	begin := 0
	for i, n := range f.counts {
		if n > 0 {
			f.current.journals[i].Postings = f.postings[begin : begin+n : begin+n]
		}
		begin += n
	}
}

// posting takes in a row. It returns false where the row should have come before the last one.
func (s *shardSnapshot) posting(row *storedRow, found *postingsFound) (ordered bool) {
	sequence, month, leg := row.int64(), row.int16(), row.int16()
	if comesBefore(sequence, month, leg, found) {
		return false
	}
	found.sequence, found.month, found.leg = sequence, month, leg
	journals := found.current.journals
	for found.at < len(journals) && before(&journals[found.at], sequence, month) {
		found.at++
	}
	if found.at == len(journals) || journals[found.at].Sequence != sequence || journals[found.at].month != month {
		found.current.orphans = append(found.current.orphans, sequence)
		return true
	}
	journal := &journals[found.at]
	m := lookUp(s.codes.moves, row.int16(), &journal.unknown)
	quantity := quantityOf(row.int64(), m.scale, journal)
	posting := ledger.Posting{
		Leg: int32(leg), Stage: m.stage, Asset: m.asset, Scale: m.scale, From: m.from, To: m.to, Quantity: quantity,
		FromBalance: row.balance(m.scale, journal, found), ToBalance: row.balance(m.scale, journal, found), EffectiveOn: row.date(),
	}
	if !row.null() {
		posting.Trade = lookUp(s.codes.trades, row.int32(), &journal.unknown)
	}
	posting.Order, posting.Reverses, posting.CounterOrder = row.id(found), row.id(found), row.id(found)
	found.postings = append(found.postings, posting)
	found.counts[found.at]++
	return true
}

func comesBefore(sequence int64, month, leg int16, found *postingsFound) bool {
	switch {
	case sequence != found.sequence:
		return sequence < found.sequence
	case month != found.month:
		return month < found.month
	}
	return leg < found.leg
}

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
func quantityOf(quanta int64, scale int32, journal *storedJournal) schemas.Quantity {
	quantity, err := schemas.QuantityOf(quanta, int(scale))
	if err != nil {
		journal.unknown++
	}
	return quantity
}

// slabValues is how many values a slab makes room for at once.
const slabValues = 512

// slab makes room for values to point to, many at once.
type slab[V any] struct{ free []V }

func (s *slab[V]) keep(value V) *V {
	if len(s.free) == 0 {
		s.free = make([]V, slabValues)
	}
	kept := &s.free[0]
	s.free = s.free[1:]
	*kept = value
	return kept
}

// storedRow takes the columns of a row, one after the other, out of Postgres' binary format. The first column that does not have the length of its type
// is kept as an error.
type storedRow struct {
	values [][]byte
	at     int
	err    error
}

// bytes returns a column of the given length, until the next row is read.
func (r *storedRow) bytes(length int) []byte {
	value := r.values[r.at]
	r.at++
	if len(value) == length {
		return value
	}
	if r.err == nil {
		r.err = fmt.Errorf("column %d has %d bytes, not %d", r.at, len(value), length)
	}
	return make([]byte, length)
}

// null says whether the next column has no value, and passes over it then.
func (r *storedRow) null() bool {
	if r.values[r.at] != nil {
		return false
	}
	r.at++
	return true
}

func (r *storedRow) int64() int64 { return int64(binary.BigEndian.Uint64(r.bytes(8))) } //nolint:gosec // the same bits
func (r *storedRow) int32() int32 { return int32(binary.BigEndian.Uint32(r.bytes(4))) } //nolint:gosec // the same bits
func (r *storedRow) int16() int16 { return int16(binary.BigEndian.Uint16(r.bytes(2))) } //nolint:gosec // the same bits

func (r *storedRow) text() string { return string(r.raw()) }

// raw returns a column of any length, until the next row is read.
func (r *storedRow) raw() []byte {
	value := r.values[r.at]
	r.at++
	return value
}

// instant reads a time. A part of a millisecond, which no recorded time has, is counted.
func (r *storedRow) instant(unknown *int) schemas.Instant {
	microseconds := r.int64()
	if microseconds%microsecondsPerMillisecond != 0 {
		*unknown++
	}
	return schemas.Instant(microseconds/microsecondsPerMillisecond + epochMilliseconds)
}

func (r *storedRow) date() schemas.Date { return schemas.Date(r.int32() + epochDays) }

func (r *storedRow) balance(scale int32, journal *storedJournal, found *postingsFound) *schemas.Quantity {
	if r.null() {
		return nil
	}
	return found.quantities.keep(quantityOf(r.int64(), scale, journal))
}

func (r *storedRow) id(found *postingsFound) *schemas.ID {
	if r.null() {
		return nil
	}
	return found.ids.keep(schemas.ID(r.bytes(len(schemas.ID{}))))
}

// Postgres counts days and microseconds from the beginning of the year 2000.
const (
	epochDays                  = 10_957
	epochMilliseconds          = epochDays * secondsPerDay * 1000
	microsecondsPerMillisecond = 1000
)

const secondsPerDay = 24 * 60 * 60
