package ledger

import (
	"crypto/sha256"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
)

// ChainVersion is the first word of what a chain hash covers. It changes if the form ever does.
const ChainVersion = "penstock-journal-1"

// formBytes is a good guess of the size of a journal's canonical form.
const formBytes = 1536

// Link gives the journal its place: the next sequence number of its shard, and the hash that ties it to all before it, which
// it returns. Everything else must have been set.
func (v *Journal) Link(sequence int64, previous [32]byte) [32]byte {
	v.Sequence, v.Previous = sequence, previous
	v.Hash = v.ExpectedHash()
	return v.Hash
}

// ExpectedHash returns SHA-256 over the previous hash and the canonical form of the journal: a line for the journal, then a line
// for each posting. A stored hash that differs means that something was changed.
func (v *Journal) ExpectedHash() [32]byte {
	var scratch [formBytes]byte
	b := append(scratch[:0], v.Previous[:]...)
	b = append(b, ChainVersion...)
	b = v.ID.Append(append(b, '|'))
	b = appendNumber(b, int64(v.Shard))
	b = appendNumber(b, v.Sequence)
	b = appendNumber(b, int64(v.RecordedAt))
	b = appendText(b, v.potText())
	b = appendText(b, string(v.Source))
	b = appendText(b, v.Cause)
	b = appendText(b, v.Topic)
	b = appendNumber(b, int64(v.Partition))
	b = appendNumber(b, v.Offset)
	b = appendText(b, v.Rules)
	b = append(b, '\n')
	for i := range v.Postings {
		p := &v.Postings[i]
		b = strconv.AppendInt(b, int64(p.Leg), 10)
		b = p.appendMove(b)
		b = appendQuantity(b, p.FromBalance)
		b = appendQuantity(b, p.ToBalance)
		if p.Reverses != nil {
			// Only where there is one: journals of before there were such links keep their hashes.
			b = appendID(b, p.Reverses)
		}
		b = append(b, '\n')
	}
	return sha256.Sum256(b)
}

// AppendCanonical appends one line, without its end, that says what posting i of the journal moved and why, and nothing that
// depends on how records interleaved: no sequence, chain, recorded time, position or running balance. A posting that
// serves an external trade is named by the trade, because several trades may share a journal or not, as they come; and the payment of
// a transfer out by its own id, because it leaves with whichever of the pot's last trades is told last. Two runs over the same facts have the same lines, in whatever order.
func (v *Journal) AppendCanonical(b []byte, i int) []byte {
	p := &v.Postings[i]
	b = strconv.AppendInt(b, int64(v.Shard), 10)
	b = appendText(b, v.potText())
	if p.Trade == nil && !v.paysTransfer(p) {
		b = appendText(b, string(v.Source))
		b = appendText(b, v.Cause)
	}
	b = p.appendMove(b)
	return appendText(b, v.Rules)
}

// paysTransfer says whether the posting pays out what a transfer has sold. A withdrawal that a member asked for has the member's source.
func (v *Journal) paysTransfer(p *Posting) bool {
	return p.Stage == "withdrawn" && v.Source == "dealing"
}

func (v *Journal) potText() string {
	if v.Pot == nil {
		return ""
	}
	return string(*v.Pot)
}

func (v *Posting) appendMove(b []byte) []byte {
	b = appendText(b, v.Stage)
	b = appendText(b, string(v.Asset))
	b = appendNumber(b, int64(v.Scale))
	b = appendNumber(b, int64(v.Quantity))
	b = appendText(b, string(v.From))
	b = appendText(b, string(v.To))
	b = appendNumber(b, int64(v.EffectiveOn))
	b = appendID(b, v.Order)
	b = appendID(b, v.Trade)
	if v.CounterOrder == nil {
		return b // as before there were switches: what is in a chain keeps its hash
	}
	return appendID(b, v.CounterOrder)
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
