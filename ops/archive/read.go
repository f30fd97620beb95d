package archive

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
	"github.com/penstock-ledger/penstock/streams"
)

// Read reads an archive and calls each with every journal, shard by shard, once its hash and place are found right; each may be nil. It returns an ErrNotIntact
// that names the place where the archive is not what was written, also where that shows only at the end of a file: what each was told before is
// right all the same, for the hash of a journal covers all of it.
func Read(dir string, each func(*ledger.Journal) error) (*Manifest, error) {
	return read(dir, each, nil)
}

// ReadTrades reads an archive and calls each with every event of a trade, in their order. It returns an ErrNotIntact as Read does; that the events are those
// that were written shows only once it has ended without an error.
func ReadTrades(dir string, each func(*postgres.TradeEvent) error) (*Manifest, error) {
	return read(dir, nil, func(e *postgres.TradeEvent, _ anchor.Trades) error { return each(e) })
}

// read also calls trade with every event of a trade and what all up to it have come to.
func read(dir string, each func(*ledger.Journal) error, trade func(*postgres.TradeEvent, anchor.Trades) error) (*Manifest, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	sums, months, files := totals{}, span{}, []File{}
	for i := range m.Shards {
		r := &reader{manifest: m, shard: &m.Shards[i], sums: sums, months: &months, each: each}
		read, err := r.read(dir)
		if err != nil {
			return nil, err
		}
		files = append(files, read...)
	}
	if m.Trades != nil {
		r := &tradeReader{run: m.Trades, each: trade}
		read, err := r.read(dir)
		if err != nil {
			return nil, err
		}
		files = append(files, read...)
	}
	for i := range max(len(files), len(m.Files)) {
		if i >= len(files) || i >= len(m.Files) || files[i] != m.Files[i] {
			return nil, fmt.Errorf("%w: the manifest lists %+v, there are %+v", ErrNotIntact, m.Files[min(i, len(m.Files)):], files[i:])
		}
	}
	if months != (span{m.First, m.Last}) {
		return nil, fmt.Errorf("%w: the journals are of %q to %q, the manifest says %q to %q", ErrNotIntact, months.first, months.last, m.First, m.Last)
	}
	if got := sums.list(); !slices.Equal(got, m.Totals) {
		return nil, fmt.Errorf("%w: the postings come to %v, the manifest says %v", ErrNotIntact, got, m.Totals)
	}
	return m, nil
}

// reader reads the files of one shard.
type reader struct {
	manifest           *Manifest
	shard              *Shard
	sums               totals
	months             *span
	each               func(*ledger.Journal) error
	journals, postings *reading
	// next is a posting that was read and belongs to a later journal than those before, nextOf that journal's number; 0: there is none.
	next   ledger.Posting
	nextOf int64
}

func (r *reader) read(dir string) (files []File, err error) {
	if r.journals, err = open(dir, journalsName(r.shard.Shard), journalNames()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.journals.file.Close()) }()
	if r.postings, err = open(dir, postingsName(r.shard.Shard), postingNames()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.postings.file.Close()) }()
	if err := r.posting(); err != nil {
		return nil, err
	}
	last, head := r.shard.Before, r.shard.Previous
	for {
		row, err := r.journals.row()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		journal, err := parseJournal(row)
		if err == nil && !slices.Equal(row, journalRow(&journal)) {
			err = errForm
		}
		if err != nil {
			return nil, r.journals.wrong("%v", err)
		}
		if err := r.check(&journal, last, head); err != nil {
			return nil, err
		}
		last, head = journal.Sequence, hex.EncodeToString(journal.Hash[:])
		if r.each != nil {
			if err := r.each(&journal); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case r.nextOf != 0:
		return nil, r.postings.wrong("a posting of journal %d, which is not there", r.nextOf)
	case last != r.shard.Through || head != r.shard.Head:
		return nil, r.journals.wrong("the last journal is %d with the hash %s, the manifest says %d and %s", last, head, r.shard.Through, r.shard.Head)
	}
	return aboutAll(r.journals, r.postings)
}

