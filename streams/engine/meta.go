package engine

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// The engine's own keys in a changelog. No state can have them: keys that begin with the control mark are refused.
const (
	keyOwner     = "!owner"
	keyMeta      = "!meta"
	keySweep     = "!sweep"
	keyReference = "!reference"
	keyAttempt   = "!attempt"
	keyTrying    = "!trying"
)

// progress is a shard's place: what a transaction moves on and a dropped one puts back.
type progress struct {
	// next is the offset of the next inbox record.
	next       int64
	recordedAt schemas.Instant
	chain      streams.Chain
	// identity says which topics next and the changelog's content belong to.
	identity identity
}

// meta is the value of !meta, which every transaction writes.
type meta struct {
	Next        int64  `json:"next"`
	RecordedAt  int64  `json:"recorded_at_ms"`
	Sequence    int64  `json:"sequence"`
	Head        string `json:"head"`
	Rules       string `json:"rules"`
	TagsVersion string `json:"tags_version"`
	// The identity is missing in values from before it was kept.
	identity
}

func encodeMeta(p progress, process *streams.Process) []byte {
	return mustJSON(meta{
		Next: p.next, RecordedAt: int64(p.recordedAt), Sequence: p.chain.Sequence, Head: hex.EncodeToString(p.chain.Head[:]),
		Rules: process.Rules, TagsVersion: process.TagsVersion, identity: p.identity,
	})
}

// NextOf returns the offset of the next inbox record of a shard where a record of its changelog says it, and false where the record says
// something else. For those who follow a shard from outside.
func NextOf(key, value []byte) (next int64, ok bool, err error) {
	if string(key) != keyMeta || value == nil {
		return 0, false, nil
	}
	p, err := decodeMeta(value)
	return p.next, err == nil, err
}

// decodeMeta reads a !meta; no value is a shard that has not begun.
func decodeMeta(value []byte) (progress, error) {
	var p progress
	if value == nil {
		return p, nil
	}
	var m meta
	if err := json.Unmarshal(value, &m); err != nil {
		return p, fmt.Errorf("decoding %s: %w", keyMeta, err)
	}
	p = progress{next: m.Next, recordedAt: schemas.Instant(m.RecordedAt), chain: streams.Chain{Sequence: m.Sequence}, identity: m.identity}
	if n, err := hex.Decode(p.chain.Head[:], []byte(m.Head)); err != nil || n != len(p.chain.Head) {
		return p, fmt.Errorf("decoding %s: the chain's head %q is not a SHA-256", keyMeta, m.Head)
	}
	return p, nil
}

// owner is the value of !owner: who shut the former owner out, and when.
type owner struct {
	Nonce string    `json:"nonce"`
	At    time.Time `json:"at"`
}

// sweepMark is the value of !sweep: how far the sweep of the control record at Offset has come. Where the record was parked, Released is the key that is being
// released, ReleasedBy the offset of the record that releases it, and Failed says why that key could not be visited this time either.
type sweepMark struct {
	Offset      int64  `json:"offset"`
	Cursor      string `json:"cursor"`
	Visits      int64  `json:"visits"`
	Tally       []byte `json:"tally"`
	Rules       string `json:"rules"`
	TagsVersion string `json:"tags_version"`
	ReleasedBy  int64  `json:"released_by,omitempty"`
	Released    string `json:"released,omitempty"`
	Failed      string `json:"failed,omitempty"`
}

// again says that a parked record is being swept once more.
func (m *sweepMark) again() bool { return m.Released != "" }

func decodeSweep(value []byte) (*sweepMark, error) {
	if value == nil {
		return nil, nil
	}
	mark := &sweepMark{}
	if err := json.Unmarshal(value, mark); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", keySweep, err)
	}
	return mark, nil
}

// mustJSON encodes one of the flat structs of this package, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("engine: encoding %T: %v", v, err))
	}
	return b
}
