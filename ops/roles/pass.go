package roles

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// passIntake waits until intake has decided what the ingest topics hold now, the instructions aside: of those a tick tells.
func (i *Instance) passIntake(ctx context.Context) error {
	processes := make(map[string]string)
	var topics []string
	for _, p := range intake.Processes(nil) {
		if p.Inbox.Name != streams.IngestInstruction {
			processes[p.Inbox.Name] = p.Name
			topics = append(topics, p.Inbox.Name)
		}
	}
	reader, err := feed.NewReader(i.config.Connection, i.config.Logger)
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	for place, end := range ends {
		next := func() int64 { return i.shardStatus(processes[place.Topic], place.Partition).Next }
		if err := i.passPlace(ctx, place, end, next); err != nil {
			return fmt.Errorf("waiting for intake to read %s up to %d: %w", place, end, err)
		}
	}
	return nil
}

// errWaits says that a record was found.
var errWaits = errors.New("a record waits")

// passProgress waits until Postgres knows up to what time the journals are complete that it has. Those who ask for all of a month are refused until then.
func (i *Instance) passProgress(ctx context.Context) error {
	reader, err := feed.NewReader(i.config.Connection, i.config.Logger)
	if err != nil {
		return err
	}
	defer reader.Close()
	ends, err := reader.EndOffsets(ctx, streams.LedgerProgress)
	if err != nil {
		return err
	}
	for place, end := range ends {
		next := func() (next int64) {
			// What cannot be asked now can be asked later.
			_ = i.auditor.QueryRow(ctx, "select next_offset from ledger.position where topic = $1 and partition = $2", place.Topic, place.Partition).Scan(&next)
			return next
		}
		if err := i.passPlace(ctx, place, end, next); err != nil {
			return fmt.Errorf("waiting for Postgres to have %s up to %d: %w", place, end, err)
		}
	}
	return nil
}

// passPlace waits until the reader of a place, of which next says where it stands, has gone through all records below an offset.
func (i *Instance) passPlace(ctx context.Context, place feed.Place, end int64, next func() int64) error {
	var failed error
	err := i.await(ctx, func() bool {
		at := next()
		if at >= end {
			return true
		}
		// What is left may be what nobody is ever handed: somebody else's aborted records and markers, which move no position.
		failed = feed.ReadFrom(ctx, i.config.Connection, feed.Position{Place: place, Offset: at}, func(record feed.Record) error {
			if record.Offset < end {
				return errWaits
			}
			return nil
		})
		return !errors.Is(failed, errWaits)
	})
	if errors.Is(failed, errWaits) {
		failed = nil
	}
	return errors.Join(err, failed)
}