// check puts a journal together with its postings and holds it against its hash and its place.
func (r *reader) check(j *ledger.Journal, last int64, head string) error {
	if j.Shard != r.shard.Shard || j.Sequence != last+1 {
		return r.journals.wrong("journal %d of shard %d stands where %d of shard %d should", j.Sequence, j.Shard, last+1, r.shard.Shard)
	}
	for r.nextOf == j.Sequence {
		r.sums.add(r.next.Asset, r.next.Quantity)
		j.Postings = append(j.Postings, r.next)
		if err := r.posting(); err != nil {
			return err
		}
	}
	if hex.EncodeToString(j.Previous[:]) != head {
		return r.journals.wrong("journal %d follows %x, the one before has %s", j.Sequence, j.Previous, head)
	}
	if want := j.ExpectedHash(); j.Hash != want {
		return r.journals.wrong("journal %d has the hash %x, its content %x", j.Sequence, j.Hash, want)
	}
	return r.checkManifest(j)
}

// checkManifest holds a journal against what the manifest says of months and shards. A pot's name says in which of so many shards it is: a shard that was left
// out shows in the pots of the others.
func (r *reader) checkManifest(j *ledger.Journal) error {
	month := monthOf(j.RecordedAt)
	if month < r.manifest.First || month > r.manifest.Last {
		return r.journals.wrong("journal %d was recorded in %s, the manifest says %s to %s", j.Sequence, month, r.manifest.First, r.manifest.Last)
	}
	r.months.add(month)
	if shards := len(r.manifest.Shards); j.Pot != nil {
		if own := streams.PartitionOf(string(*j.Pot), int32(shards)); own != j.Shard { //nolint:gosec // a few
			return r.journals.wrong("of %d shards, as the manifest says, pot %q of journal %d would be in shard %d", shards, *j.Pot, j.Sequence, own)
		}
	}
	return nil
}

// posting reads the next posting.
func (r *reader) posting() error {
	row, err := r.postings.row()
	if errors.Is(err, io.EOF) {
		r.nextOf = 0
		return nil
	}
	if err != nil {
		return err
	}
	if r.nextOf, r.next, err = parsePosting(row); err != nil {
		return r.postings.wrong("%v", err)
	}
	if row[0] != number(r.shard.Shard) || r.nextOf <= 0 {
		return r.postings.wrong("a posting of journal %d of shard %s", r.nextOf, row[0])
	}
	if !slices.Equal(row, postingRow(&ledger.Journal{Shard: r.shard.Shard, Sequence: r.nextOf}, &r.next)) {
		return r.postings.wrong("%v", errForm)
	}
	return nil
}

// errForm says that a row means what was written, in another form. Another program might take it for something else.
var errForm = errors.New("it is not as the program writes it")

// reading is a file under way. Its hash is taken of what comes from the disk; again takes that of its rows as the program writes them.
type reading struct {
	name        string
	file        *os.File
	sum         hash.Hash
	bytes, rows int64
	csv         *csv.Reader
	sumAgain    hash.Hash
	again       *csv.Writer
}

func open(dir, name string, names []string) (*reading, error) {
	file, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotIntact, err)
	}
	r := &reading{name: name, file: file, sum: sha256.New(), rows: -1, sumAgain: sha256.New()}
	r.again = csv.NewWriter(r.sumAgain)
	r.csv = csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	r.csv.FieldsPerRecord, r.csv.ReuseRecord = len(names), true
	row, err := r.row()
	if err != nil || !slices.Equal(row, names) {
		return nil, errors.Join(r.wrong("its columns are %v, not %v", row, names), err, file.Close())
	}
	return r, nil
}

// Read passes on from the file.
func (r *reading) Read(b []byte) (int, error) {
	n, err := r.file.Read(b)
	r.sum.Write(b[:n])
	r.bytes += int64(n)
	return n, err
}

// row reads a row, or io.EOF.
func (r *reading) row() ([]string, error) {
	row, err := r.csv.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, err
	case err != nil:
		return nil, r.wrong("%v", err)
	}
	r.rows++
	return row, r.again.Write(row)
}

// about is what there is, once all of it was read. A file that is not, to the byte, what its rows are written as is refused.
func (r *reading) about() (File, error) {
	sum := r.sum.Sum(nil)
	r.again.Flush()
	if !bytes.Equal(sum, r.sumAgain.Sum(nil)) {
		return File{}, fmt.Errorf("%w: %s: %w", ErrNotIntact, r.name, errForm)
	}
	return File{Name: r.name, Rows: r.rows, Bytes: r.bytes, SHA256: hex.EncodeToString(sum)}, nil
}

// aboutAll returns what the files were, all of which were read to their end.
func aboutAll(read ...*reading) ([]File, error) {
	files := make([]File, 0, len(read))
	for _, r := range read {
		file, err := r.about()
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (r *reading) wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s, row %d: %s", ErrNotIntact, r.name, r.rows+1, fmt.Sprintf(format, args...))
}
