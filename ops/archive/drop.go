package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// Drop says what leaves the ledger when the months of an archive do, for an operator and a reason. It does not look at the archive's files: Verify them
// before, or what is dropped may be nowhere.
func Drop(dir, operator, reason string) (postgres.Drop, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return postgres.Drop{}, err
	}
	drop := postgres.Drop{Cluster: m.Cluster, Operator: operator, Reason: reason}
	path, err := filepath.Abs(dir)
	if err != nil {
		return drop, err
	}
	drop.Archive = filepath.Base(path)
	text, err := m.text() // what was read is exactly this
	if err != nil {
		return drop, err
	}
	drop.Manifest = sha256.Sum256(text)
	if err := errors.Join(drop.First.UnmarshalText([]byte(m.First)), drop.Last.UnmarshalText([]byte(m.Last))); err != nil {
		return drop, fmt.Errorf("%w: %w", ErrNotIntact, err)
	}
	for _, s := range m.Shards {
		run := postgres.Run{Before: s.Before, Through: s.Through}
		if err := errors.Join(hashOf(s.Previous, &run.Previous), hashOf(s.Head, &run.Head)); err != nil {
			return drop, err
		}
		drop.Runs = append(drop.Runs, run)
	}
	return drop, nil
}

func hashOf(text string, into *ledger.Hash) error {
	hash, err := hex.DecodeString(text)
	if err != nil || len(hash) != len(into) {
		return fmt.Errorf("%w: %q is no hash", ErrNotIntact, text)
	}
	copy(into[:], hash)
	return nil
}
