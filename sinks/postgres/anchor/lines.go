package anchor

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
)

// Read returns the anchors of a file, the oldest first. It refuses the file with ErrForged where a line is not signed by the key or does not
// follow the one before, and where two lines that were signed contradict each other. That lines are missing at the end cannot be seen: whoever keeps the file
// must know its last.
func Read(r io.Reader, key ed25519.PublicKey) ([]Anchor, error) {
	lines, err := read(r, key)
	return lines.anchors, err
}

// ReadFile returns the anchors of a file that is named; see Read.
func ReadFile(path string, key ed25519.PublicKey) ([]Anchor, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("reading the anchors: %w", err)
	}
	anchors, err := Read(bytes.NewReader(text), key)
	if err != nil {
		return nil, fmt.Errorf("reading the anchors in %s: %w", path, err)
	}
	return anchors, nil
}

// signedLines are the lines of a file so far.
type signedLines struct {
	anchors []Anchor
	// trades are those of the last line that tells of them.
	trades *Trades
	// hash is that of the last line.
	hash string
}

func read(r io.Reader, key ed25519.PublicKey) (signedLines, error) {
	var before signedLines
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, lineMax)
	for lines.Scan() {
		a, err := parse(lines.Text(), key)
		if err == nil && a.Previous != before.hash {
			err = fmt.Errorf("%w: it does not follow the line before", ErrForged)
		}
		if err == nil {
			err = before.goesOnWith(a)
		}
		if err != nil {
			return signedLines{}, fmt.Errorf("line %d: %w", len(before.anchors)+1, err)
		}
		before.add(a, lines.Text())
	}
	if err := lines.Err(); err != nil {
		return signedLines{}, fmt.Errorf("reading anchors: %w", err)
	}
	return before, nil
}

func (l *signedLines) add(a *Anchor, line string) {
	l.anchors, l.hash = append(l.anchors, *a), hashOf(line)
	if a.Trades != nil {
		l.trades = a.Trades
	}
}

// goesOnWith refuses an anchor of another ledger, one that went back, and one that says something else of what was signed before: it would take that line's
// place, and a chain that was made anew to the same length would pass.
func (l *signedLines) goesOnWith(a *Anchor) error {
	if len(l.anchors) == 0 {
		return nil
	}
	before := &l.anchors[len(l.anchors)-1]
	if a.Cluster != before.Cluster || len(a.Heads) != len(before.Heads) {
		return fmt.Errorf("it is of cluster %s with %d shards, the line before of %s with %d", a.Cluster, len(a.Heads), before.Cluster, len(before.Heads))
	}
	for i := range a.Heads {
		was, is := &before.Heads[i], &a.Heads[i]
		switch {
		case is.Shard != was.Shard || is.Sequence < was.Sequence:
			return fmt.Errorf("shard %d went back from journal %d to %d", is.Shard, was.Sequence, is.Sequence)
		case is.Sequence == was.Sequence && is.Hash != was.Hash:
			return fmt.Errorf("journal %d of shard %d has the hash %s, signed before was %s", is.Sequence, is.Shard, is.Hash, was.Hash)
		}
	}
	return l.tradesGoOnWith(a.Trades)
}

// tradesGoOnWith compares with the last line that tells of trades. A line without them may stand between: a binary from before they were signed may have been
// gone back to. The next line with trades is over all of them.
func (l *signedLines) tradesGoOnWith(is *Trades) error {
	was := l.trades
	switch {
	case is == nil || was == nil:
		return nil
	case is.Events < was.Events || is.Through < was.Through:
		return fmt.Errorf("the trades went back from %d events up to offset %d to %d up to %d", was.Events, was.Through, is.Events, is.Through)
	case (is.Events == was.Events || is.Through == was.Through) && *is != *was:
		return fmt.Errorf("%d events of trades up to offset %d have the digest %s, signed before were %d up to %d with %s",
			is.Events, is.Through, is.Digest, was.Events, was.Through, was.Digest)
	}
	return nil
}

// errHeld says that somebody else is adding a line.
var errHeld = errors.New("another process is adding to it")

// Append signs the anchor and adds it to the file, which it makes where there is none. It refuses a file whose last line the anchor
// does not follow, and one that another process is adding to, and sets the anchor's Previous. When it returns without an error the line is on disk; with one,
// such as of a disk that is full, the file is as it was.
func Append(path string, key ed25519.PrivateKey, a *Anchor) (err error) {
	file, err := open(path)
	if err != nil {
		return fmt.Errorf("opening the anchors %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := appendTo(file, key, a); err != nil {
		return fmt.Errorf("adding to %s: %w", path, err)
	}
	return nil
}

// open opens the file for adding to it, which nobody else can until it is closed.
func open(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lock(file), syncFolder(path)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// appendable is what adding a line needs of a file.
type appendable interface {
	io.Reader
	io.StringWriter
	Sync() error
	Truncate(size int64) error
}

func appendTo(file appendable, key ed25519.PrivateKey, a *Anchor) error {
	public, _ := key.Public().(ed25519.PublicKey) // it is of no other type
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	before, err := read(bytes.NewReader(text), public)
	if err != nil {
		return err
	}
	if err := before.goesOnWith(a); err != nil {
		return err
	}
	a.Previous = before.hash
	line, err := a.line(key)
	if err != nil {
		return err
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		line = "\n" + line // the last line is whole, and only its end is missing
	}
	_, err = file.WriteString(line + "\n")
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		// A part of a line would have the file refused from then on.
		return errors.Join(err, file.Truncate(int64(len(text))))
	}
	return nil
}
