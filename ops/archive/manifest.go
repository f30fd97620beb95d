package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// Format names this form of an archive. Another form gets another name.
const Format = "penstock-archive/2"

// formatBefore is the form without the events of trades. It is read, too.
const formatBefore = "penstock-archive/1"

const (
	manifestName = "manifest.json"
	// manifestBytesMax bounds a manifest that is read.
	manifestBytesMax = 16 << 20
)

// errUnsigned says that anchors were given that say nothing of an archive. Nothing need be wrong with it.
var errUnsigned = errors.New("the anchors are not of these months")

// ErrNotIntact says that an archive is not what was written.
var ErrNotIntact = errors.New("the archive is not intact")

// Manifest says what is in an archive.
type Manifest struct {
	Format  string `json:"format"`
	Cluster string `json:"cluster"`
	// First and Last are the months, in UTC, of the journals that were recorded first and last, as 2008-03. So both show in the rows.
	First  string  `json:"first"`
	Last   string  `json:"last"`
	Shards []Shard `json:"shards"`
	// Trades is nil in an archive from before they were written.
	Trades *Trades `json:"trades,omitempty"`
	Files  []File  `json:"files"`
	Totals []Total `json:"totals"`
}

// Shard is the run of a shard's journals: those after number Before, whose hash is Previous, through number Through, whose hash is Head.
type Shard struct {
	Shard    int32  `json:"shard"`
	Before   int64  `json:"before"`
	Previous string `json:"previous"`
	Through  int64  `json:"through"`
	Head     string `json:"head"`
}

// File is one file. Rows do not count the line of names.
type File struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Total is what all postings of an asset come to: how many there are, and how much they move.
type Total struct {
	Asset    schemas.AssetCode `json:"asset"`
	Postings int64             `json:"postings"`
	Quantity string            `json:"quantity"`
}

// ReadManifest reads an archive's manifest, without a look at its files.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	switch about, err := os.Stat(path); {
	case err != nil:
		return nil, fmt.Errorf("there is no manifest in %s: it is no archive, or an export into it has not ended well: %w", dir, err)
	case about.Size() > manifestBytesMax:
		return nil, fmt.Errorf("the manifest in %s has %d bytes, more than any export writes: it is no archive", dir, about.Size())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the caller names the folder
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotIntact, path, err)
	}
	if m.Format != Format && m.Format != formatBefore {
		return nil, fmt.Errorf("%s has the format %q; this program reads %q and %q", path, m.Format, Format, formatBefore)
	}
	// What is left out or added would go unnoticed where it means the same.
	if written, err := m.text(); err != nil || !bytes.Equal(written, text) {
		return nil, errors.Join(fmt.Errorf("%w: %s is not as it is written by the program", ErrNotIntact, path), err)
	}
	return m, m.check()
}

// check refuses shards that no export writes: they are numbered from 0 on without gaps, and a chain begins after journal 0 with no hash before it.
func (m *Manifest) check() error {
	if (m.Trades != nil) != (m.Format == Format) {
		return fmt.Errorf("%w: the format %q and what the manifest says of trades do not go together", ErrNotIntact, m.Format)
	}
	if m.Trades != nil && m.Trades.Before.Events <= 0 && m.Trades.Before != postgres.NewTradeDigest().Come() {
		return fmt.Errorf("%w: the events of trades begin after %+v", ErrNotIntact, m.Trades.Before)
	}
	if len(m.Shards) == 0 {
		return fmt.Errorf("%w: the manifest has no shards", ErrNotIntact)
	}
	for i, s := range m.Shards {
		if int(s.Shard) != i {
			return fmt.Errorf("%w: the manifest has shard %d where shard %d should be", ErrNotIntact, s.Shard, i)
		}
		if s.Before < 0 || (s.Before == 0) != (s.Previous == noHash()) {
			return fmt.Errorf("%w: shard %d begins after journal %d with the hash %s", ErrNotIntact, s.Shard, s.Before, s.Previous)
		}
	}
	return nil
}

// noHash is what stands for the hash before a chain's first journal.
func noHash() string { return strings.Repeat("00", len(ledger.Hash{})) }

// monthOf returns the month of recorded time, in UTC, as a manifest names it.
func monthOf(at schemas.Instant) string { return at.Time().Format("2006-01") }

// span is the months of the first and of the last journal, empty before there is one.
type span struct{ first, last string }

func (s *span) add(month string) {
	if s.first == "" || month < s.first {
		s.first = month
	}
	s.last = max(s.last, month)
}

func (m *Manifest) write(dir string) error {
	text, err := m.text()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestName), text, 0o600)
}

func (m *Manifest) text() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

// Follows says whether this archive goes on where the other one ends: of the same cluster, in every shard with the next number and the hash before it, in
// later months, and with the next event of a trade.
func (m *Manifest) Follows(before *Manifest) error {
	if m.Cluster != before.Cluster || len(m.Shards) != len(before.Shards) {
		return fmt.Errorf("%w: %s is of cluster %q with %d shards, %s of %q with %d", ErrNotIntact,
			m.First, m.Cluster, len(m.Shards), before.Last, before.Cluster, len(before.Shards))
	}
	for i, s := range m.Shards {
		if b := before.Shards[i]; s.Shard != b.Shard || s.Before != b.Through || s.Previous != b.Head {
			return fmt.Errorf("%w: shard %d goes on in %s after journal %d with the hash %s, but ended in %s with %d and %s", ErrNotIntact,
				s.Shard, m.First, s.Before, s.Previous, before.Last, b.Through, b.Head)
		}
	}
	if before.Trades != nil && (m.Trades == nil || m.Trades.Before != before.Trades.Through) {
		return fmt.Errorf("%w: the events of trades go on in %s after %+v, but came to %+v in %s; where the ledger was told of some only after the months before "+
			"were exported, export them again", ErrNotIntact, m.First, m.Trades, before.Trades.Through, before.Last)
	}
	if m.First <= before.Last {
		return fmt.Errorf("%w: it begins in %s, the archive before it ends in %s", ErrNotIntact, m.First, before.Last)
	}
	return nil
}

// totals adds up postings by asset.
type totals map[schemas.AssetCode]*sum

type sum struct {
	postings int64
	quantity big.Int
}

func (t totals) add(asset schemas.AssetCode, quantity schemas.Quantity) {
	s := t[asset]
	if s == nil {
		s = new(sum)
		t[asset] = s
	}
	s.postings++
	s.quantity.Add(&s.quantity, big.NewInt(int64(quantity)))
}

// list returns the totals by asset, quantities with the decimals that every quantity has.
func (t totals) list() []Total {
	all := make([]Total, 0, len(t))
	for asset, s := range t {
		digits := s.quantity.String()
		if missing := schemas.QuantityScale + 1 - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		point := len(digits) - schemas.QuantityScale
		all = append(all, Total{asset, s.postings, digits[:point] + "." + digits[point:]})
	}
	slices.SortFunc(all, func(a, b Total) int { return strings.Compare(string(a.Asset), string(b.Asset)) })
	return all
}
