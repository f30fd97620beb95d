package postgres

import (
	"encoding/binary"
	"math"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// journalColumns are those that journalRows writes, in order.
const journalColumns = "sequence, recorded_at, record_offset, record_partition, source, shard, month, record_topic, rules, id, hash, cause, pot"

// journalRows writes journals of one month as COPY takes them.
type journalRows struct {
	journals []ledger.Journal
	numbers  []journalNumbers
	month    int16
}

// row appends the next row, and returns false where there is none.
func (r *journalRows) row(b []byte) ([]byte, bool) {
	if len(r.journals) == 0 {
		return b, false
	}
	journal, numbers := &r.journals[0], &r.numbers[0]
	r.journals, r.numbers = r.journals[1:], r.numbers[1:]
	b = binary.BigEndian.AppendUint16(b, 13) // columns
	b = appendInt64(b, journal.Sequence)
	b = appendInstant(b, journal.RecordedAt)
	b = appendInt64(b, journal.Offset)
	b = appendInt32(b, journal.Partition)
	b = appendInt32(b, numbers.source)
	b = appendInt16(b, int16(journal.Shard)) //nolint:gosec // a ledger has at most 4096 shards
	b = appendInt16(b, r.month)
	b = appendInt16(b, numbers.topic)
	b = appendInt16(b, numbers.rules)
	b = appendBytes(b, journal.ID[:])
	b = appendBytes(b, journal.Hash[:])
	b = appendBytes(b, journal.Cause)
	if journal.Pot == nil {
		return appendNull(b), true
	}
	return appendBytes(b, *journal.Pot), true
}

// postingColumns are those that postingRows writes, in order.
const postingColumns = "sequence, quantity, from_balance, to_balance, effective_on, trade, shard, month, leg, move, order_id, reverses, counter_order_id"

// postingRows writes the postings of journals of one month as COPY takes them.
type postingRows struct {
	journals []ledger.Journal
	numbers  []postingNumbers
	month    int16
	// next is the index of the next posting of the first of the journals.
	next int
}

// row appends the next row, and returns false where there is none.
func (r *postingRows) row(b []byte) ([]byte, bool) {
	for len(r.journals) > 0 && r.next == len(r.journals[0].Postings) {
		r.journals, r.next = r.journals[1:], 0
	}
	if len(r.journals) == 0 {
		return b, false
	}
	journal, numbers := &r.journals[0], &r.numbers[0]
	posting := &journal.Postings[r.next]
	r.numbers = r.numbers[1:]
	r.next++
	b = binary.BigEndian.AppendUint16(b, 13) // columns
	b = appendInt64(b, journal.Sequence)
	b = appendQuanta(b, &posting.Quantity, posting.Scale)
	b = appendQuanta(b, posting.FromBalance, posting.Scale)
	b = appendQuanta(b, posting.ToBalance, posting.Scale)
	b = appendDate(b, posting.EffectiveOn)
	if posting.Trade == nil {
		b = appendNull(b)
	} else {
		b = appendInt32(b, numbers.trade)
	}
	b = appendInt16(b, int16(journal.Shard)) //nolint:gosec // a ledger has at most 4096 shards
	b = appendInt16(b, r.month)
	b = appendInt16(b, int16(posting.Leg)) //nolint:gosec // a record has room for few legs
	b = appendInt16(b, numbers.move)
	b = appendID(b, posting.Order)
	b = appendID(b, posting.Reverses)
	return appendID(b, posting.CounterOrder), true
}

// The columns of a row, each after its length in bytes, in Postgres' binary format.

func appendInt16(b []byte, v int16) []byte {
	return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(v)) //nolint:gosec // the same bits
}

func appendInt32(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v)) //nolint:gosec // the same bits
}

func appendInt64(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v)) //nolint:gosec // the same bits
}

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(v))) //nolint:gosec // far less than a message
	return append(b, v...)
}

func appendID(b []byte, id *schemas.ID) []byte {
	if id == nil {
		return appendNull(b)
	}
	return append(append(b, 0, 0, 0, byte(len(id))), id[:]...)
}

// appendQuanta writes a quantity, which was checked to be exact.
func appendQuanta(b []byte, quantity *schemas.Quantity, scale int32) []byte {
	if quantity == nil {
		return appendNull(b)
	}
	quanta, _ := quantity.Quanta(int(scale))
	return appendInt64(b, quanta)
}

// Days and times so far back that counting them from the year 2000 would turn them into others become ones that the server refuses.

func appendDate(b []byte, date schemas.Date) []byte {
	return appendInt32(b, int32(max(int64(date)-epochDays, math.MinInt32+1))) //nolint:gosec // never above a date
}

func appendInstant(b []byte, at schemas.Instant) []byte {
	const most = math.MaxInt64 / microsecondsPerMillisecond
	return appendInt64(b, min(max(int64(at)-epochMilliseconds, -most), most)*microsecondsPerMillisecond)
}
