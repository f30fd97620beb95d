package archive

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// Writer writes an archive: Begin for each shard in their order, Add for each of its journals in theirs, BeginTrades, AddTrade for each event of a trade, and
// Close.
type Writer struct {
	dir      string
	manifest Manifest
	totals   totals
	months   span
	// journals and postings are the shard's files under way, trades and parts those of trades.
	journals, postings, trades, parts *writing
	digest                            *postgres.TradeDigest
}

// Create begins an archive in a folder, which must not have one. Until Close has ended well the folder has no manifest, and is no archive.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the archive's folder: %w", err)
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		return nil, errors.Join(fmt.Errorf("the folder %s is not empty: an archive is written once", dir), err)
	}
	return &Writer{dir: dir, manifest: Manifest{Format: Format, Shards: []Shard{}, Files: []File{}}, totals: totals{}}, nil
}

// Begin goes on to a shard, whose journals follow the one of that number and hash.
func (w *Writer) Begin(shard int32, before int64, previous ledger.Hash) error {
	if err := w.end(); err != nil {
		return err
	}
	head := hex.EncodeToString(previous[:])
	w.manifest.Shards = append(w.manifest.Shards, Shard{Shard: shard, Before: before, Previous: head, Through: before, Head: head})
	var err error
	if w.journals, err = begin(w.dir, journalsName(shard), journalNames()); err != nil {
		return err
	}
	w.postings, err = begin(w.dir, postingsName(shard), postingNames())
	return err
}

func journalsName(shard int32) string { return "journals-" + number(shard) + ".csv" }
func postingsName(shard int32) string { return "postings-" + number(shard) + ".csv" }

// Add writes a journal of the shard.
func (w *Writer) Add(j *ledger.Journal) error {
	shard := &w.manifest.Shards[len(w.manifest.Shards)-1]
	shard.Through, shard.Head = j.Sequence, hex.EncodeToString(j.Hash[:])
	w.months.add(monthOf(j.RecordedAt))
	if err := w.journals.add(journalRow(j)); err != nil {
		return err
	}
	for i := range j.Postings {
		w.totals.add(j.Postings[i].Asset, j.Postings[i].Quantity)
		if err := w.postings.add(postingRow(j, &j.Postings[i])); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is left, and the manifest. An archive without a journal is refused: nothing in it would show of which months it is.
func (w *Writer) Close(cluster string) (*Manifest, error) {
	if w.digest == nil {
		if err := w.BeginTrades(anchor.Trades{}); err != nil {
			return nil, err
		}
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	if w.months.first == "" {
		return nil, fmt.Errorf("there is no journal to write to %s", w.dir)
	}
	w.manifest.First, w.manifest.Last = w.months.first, w.months.last
	w.manifest.Cluster, w.manifest.Totals = cluster, w.totals.list()
	if err := w.manifest.write(w.dir); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	return &w.manifest, nil
}

// Abandon closes the files of an archive that came to nothing. They are left to be looked at; without a manifest they are no archive.
func (w *Writer) Abandon() error { return w.end() }

// end ends the files under way.
func (w *Writer) end() error {
	for _, f := range []*writing{w.journals, w.postings, w.trades, w.parts} {
		if f == nil {
			continue
		}
		file, err := f.end()
		if err != nil {
			return err
		}
		w.manifest.Files = append(w.manifest.Files, file)
	}
	w.journals, w.postings, w.trades, w.parts = nil, nil, nil, nil
	return nil
}

// writing is a file under way. Its hash is taken of what goes to the disk.
type writing struct {
	name  string
	file  *os.File
	sum   hash.Hash
	bytes int64
	rows  int64
	out   *bufio.Writer
	csv   *csv.Writer
}

func begin(dir, name string, names []string) (*writing, error) {
	file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("making a file of the archive: %w", err)
	}
	w := &writing{name: name, file: file, sum: sha256.New(), rows: -1}
	w.out = bufio.NewWriterSize(w, 1<<20)
	w.csv = csv.NewWriter(w.out)
	return w, w.add(names)
}

// Write passes on to the file.
func (w *writing) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.sum.Write(b[:n])
	w.bytes += int64(n)
	return n, err
}

func (w *writing) add(row []string) error {
	w.rows++
	if err := w.csv.Write(row); err != nil {
		return fmt.Errorf("writing %s: %w", w.name, err)
	}
	return nil
}

func (w *writing) end() (File, error) {
	w.csv.Flush()
	if err := errors.Join(w.csv.Error(), w.out.Flush(), w.file.Sync(), w.file.Close()); err != nil {
		return File{}, fmt.Errorf("writing %s: %w", w.name, err)
	}
	return File{Name: w.name, Rows: w.rows, Bytes: w.bytes, SHA256: hex.EncodeToString(w.sum.Sum(nil))}, nil
}
