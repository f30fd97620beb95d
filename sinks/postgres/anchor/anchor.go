// Package anchor keeps what a ledger's hash chains had come to, signed, in a file outside of the database. Who can change every row of
// the database can make new chains that fit together; that they are not the old ones shows only against something out of reach.
//
// A file has one anchor per line, each a JSON Web Signature in compact form (RFC 7515) with the algorithm EdDSA over Ed25519
// (RFC 8037). Its payload is JSON: the Anchor. Each names the hash of the line before, so a line that is missing in the middle shows.
package anchor

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrForged says that a line was not signed with the key, or is not the line that followed the one before.
var ErrForged = errors.New("the anchor is not what was signed")

// Head is how far one shard's chain had come.
type Head struct {
	Shard int32 `json:"shard"`
	// Sequence is the number of the shard's last journal, 0 where there was none yet.
	Sequence int64 `json:"sequence"`
	// Hash is that journal's hash, in hex.
	Hash string `json:"hash"`
	// RecordedAt is when that journal was recorded, zero where there is none, or where it was signed before heads had this time.
	RecordedAt time.Time `json:"recordedAt,omitzero"`
}

// Opening is what one act of dropping months left in the ledger.
type Opening struct {
	// Act counts from 1; Months are the first and the last one, as 2008-03/2008-04.
	Act    int32  `json:"act"`
	Months string `json:"months"`
	// Digest is the SHA-256, in hex, over the digests of all shards, each of which is over all rows that the act left.
	Digest string `json:"digest"`
}

// Trades is what the ledger had been told of external trades.
type Trades struct {
	// Events counts them. Through is the offset of the last one in ledger.trade.v1, -1 where there was none.
	Events  int64 `json:"events"`
	Through int64 `json:"through"`
	// Digest is a SHA-256, in hex, over all events in their order.
	Digest string `json:"digest"`
}

// Anchor is what all chains of a ledger had come to at one moment.
type Anchor struct {
	// Cluster is the id of the Kafka cluster for which the ledger was founded.
	Cluster string `json:"cluster"`
	// TakenAt is when the heads were read, by the database's clock; CompleteThrough the recorded time before which everything was booked,
	// zero where that was not known of every shard yet.
	TakenAt         time.Time `json:"takenAt"`
	CompleteThrough time.Time `json:"completeThrough,omitzero"`
	// Heads are those of all shards, in their order.
	Heads []Head `json:"heads"`
	// Openings are what dropped months had left in the ledger by then, the oldest first.
	Openings []Opening `json:"openings,omitempty"`
	// Trades is what became of external trades by then; nil where it was signed before anchors told of them.
	Trades *Trades `json:"trades,omitempty"`
	// TradesUntil is the latest recorded time of the events in Trades, zero where there are none, or where it was signed before anchors had this time.
	TradesUntil time.Time `json:"tradesUntil,omitzero"`
	// Previous is the SHA-256 hash of the line before in hex, empty on the first.
	Previous string `json:"previous"`
}

// Journals returns how many journals the heads cover, in all shards.
func (a *Anchor) Journals() (sum int64) {
	for i := range a.Heads {
		sum += a.Heads[i].Sequence
	}
	return sum
}

// header is the protected header of every line.
const header = `{"alg":"EdDSA","typ":"penstock-anchor"}`

// lineMax bounds a line: more than the heads of the largest number of shards take.
const lineMax = 4 << 20

// line signs the anchor.
func (a *Anchor) line(key ed25519.PrivateKey) (string, error) {
	payload, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("writing the anchor as JSON: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(signed))), nil
}

// parse returns what a line says, if the key signed it.
func parse(line string, key ed25519.PublicKey) (*Anchor, error) {
	parts := strings.Split(line, ".")
	if len(parts) != 3 || parts[0] != base64.RawURLEncoding.EncodeToString([]byte(header)) {
		return nil, fmt.Errorf("%w: it is no signature of ours", ErrForged)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature) {
		return nil, fmt.Errorf("%w: its signature is not by this key", ErrForged)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("reading an anchor: %w", err)
	}
	a := &Anchor{}
	if err := json.Unmarshal(payload, a); err != nil {
		return nil, fmt.Errorf("reading an anchor: %w", err)
	}
	return a, nil
}

func hashOf(line string) string {
	sum := sha256.Sum256([]byte(line))
	return hex.EncodeToString(sum[:])
}
