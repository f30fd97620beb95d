package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// Batch is what follows on a position.
type Batch struct {
	// Journals are the next ones of ledger.journal.v1, in order; JournalOffset is where to go on after them.
	Journals      []ledger.Journal
	JournalOffset int64
	// Progress is the newest record of ledger.progress.v1 that names no journal beyond these, or nil; ProgressOffset is where to go on
	// after it.
	Progress       *ledger.Progress
	ProgressOffset int64
}

// Book writes the batch and the position after it in one transaction, and returns that position. It returns ErrFenced where
// the position is no longer ours, a *TripwireError where the batch can't be right, and any other error where the database
// failed. In all three cases, and also where it is unknown whether the commit went through, claim the shard again before
// going on: the stored position says what was booked.
func (l *Ledger) Book(ctx context.Context, at Position, batch Batch) (Position, error) {
	next, err := at.after(batch)
	if err != nil {
		return at, err
	}
	err = l.answered(ctx, func(ctx context.Context) error {
		numbers, err := l.prepare(ctx, at.Shard, batch.Journals)
		if err != nil {
			return err
		}
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error { return l.book(ctx, tx, at, next, batch, numbers) })
	})
	if err == nil {
		err = l.options.fault(at.Shard, StepBooked)
	}
	if errors.Is(err, ErrFenced) {
		return at, err
	}
	if err != nil {
		return at, fmt.Errorf("booking shard %d after journal %d: %w", at.Shard, at.Sequence, refusal(err, streams.LedgerJournal, at.Shard))
	}
	return next, nil
}

// after returns the position after the batch, or a *TripwireError.
func (p Position) after(batch Batch) (Position, error) {
	if err := p.check(batch.Journals); err != nil {
		return p, err
	}
	p.JournalOffset = max(p.JournalOffset, batch.JournalOffset)
	p.ProgressOffset = max(p.ProgressOffset, batch.ProgressOffset)
	progress := batch.Progress
	if progress == nil {
		return p, nil
	}
	detail := ""
	switch {
	case progress.Shard != p.Shard:
		detail = fmt.Sprintf("it names shard %d", progress.Shard)
	case progress.Sequence > p.Sequence:
		detail = fmt.Sprintf("it speaks of journal %d, the last one is %d", progress.Sequence, p.Sequence)
	case progress.Sequence < p.CompleteSequence || progress.RecordedBefore < p.RecordedBefore:
		detail = fmt.Sprintf("it says journal %d before %s, after journal %d before %s",
			progress.Sequence, progress.RecordedBefore, p.CompleteSequence, p.RecordedBefore)
	}
	if detail != "" {
		return p, &TripwireError{Reason: ReasonProgress, Topic: streams.LedgerProgress, Partition: p.Shard, Detail: detail}
	}
	p.CompleteSequence, p.RecordedBefore = progress.Sequence, progress.RecordedBefore
	return p, nil
}

// prepare does what must not be part of the transaction: numbers for new codes, tables for new months.
func (l *Ledger) prepare(ctx context.Context, shard int32, journals []ledger.Journal) (*rowNumbers, error) {
	numbers, err := l.codes.numbersOf(ctx, l.pool, journals)
	if err != nil {
		return nil, err
	}
	for i := range journals {
		month := monthOf(journals[i].RecordedAt)
		if i > 0 && month == monthOf(journals[i-1].RecordedAt) {
			continue
		}
		if err := l.ensurePartition(ctx, shard, month); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// book is the transaction. The position comes first: it is the lock that keeps two owners of a shard apart, and without it nothing
// else may be written.
func (l *Ledger) book(ctx context.Context, tx pgx.Tx, at, next Position, batch Batch, numbers *rowNumbers) error {
	const moveJournals = `update ledger.position set next_offset = $5, sequence = $6, head = $7, recorded_at = $8
		where topic = $1 and partition = $2 and epoch = $3 and next_offset = $4`
	moved, err := tx.Exec(ctx, moveJournals, streams.LedgerJournal, at.Shard, at.Epoch, at.JournalOffset,
		next.JournalOffset, next.Sequence, next.Head[:], next.RecordedAt.Time())
	if err != nil {
		return fmt.Errorf("moving the position: %w", err)
	}
	if moved.RowsAffected() != 1 {
		return ErrFenced
	}
	if batch.Progress != nil || next.ProgressOffset != at.ProgressOffset {
		if err := bookProgress(ctx, tx, at, next); err != nil {
			return err
		}
	}
	if err := copyJournals(ctx, tx, at.Shard, batch.Journals, numbers); err != nil {
		return err
	}
	return l.options.fault(at.Shard, StepCopied)
}

func bookProgress(ctx context.Context, tx pgx.Tx, at, next Position) error {
	const moveProgress = "update ledger.position set next_offset = $3 where topic = $1 and partition = $2 and next_offset = $4"
	moved, err := tx.Exec(ctx, moveProgress, streams.LedgerProgress, at.Shard, next.ProgressOffset, at.ProgressOffset)
	if err != nil {
		return fmt.Errorf("moving the position of progress: %w", err)
	}
	if moved.RowsAffected() != 1 {
		return ErrFenced
	}
	if next.RecordedBefore == at.RecordedBefore && next.CompleteSequence == at.CompleteSequence {
		return nil
	}
	const apply = "update ledger.progress set sequence = $2, recorded_before = $3 where shard = $1"
	if _, err := tx.Exec(ctx, apply, at.Shard, next.CompleteSequence, next.RecordedBefore.Time()); err != nil {
		return fmt.Errorf("applying progress: %w", err)
	}
	return nil
}

// copyJournals copies straight into the tables of each month: the way through the parents costs a search per row.
func copyJournals(ctx context.Context, tx pgx.Tx, shard int32, journals []ledger.Journal, numbers *rowNumbers) error {
	journalNumbers, postingNumbers := numbers.journals, numbers.postings
	for len(journals) > 0 {
		month, run, postings := monthOf(journals[0].RecordedAt), 0, 0
		for run < len(journals) && monthOf(journals[run].RecordedAt) == month {
			postings += len(journals[run].Postings)
			run++
		}
		journalRows := &journalRows{journals: journals[:run], numbers: journalNumbers[:run], month: month}
		if err := copyRows(ctx, tx, leaf("journal", shard, month), journalColumns, newCopyStream(journalRows.row)); err != nil {
			return fmt.Errorf("copying journals: %w", err)
		}
		postingRows := &postingRows{journals: journals[:run], numbers: postingNumbers[:postings], month: month}
		if err := copyRows(ctx, tx, leaf("posting", shard, month), postingColumns, newCopyStream(postingRows.row)); err != nil {
			return fmt.Errorf("copying postings: %w", err)
		}
		journals, journalNumbers, postingNumbers = journals[run:], journalNumbers[run:], postingNumbers[postings:]
	}
	return nil
}
