package ledger

import (
	"crypto/sha256"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
)

// ChainVersion is the first word of what a chain hash covers. It changes if the canonical form ever does.
const ChainVersion = "penstock-journal-1"

// contentBytes is a good guess of the size of a journal's canonical form.
const contentBytes = 1024

// Link gives the journal its place: the next sequence number of its shard, and the hash that ties it to all before it.
// Everything else must have been set.
func (v *Journal) Link(sequence int64, previous [32]byte) {
	v.Sequence, v.Previous = sequence, previous
	v.Hash = v.ExpectedHash()
}

// ExpectedHash returns SHA-256 over the previous hash and the canonical form of the journal: a line with its place and
// cause, then its content. A stored hash that differs means that something was changed.
func (v *Journal) ExpectedHash() [32]byte {
	var scratch [contentBytes]byte
	b := append(scratch[:0], v.Previous[:]...)
	b = append(b, ChainVersion...)
	b = appendNumber(b, int64(v.Shard))
	b = appendNumber(b, v.Sequence)
	b = appendNumber(b, int64(v.RecordedAt))
	b = appendText(b, v.Topic)
	b = appendNumber(b, int64(v.Partition))
	b = appendNumber(b, v.Offset)
	b = append(b, '\n')
	return sha256.Sum256(v.AppendContent(b))
}

// AppendContent appends the canonical form of what the journal says: all but its shard, sequence, chain, recorded time and
// the position of its cause, which depend on how records interleave. Two runs over the same facts have the same contents.
func (v *Journal) AppendContent(b []byte) []byte {
	b = v.ID.Append(b)
	pot := ""
	if v.Pot != nil {
		pot = string(*v.Pot)
	}
	for _, text := range [...]string{pot, v.Stage, string(v.Source), v.Cause, v.Rules} {
		b = appendText(b, text)
	}
	b = append(b, '\n')
	for i := range v.Postings {
		b = v.Postings[i].appendContent(b)
	}
	return b
}

func (v *Posting) appendContent(b []byte) []byte {
	b = strconv.AppendInt(b, int64(v.Leg), 10)
	b = appendText(b, string(v.Asset))
	b = appendNumber(b, int64(v.Scale))
	b = appendNumber(b, int64(v.Quantity))
	b = appendText(b, string(v.From))
	b = appendText(b, string(v.To))
	b = appendNumber(b, int64(v.EffectiveOn))
	b = appendQuantity(b, v.FromBalance)
	b = appendQuantity(b, v.ToBalance)
	b = appendID(b, v.Order)
	b = appendID(b, v.Trade)
	return append(b, '\n')
}

// appendText writes the length before the text, so that no text can pass for two.
func appendText(b []byte, text string) []byte {
	b = appendNumber(b, int64(len(text)))
	b = append(b, ':')
	return append(b, text...)
}

func appendNumber(b []byte, number int64) []byte {
	return strconv.AppendInt(append(b, '|'), number, 10)
}

func appendQuantity(b []byte, quantity *schemas.Quantity) []byte {
	if quantity == nil {
		return append(b, '|', '-')
	}
	return appendNumber(b, int64(*quantity))
}

func appendID(b []byte, id *schemas.ID) []byte {
	if id == nil {
		return append(b, '|', '-')
	}
	return id.Append(append(b, '|'))
}
