package archive

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// loadJournalsMax is how many journals are booked in one transaction.
const loadJournalsMax = 2000

// CopyOf is the name of the cluster of a ledger that was read back: a sink of the live system refuses to go on with it.
func CopyOf(cluster string) string { return cluster + " read back" }

// Load books the journals of an archive into a ledger that was made for it, or that ends where the archive begins. It reads the archive once as it goes: Read
// it before, or a part of it may be booked when a flaw is found. It returns how many journals were booked.
func Load(ctx context.Context, to *postgres.Ledger, dir string) (booked int64, err error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return 0, err
	}
	complete, err := m.end()
	if err != nil {
		return 0, err
	}
	l := &loading{ctx: ctx, to: to, at: make(map[int32]postgres.Position)}
	for i := range m.Shards {
		if err := l.claim(&m.Shards[i]); err != nil {
			return 0, err
		}
	}
	if _, err := Read(dir, l.add); err != nil {
		return l.booked, err
	}
	if err := l.bookRun(); err != nil {
		return l.booked, err
	}
	for _, s := range m.Shards {
		progress := &ledger.Progress{Shard: s.Shard, Sequence: s.Through, RecordedBefore: complete}
		if err := l.book(s.Shard, postgres.Batch{Progress: progress, ProgressOffset: l.at[s.Shard].ProgressOffset + 1}); err != nil {
			return l.booked, err
		}
	}
	return l.booked, nil
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
}

// claim takes a shard of the ledger over, and sees that it ends where the archive begins.
func (l *loading) claim(s *Shard) error {
	at, err := l.to.Claim(l.ctx, s.Shard)
	if err != nil {
		return err
	}
	if at.Sequence != s.Before || hex.EncodeToString(at.Head[:]) != s.Previous {
		return fmt.Errorf("shard %d of the database ends with journal %d, the archive begins after %d: load the archives from the first on, each once", s.Shard, at.Sequence, s.Before)
	}
	l.at[s.Shard] = at
	return nil
}

func (l *loading) add(j *ledger.Journal) error {
	if len(l.run) > 0 && l.run[0].Shard != j.Shard || len(l.run) == loadJournalsMax {
		if err := l.bookRun(); err != nil {
			return err
		}
	}
	l.run = append(l.run, *j)
	return nil
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
