// Package merkle builds the Merkle tree over the orders of a batch: leaves SHA-256(0x00 | salt | order id | quantity), nodes
// SHA-256(0x01 | left | right), and a node without a right neighbour is promoted as it is.
//
// The tree is built leaf by leaf and remembers only its complete subtrees, so that a batch of any size fits into a
// few hundred bytes and can be continued after a stop.
package merkle

import (
	"crypto/sha256"
	"encoding/binary"
)

// Hash is a SHA-256 hash.
type Hash = [32]byte

// Salt keeps a leaf from being guessed from the outside.
type Salt = [16]byte

// Peak is the root of a complete subtree of 2^Height leaves.
type Peak struct {
	Height int32
	Hash   Hash
}

// Leaf returns the leaf of one order: its id, and its amount in quanta as eight bytes, the highest first.
func Leaf(salt Salt, order [16]byte, quantity int64) Hash {
	var b [1 + 16 + 16 + 8]byte
	copy(b[1:], salt[:])
	copy(b[17:], order[:])
	binary.BigEndian.PutUint64(b[33:], uint64(quantity)) //nolint:gosec // two's complement on purpose
	return sha256.Sum256(b[:])
}

// node returns the hash of an inner node.
func node(left, right Hash) Hash {
	var b [1 + 32 + 32]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// Append adds a leaf to the right of the tree that the peaks (highest first) stand for.
func Append(peaks []Peak, leaf Hash) []Peak {
	peak := Peak{0, leaf}
	for n := len(peaks); n > 0 && peaks[n-1].Height == peak.Height; n-- {
		peak = Peak{peak.Height + 1, node(peaks[n-1].Hash, peak.Hash)}
		peaks = peaks[:n-1]
	}
	return append(peaks, peak)
}

// Root returns the root of the tree that the peaks stand for; a tree without leaves has the zero hash.
func Root(peaks []Peak) Hash {
	if len(peaks) == 0 {
		return Hash{}
	}
	root := peaks[len(peaks)-1].Hash
	for i := len(peaks) - 2; i >= 0; i-- {
		root = node(peaks[i].Hash, root)
	}
	return root
}

// RootOf returns the root over the given leaves, in their order.
func RootOf(leaves []Hash) Hash {
	var peaks []Peak
	for _, leaf := range leaves {
		peaks = Append(peaks, leaf)
	}
	return Root(peaks)
}

// OrderSalt derives the salt of an order's leaf from the secret of its cause. Who is shown one order's salt learns nothing of
// the others that the same cause made. For the rest or a part of an order the secret is the salt of that order: who is shown
// that one knows theirs, but not the other way round.
func OrderSalt(secret [16]byte, order [16]byte) Salt {
	var b [32]byte
	copy(b[:], secret[:])
	copy(b[16:], order[:])
	sum := sha256.Sum256(b[:])
	return Salt(sum[:16])
}

// Sibling is the hash beside a node on the way from a leaf to the root, and whether it stands to the left.
type Sibling struct {
	Left bool
	Hash Hash
}

// Path returns the siblings on the way from the leaf of that index to the root over the given leaves. A node without a neighbour has none: it is promoted.
func Path(leaves []Hash, index int) []Sibling {
	var path []Sibling
	for level := leaves; len(level) > 1; index /= 2 {
		if beside := index ^ 1; beside < len(level) {
			path = append(path, Sibling{beside < index, level[beside]})
		}
		next := make([]Hash, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, node(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		level = next
	}
	return path
}

// Climb returns the root that a leaf and its siblings lead to.
func Climb(leaf Hash, path []Sibling) Hash {
	for _, s := range path {
		if s.Left {
			leaf = node(s.Hash, leaf)
		} else {
			leaf = node(leaf, s.Hash)
		}
	}
	return leaf
}
