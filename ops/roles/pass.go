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
		if err := i.passPlace(ctx, processes[place.Topic], place, end); err != nil {
			return fmt.Errorf("waiting for intake to read %s up to %d: %w", place, end, err)
		}
	}
	return nil
}

// errWaits says that a record was found.
var errWaits = errors.New("a record waits")

// passPlace waits until a process has decided all records of its inbox below an offset.
func (i *Instance) passPlace(ctx context.Context, process string, place feed.Place, end int64) error {
	var failed error
	err := i.await(ctx, func() bool {
		next := i.shardStatus(process, place.Partition).Next
		if next >= end {
			return true
		}
		// What is left may be what nobody is ever handed: somebody else's aborted records and markers, which move no position.
		failed = feed.ReadFrom(ctx, i.config.Connection, feed.Position{Place: place, Offset: next}, func(record feed.Record) error {
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
