package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// lookEvery is how often a condition that nobody announces is looked at.
const lookEvery = 5 * time.Millisecond

// The states of an instruction that stages wait for.
const (
	stateAccepted schemas.Code = "accepted"
	stateRejected schemas.Code = "rejected"
	statePriced   schemas.Code = "priced"
	stateSettled  schemas.Code = "settled"
)

// statuses counts what upstream systems are told of their instructions.
type statuses struct {
	reader  *feed.Reader
	framing streams.Framing
	mutex   sync.Mutex
	counts  map[schemas.Code]int64
	changed chan struct{}
	refused string // the first rejection
	ended   error
}

func newStatuses(connection feed.Connection, framing streams.Framing, shards int32, log *slog.Logger) (*statuses, error) {
	reader, err := feed.NewReader(connection, log)
	if err != nil {
		return nil, err
	}
	for shard := range shards {
		reader.Add(feed.Position{Place: feed.Place{Topic: streams.StatusInstruction, Partition: shard}})
	}
	return &statuses{reader: reader, framing: framing, counts: make(map[schemas.Code]int64), changed: make(chan struct{})}, nil
}

// run follows the topic until ctx ends.
func (s *statuses) run(ctx context.Context) error {
	defer s.reader.Close()
	for {
		batches, err := s.reader.Poll(ctx)
		if err == nil {
			err = s.count(ctx, batches)
		}
		if err != nil {
			s.end(context.Cause(ctx), err)
			return err
		}
	}
}

