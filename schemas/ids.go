package schemas

import (
	"crypto/sha1" //nolint:gosec // UUID version 5 is defined over SHA-1; nothing here relies on its strength.
	"encoding/hex"
	"errors"
)

// Identifiers that come from outside are short plain text; a type each, so that they cannot be exchanged.
type (
	// PotID names a member's pot; it is the key of everything that concerns the pot, and opaque.
	PotID string
	// AssetCode names an asset, or the trust's currency (see Cash).
	AssetCode string
	// SourceID names the upstream system that sent a record.
	SourceID string
	// InstructionID is the sender's own id of an instruction, unique per source and pot.
	InstructionID string
	// CustodianID names an asset custodian.
	CustodianID string
	// PathCode names a glide path of the reference data.
	PathCode string
	// Account is the code of an account, such as "pot:available" or "custodian/CREST:cash-owed".
	Account string
	// Code is a frozen reason code, such as "pot/cash-not-available".
	Code string
)

// TextIDMax is the longest identifier that is accepted from outside, in bytes.
const TextIDMax = 64

// ID is a derived identity: a UUID of version 5 over the facts that cause the thing it names, so that doing the same
// thing again gives the same id.
type ID [16]byte

// ErrID says that a text is not a UUID in its canonical form of 36 characters.
var ErrID = errors.New("not a canonical UUID")

// namespace is the UUID under which all of Penstock's ids are derived. It never changes.
var namespace = ID{0x6f, 0x1d, 0x0e, 0x52, 0x3b, 0x7a, 0x5c, 0x11, 0x9c, 0x44, 0x70, 0x65, 0x6e, 0x73, 0x74, 0x6b}

// DeriveID returns the UUID of version 5 (RFC 9562) of the given parts. Each part is preceded by its length, so that no
// two lists of parts read the same.
func DeriveID(parts ...string) ID {
	var scratch [256]byte
	buffer := append(scratch[:0], namespace[:]...)
	for _, part := range parts {
		buffer = append(buffer, byte(len(part)>>8), byte(len(part)))
		buffer = append(buffer, part...)
	}
	sum := sha1.Sum(buffer) //nolint:gosec // see the import
	var id ID
	copy(id[:], sum[:16])
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// RestOf returns the id of the order that goes on with what the given one was not dealt. Who knows one of them finds the other by it: the ledger does
// not name both in one place.
func RestOf(order ID) ID { return DeriveID("rest", order.String()) }

// IsZero says whether the id was never set.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical form of 36 lower-case characters.
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends the canonical form to b.
func (id ID) Append(b []byte) []byte {
	for i, group := range [...]struct{ from, to int }{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[group.from:group.to])
	}
	return b
}

// ParseID reads the canonical form of 36 characters, in either letter case.
func ParseID[T string | []byte](text T) (ID, error) {
	var id ID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, ErrID
	}
	var compact [32]byte
	n := 0
	for i := range len(text) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		compact[n] = text[i]
		n++
	}
	if _, err := hex.Decode(id[:], compact[:]); err != nil {
		return ID{}, ErrID
	}
	return id, nil
}
