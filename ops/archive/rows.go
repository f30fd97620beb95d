package archive

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// journalNames and postingNames are the first lines of the files, in the order of their columns.
func journalNames() []string {
	return []string{"shard", "sequence", "id", "previous", "hash", "recorded_at", "pot", "source", "cause", "topic", "partition", "offset", "rules"}
}

func postingNames() []string {
	return []string{
		"shard", "sequence", "leg", "stage", "asset", "scale", "quantity", "from_account", "to_account", "effective_on",
		"from_balance", "to_balance", "order", "trade", "counter_order", "reverses",
	}
}

func number[T ~int32 | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// orEmpty writes a value that may be missing; what is missing is empty.
func orEmpty[T fmt.Stringer](v *T) string {
	if v == nil {
		return ""
	}
	return (*v).String()
}

func journalRow(j *ledger.Journal) []string {
	pot := ""
	if j.Pot != nil {
		pot = string(*j.Pot)
	}
	return []string{
		number(j.Shard), number(j.Sequence), j.ID.String(), hex.EncodeToString(j.Previous[:]), hex.EncodeToString(j.Hash[:]), j.RecordedAt.String(),
		pot, string(j.Source), j.Cause, j.Topic, number(j.Partition), number(j.Offset), j.Rules,
	}
}

func postingRow(j *ledger.Journal, p *ledger.Posting) []string {
	return []string{
		number(j.Shard), number(j.Sequence), number(p.Leg), p.Stage, string(p.Asset), number(p.Scale), p.Quantity.String(), string(p.From), string(p.To),
		p.EffectiveOn.String(), orEmpty(p.FromBalance), orEmpty(p.ToBalance), orEmpty(p.Order), orEmpty(p.Trade), orEmpty(p.CounterOrder), orEmpty(p.Reverses),
	}
}

// fields takes the columns of a row, and keeps the first error.
type fields struct {
	row []string
	err error
}

func (f *fields) text() string {
	text := f.row[0]
	f.row = f.row[1:]
	return text
}

func (f *fields) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) number(bits int) int64 {
	n, err := strconv.ParseInt(f.text(), 10, bits)
	f.keep(err)
	return n
}

func (f *fields) int32() int32 { return int32(f.number(32)) } //nolint:gosec // parsed as such

func (f *fields) id() schemas.ID {
	id, err := schemas.ParseID(f.text())
	f.keep(err)
	return id
}

func (f *fields) idOrNone() *schemas.ID {
	if f.row[0] == "" {
		f.text()
		return nil
	}
	id := f.id()
	return &id
}

func (f *fields) date() schemas.Date {
	day, err := schemas.ParseDate(f.text())
	f.keep(err)
	return day
}

func (f *fields) hash() (h ledger.Hash) {
	raw, err := hex.DecodeString(f.text())
	f.keep(err)
	copy(h[:], raw)
	return h
}

func (f *fields) quantity() schemas.Quantity {
	quanta, err := schemas.ParseQuanta(f.text(), schemas.QuantityScale)
	f.keep(err)
	return schemas.Quantity(quanta)
}

func (f *fields) quantityOrNone() *schemas.Quantity {
	if f.row[0] == "" {
		f.text()
		return nil
	}
	q := f.quantity()
	return &q
}

func parseJournal(row []string) (ledger.Journal, error) {
	f := &fields{row: row}
	j := ledger.Journal{Shard: f.int32(), Sequence: f.number(64), ID: f.id(), Previous: f.hash(), Hash: f.hash()}
	at, err := time.Parse(time.RFC3339Nano, f.text())
	f.keep(err)
	j.RecordedAt = schemas.InstantOf(at)
	if pot := schemas.PotID(f.text()); pot != "" {
		j.Pot = &pot
	}
	j.Source, j.Cause, j.Topic, j.Partition, j.Offset, j.Rules = schemas.SourceID(f.text()), f.text(), f.text(), f.int32(), f.number(64), f.text()
	return j, f.err
}

// parsePosting returns a posting and the number of its journal.
func parsePosting(row []string) (sequence int64, p ledger.Posting, err error) {
	f := &fields{row: row[1:]} // the shard is the journal's
	sequence = f.number(64)
	p = ledger.Posting{Leg: f.int32(), Stage: f.text(), Asset: schemas.AssetCode(f.text()), Scale: f.int32(), Quantity: f.quantity()}
	p.From, p.To = schemas.Account(f.text()), schemas.Account(f.text())
	p.EffectiveOn = f.date()
	p.FromBalance, p.ToBalance = f.quantityOrNone(), f.quantityOrNone()
	p.Order, p.Trade, p.CounterOrder, p.Reverses = f.idOrNone(), f.idOrNone(), f.idOrNone(), f.idOrNone()
	return sequence, p, f.err
}