func (s *statuses) count(ctx context.Context, batches []feed.Batch) error {
	found := make(map[schemas.Code]int64)
	refused := ""
	for i := range batches {
		for _, record := range batches[i].Records {
			payload, err := s.framing.Unframe(ctx, record.Topic, record.Value)
			if err != nil {
				return err
			}
			var told status.InstructionStatus
			reader := avrobin.NewReader(payload)
			told.DecodeAvro(reader)
			if err := reader.Done(); err != nil {
				return fmt.Errorf("decoding a status: %w", err)
			}
			found[told.State]++
			if told.State == stateRejected {
				refused = fmt.Sprintf("instruction %s of %s was rejected: %s %s", told.ID, told.Pot, told.Code, told.Reason)
			}
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for state, n := range found {
		s.counts[state] += n
	}
	if s.refused == "" {
		s.refused = refused
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *statuses) end(errs ...error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ended = errors.Join(errs...)
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until so many statuses say the state. A rejection or the end of the stack ends the wait.
func (s *statuses) await(ctx context.Context, state schemas.Code, want int64) error {
	for {
		s.mutex.Lock()
		have, changed, refused, ended := s.counts[state], s.changed, s.refused, s.ended
		s.mutex.Unlock()
		switch {
		case refused != "":
			return errors.New(refused)
		case have >= want:
			return nil
		case ended != nil:
			return fmt.Errorf("the stack ended: %w", ended)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d instructions are %s: %w", have, want, state, context.Cause(ctx))
		}
	}
}

// advanceTo moves the clock that the broker stamps with.
func (s *stack) advanceTo(at schemas.Instant) { s.now.Store(at.Time().UnixNano()) }

// message is a record as of the benchmark's clock, for brokers that leave that to producers.
func (s *stack) message(topic, key string, value []byte) feed.Message {
	return feed.Message{Topic: topic, Key: key, Value: value, Timestamp: schemas.InstantOf(s.clock())}
}

// outgoing is a record of somebody outside.
type outgoing struct {
	topic, key string
	value      streams.Value
}

// post sends letters as fast as the broker takes them, and returns once all are acknowledged.
func (s *stack) post(ctx context.Context, letters []letter) error {
	var mutex sync.Mutex
	var first error
	for i := range letters {
		s.producer.SendAsync(ctx, s.message(streams.IngestInstruction, letters[i].key, letters[i].value),
			func(_ feed.Position, err error) {
				if err != nil {
					mutex.Lock()
					defer mutex.Unlock()
					first = errors.Join(first, err)
				}
			})
	}
	if err := s.producer.Flush(ctx); err != nil {
		return err
	}
	mutex.Lock()
	defer mutex.Unlock()
	return first
}

// sendAll sends records together and returns once all are acknowledged.
func (s *stack) sendAll(ctx context.Context, all []outgoing) error {
	results := make(chan error, len(all))
	for _, out := range all {
		s.producer.SendAsync(ctx, s.message(out.topic, out.key, out.value.AppendAvro(s.registry.Frame(out.topic, nil))),
			func(_ feed.Position, err error) { results <- err })
	}
	var errs []error
	for range all {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// tick writes a tick into every partition.
func (s *stack) tick(ctx context.Context) error {
	value := (&ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}).AppendAvro(s.registry.Frame(streams.IngestInstruction, nil))
	for partition := range s.shards {
		message := s.message(streams.IngestInstruction, "", value)
		message.Partition = &partition
		if _, err := s.producer.Send(ctx, message); err != nil {
			return err
		}
	}
	return nil
}

// passTime lets a moment pass and waits until the ledger is complete up to it: then everything that was sent or decided before is
// booked, or, where there is no Postgres, written.
func (s *stack) passTime(ctx context.Context) error {
	s.now.Add(int64(time.Millisecond))
	if err := s.tick(ctx); err != nil {
		return err
	}
	want := s.clock()
	err := s.until(ctx, func() (bool, error) {
		complete, err := s.completeThrough(ctx)
		return complete != nil && !complete.Before(want), err
	})
	if err != nil {
		return fmt.Errorf("waiting for the ledger to be complete: %w", err)
	}
	return nil
}

// completeThrough asks Postgres, or else the topic that tells it, up to which time all shards are complete; nil is not at all.
func (s *stack) completeThrough(ctx context.Context) (*time.Time, error) {
	var complete *time.Time
	if s.auditor != nil {
		err := s.auditor.QueryRow(ctx, "select nullif(complete_through, '-infinity') from report.complete_through").Scan(&complete)
		return complete, err
	}
	shards := make(map[int32]schemas.Instant)
	err := feed.ReadToEnd(ctx, s.connection, streams.LedgerProgress, func(record feed.Record) error {
		var progress ledger.Progress
		payload, err := s.registry.Unframe(ctx, record.Topic, record.Value)
		if err != nil {
			return err
		}
		reader := avrobin.NewReader(payload)
		progress.DecodeAvro(reader)
		shards[progress.Shard] = progress.RecordedBefore
		return reader.Done()
	})
	if err == nil && len(shards) == int(s.shards) {
		least := slices.Min(slices.Collect(maps.Values(shards))).Time()
		complete = &least
	}
	return complete, err
}

// until looks at a condition until it holds.
func (s *stack) until(ctx context.Context, holds func() (bool, error)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		done, err := holds()
		if err != nil || done {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.statuses.fate(); err != nil {
			return err
		}
	}
}

// fate says why the stack has ended, nil while it runs.
func (s *statuses) fate() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.ended
}

// loadReference sends the demo's assets, calendars, custodians and settings, and waits until they are all known.
func (s *stack) loadReference(ctx context.Context, market *demo.Market) error {
	entries := market.Reference()
	all := make([]outgoing, len(entries))
	for i := range entries {
		all[i] = outgoing{streams.IngestReference, "bench", &entries[i]}
	}
	if err := s.sendAll(ctx, all); err != nil {
		return fmt.Errorf("loading reference data: %w", err)
	}
	// Time passes only where the settings are known, and through dealing it passes behind the reference data.
	err := s.until(ctx, func() (bool, error) {
		known, err := s.dealingReference()
		return err == nil && known != nil && len(known.Assets) == len(demo.Funds()), err
	})
	if err != nil {
		return fmt.Errorf("loading reference data: %w", err)
	}
	return s.passTime(ctx)
}
