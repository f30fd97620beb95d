package merkle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
)

// levelByLevel builds the tree the slow way: pair up each level, promote the odd one.
func levelByLevel(level []merkle.Hash) merkle.Hash {
	if len(level) == 0 {
		return merkle.Hash{}
	}
	for len(level) > 1 {
		var next []merkle.Hash
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, sha256.Sum256(bytes.Join([][]byte{{1}, level[i][:], level[i+1][:]}, nil)))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		level = next
	}
	return level[0]
}

func TestRootEqualsTheTreeBuiltLevelByLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := make([]merkle.Hash, rapid.IntRange(0, 70).Draw(t, "leaves"))
		for i := range leaves {
			leaves[i] = merkle.Leaf(merkle.Salt{byte(i)}, [16]byte{byte(i), 1}, int64(i)*7)
		}
		if merkle.RootOf(leaves) != levelByLevel(leaves) {
			t.Fatalf("%d leaves: roots differ", len(leaves))
		}
	})
}

func TestALeafCoversSaltOrderAndQuantity(t *testing.T) {
	base := merkle.Leaf(merkle.Salt{1}, [16]byte{2}, 3)
	for name, other := range map[string]merkle.Hash{
		"salt":     merkle.Leaf(merkle.Salt{9}, [16]byte{2}, 3),
		"order":    merkle.Leaf(merkle.Salt{1}, [16]byte{9}, 3),
		"quantity": merkle.Leaf(merkle.Salt{1}, [16]byte{2}, 9),
	} {
		if base == other {
			t.Errorf("another %s, the same leaf", name)
		}
	}
	want := sha256.Sum256(append(append([]byte{0, 1}, make([]byte, 15)...), append(append([]byte{2}, make([]byte, 15)...), 0, 0, 0, 0, 0, 0, 0, 3)...))
	if base != want {
		t.Errorf("leaf is %s, want %s", hex.EncodeToString(base[:]), hex.EncodeToString(want[:]))
	}
}

func TestEveryLeafClimbsToTheRootAndNoOtherDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := make([]merkle.Hash, rapid.IntRange(1, 70).Draw(t, "leaves"))
		for i := range leaves {
			leaves[i] = merkle.Leaf(merkle.Salt{byte(i)}, [16]byte{byte(i), 1}, int64(i)*7)
		}
		index := rapid.IntRange(0, len(leaves)-1).Draw(t, "index")
		path, root := merkle.Path(leaves, index), merkle.RootOf(leaves)
		for i, leaf := range leaves {
			if (merkle.Climb(leaf, path) == root) != (i == index) {
				t.Fatalf("leaf %d of %d on the path of leaf %d", i, len(leaves), index)
			}
		}
	})
}
