package postgres

import (
	"errors"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// errForgotten says that a number was dropped from memory after the batch asked for it. Booking again asks again.
var errForgotten = errors.New("the number of a code is no longer in memory")

func journalColumns() []string {
	return []string{
		"sequence", "recorded_at", "record_offset", "record_partition", "source", "shard", "month", "record_topic", "rules",
		"id", "hash", "cause", "pot",
	}
}

// journalRows hands journals to COPY. The slice of values is used again for every row.
type journalRows struct {
	codes    *codes
	journals []ledger.Journal
	month    int16
	next     int
	values   [13]any
}

// Next moves to the next row.
func (r *journalRows) Next() bool {
	r.next++
	return r.next <= len(r.journals)
}

// Values returns the columns of the row.
func (r *journalRows) Values() ([]any, error) {
	journal := &r.journals[r.next-1]
	r.codes.mutex.RLock()
	defer r.codes.mutex.RUnlock()
	source, topic, rules := r.codes.sources[journal.Source], r.codes.topics[journal.Topic], r.codes.rules[journal.Rules]
	if source == 0 || topic == 0 || rules == 0 {
		return nil, errForgotten
	}
	r.values = [...]any{
		journal.Sequence, journal.RecordedAt.Time(), journal.Offset, journal.Partition, source,
		int16(journal.Shard), r.month, topic, rules, //nolint:gosec // a ledger has at most 4096 shards
		[16]byte(journal.ID), journal.Hash[:], journal.Cause, nil,
	}
	if journal.Pot != nil {
		r.values[12] = string(*journal.Pot)
	}
	return r.values[:], nil
}

// Err never has anything to tell: the journals are in memory.
func (r *journalRows) Err() error { return nil }

func postingColumns() []string {
	return []string{
		"sequence", "quantity", "from_balance", "to_balance", "effective_on", "trade", "shard", "month", "leg", "move", "order_id", "reverses", "counter_order_id",
	}
}

// postingRows hands the postings of journals to COPY.
type postingRows struct {
	codes         *codes
	journals      []ledger.Journal
	month         int16
	journal, next int
	values        [13]any
}

// Next moves to the next row.
func (r *postingRows) Next() bool {
	for r.journal < len(r.journals) && r.next >= len(r.journals[r.journal].Postings) {
		r.journal++
		r.next = 0
	}
	r.next++
	return r.journal < len(r.journals)
}

// Values returns the columns of the row.
func (r *postingRows) Values() ([]any, error) {
	journal := &r.journals[r.journal]
	posting := &journal.Postings[r.next-1]
	r.codes.mutex.RLock()
	defer r.codes.mutex.RUnlock()
	does, known := r.codes.moves[moveOf(posting)]
	if !known {
		return nil, errForgotten
	}
	quantity, _ := posting.Quantity.Quanta(int(posting.Scale)) // checked to be exact
	r.values = [...]any{
		journal.Sequence, quantity, quanta(posting.FromBalance, posting.Scale), quanta(posting.ToBalance, posting.Scale),
		posting.EffectiveOn.Time(), nil, int16(journal.Shard), r.month, int16(posting.Leg), does, nil, nil, nil, //nolint:gosec // a record has room for few legs
	}
	if posting.Trade != nil {
		trade := r.codes.trades[*posting.Trade]
		if trade == 0 {
			return nil, errForgotten
		}
		r.values[5] = trade
	}
	if posting.Order != nil {
		r.values[10] = [16]byte(*posting.Order)
	}
	if posting.Reverses != nil {
		r.values[11] = [16]byte(*posting.Reverses)
	}
	if posting.CounterOrder != nil {
		r.values[12] = [16]byte(*posting.CounterOrder)
	}
	return r.values[:], nil
}

// Err never has anything to tell: the journals are in memory.
func (r *postingRows) Err() error { return nil }

// quanta returns nil, which COPY writes as null, for no quantity.
func quanta(quantity *schemas.Quantity, scale int32) any {
	if quantity == nil {
		return nil
	}
	exact, _ := quantity.Quanta(int(scale)) // checked to be exact
	return exact
}
