package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// loadJournalsMax is how many journals, or events of trades, are booked in one transaction.
const loadJournalsMax = 2000

// CopyOf is the name of the cluster of a ledger that was read back: a sink of the live system refuses to go on with it.
func CopyOf(cluster string) string { return cluster + " read back" }

// Load books the journals of archives that follow each other into a ledger that was made for them: into an empty one, or one that ends where the first begins
// or anywhere in them, with the very journal that they have there. So it goes on after an interruption. It reads the archives as it goes: Verify them before,
// or a part may be booked when a flaw is found. It calls each after every archive with the number of journals that were booked of it.
func Load(ctx context.Context, to *postgres.Ledger, dirs []string, each func(dir string, booked int64)) error {
	manifests := make([]*Manifest, len(dirs))
	for i, dir := range dirs {
		var err error
		if manifests[i], err = ReadManifest(dir); err != nil {
			return err
		}
	}
	l := &loading{ctx: ctx, to: to, at: make(map[int32]postgres.Position)}
	if err := l.claim(dirs, manifests); err != nil {
		return err
	}
	var err error
	if l.trades, err = to.ClaimTrades(ctx); err != nil {
		return err
	}
	for i, dir := range dirs {
		l.booked = 0
		if err := l.load(dir, manifests[i]); err != nil {
			return fmt.Errorf("loading %s, of which %d journals were booked now (the same command goes on after them): %w", dir, l.booked, err)
		}
		each(dir, l.booked)
	}
	return nil
}

// end returns the first moment after the archive's months.
func (m *Manifest) end() (schemas.Instant, error) {
	last, err := time.Parse("2006-01", m.Last)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no month", ErrNotIntact, m.Last)
	}
	return schemas.InstantOf(last.AddDate(0, 1, 0)), nil
}

// loading books journals, a run of one shard's at a time.
type loading struct {
	ctx    context.Context //nolint:containedctx // it lives as long as one call of Load
	to     *postgres.Ledger
	at     map[int32]postgres.Position
	run    []ledger.Journal
	booked int64
	// trades is how far the events of trades are booked, events a run of these.
	trades postgres.TradePosition
	events []postgres.TradeEvent
}

// claim takes the shards of the ledger over, and sees that each ends with a journal that the archives have, or begin after. Nothing is booked before that is
// sure.
func (l *loading) claim(dirs []string, manifests []*Manifest) error {
	first, last := manifests[0], manifests[len(manifests)-1]
	within := false
	for i := range first.Shards {
		shard, before, through := first.Shards[i].Shard, first.Shards[i].Before, last.Shards[i].Through
		at, err := l.to.Claim(l.ctx, shard)
		if err != nil {
			return err
		}
		switch {
		case at.Sequence < before:
			return fmt.Errorf("shard %d of the database ends with journal %d, the archives begin after %d: load the archives from the first on",
				shard, at.Sequence, before)
		case at.Sequence > through:
			return fmt.Errorf("shard %d of the database ends with journal %d, the archives end with %d: name the archives that go on from there",
				shard, at.Sequence, through)
		case at.Sequence > before:
			within = true
		case hex.EncodeToString(at.Head[:]) != first.Shards[i].Previous:
			return l.otherJournal(at, first.Shards[i].Previous)
		}
		l.at[shard] = at
	}
	if !within {
		return nil
	}
	for _, dir := range dirs {
		if _, err := Read(dir, l.compare); err != nil {
			return err
		}
	}
	return nil
}

// compare holds the last journal that a shard has booked against the one of the archive.
func (l *loading) compare(j *ledger.Journal) error {
	if at := l.at[j.Shard]; j.Sequence == at.Sequence && at.Head != j.Hash {
		return l.otherJournal(at, hex.EncodeToString(j.Hash[:]))
	}
	return nil
}

func (l *loading) otherJournal(at postgres.Position, hash string) error {
	return fmt.Errorf("journal %d of shard %d has the hash %x in the database, and %s in the archives: "+
		"it is a copy of other journals; load into a database of its own",
		at.Sequence, at.Shard, at.Head, hash)
}

// load books what the ledger does not have of an archive, and then that its months are complete.
func (l *loading) load(dir string, m *Manifest) error {
	complete, err := m.end()
	if err != nil {
		return err
	}
	if _, err := read(dir, l.add, l.addTrade); err != nil {
		return err
	}
	if err := errors.Join(l.bookRun(), l.bookEvents()); err != nil {
		return err
	}
	for _, s := range m.Shards {
		at := l.at[s.Shard]
		if at.RecordedBefore >= complete {
			continue // by a load before
		}
		progress := &ledger.Progress{Shard: s.Shard, Sequence: s.Through, RecordedBefore: complete}
		if err := l.book(s.Shard, postgres.Batch{Progress: progress, ProgressOffset: at.ProgressOffset + 1}); err != nil {
			return err
		}
	}
	return nil
}

func (l *loading) add(j *ledger.Journal) error {
	if j.Sequence <= l.at[j.Shard].Sequence {
		return nil // by a load before
	}
	if len(l.run) > 0 && l.run[0].Shard != j.Shard || len(l.run) == loadJournalsMax {
		if err := l.bookRun(); err != nil {
			return err
		}
	}
	l.run = append(l.run, *j)
	return nil
}

func (l *loading) addTrade(e *postgres.TradeEvent, _ anchor.Trades) error {
	if e.Offset < l.trades.Offset {
		return nil // by a load before
	}
	l.events = append(l.events, *e)
	if len(l.events) < loadJournalsMax {
		return nil
	}
	return l.bookEvents()
}

func (l *loading) bookEvents() (err error) {
	if len(l.events) == 0 {
		return nil
	}
	l.trades, err = l.to.BookTrades(l.ctx, l.trades, l.events, l.events[len(l.events)-1].Offset+1)
	l.events = l.events[:0]
	return err
}

func (l *loading) bookRun() error {
	if len(l.run) == 0 {
		return nil
	}
	shard := l.run[0].Shard
	if err := l.book(shard, postgres.Batch{Journals: l.run, JournalOffset: l.at[shard].JournalOffset + int64(len(l.run))}); err != nil {
		return err
	}
	l.booked += int64(len(l.run))
	l.run = l.run[:0]
	return nil
}

func (l *loading) book(shard int32, batch postgres.Batch) (err error) {
	l.at[shard], err = l.to.Book(l.ctx, l.at[shard], batch)
	return err
}
