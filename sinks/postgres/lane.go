package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// lane books one partition: a shard with its progress, or the trades.
type lane struct {
	sink   *Sink
	place  feed.Place
	cancel context.CancelFunc
	done   chan struct{}
	// offset is a copy of the position for lag tools.
	offset atomic.Int64
	held   heldRecords
	pace   pace
	// advanced says that the session under way got as far as having its position.
	advanced bool
	// sure says that the session's reader is known to read the topics that the ledger is booked from.
	sure bool
}

// run holds one session after the other until ctx ends. A session ends with the first error, because after any error only the stored
// position says where to go on.
func (l *lane) run(ctx context.Context) {
	delay := retryDelayFirst
	for {
		l.advanced = false
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if l.advanced {
			delay = retryDelayFirst
		}
		if errors.Is(err, feed.ErrRecordsGone) {
			// Records may be gone because the whole topic is another one.
			if other := l.bind(ctx); errors.Is(other, ErrOtherTopic) {
				err = other
			}
		}
		var tripwire *TripwireError
		if errors.As(err, &tripwire) || errors.Is(err, feed.ErrRecordsGone) || errors.Is(err, ErrOtherLedger) || errors.Is(err, ErrOtherTopic) {
			l.stop(ctx, err)
			return
		}
		l.sink.metrics.failure(l.place, err)
		l.sink.setWaiting(ctx, l.place, err)
		if !pause(ctx, delay) {
			return
		}
		delay = min(2*delay, retryDelayMax)
	}
}

// stop leaves the partition to a person. The others go on.
func (l *lane) stop(ctx context.Context, err error) {
	l.sink.mutex.Lock()
	l.sink.stopped[l.place] = err
	l.sink.mutex.Unlock()
	l.sink.metrics.stop(l.place)
	l.sink.config.Log.ErrorContext(ctx, "the ledger sink stopped a partition and needs a person", "place", l.place.String(), "error", err)
}

func (l *lane) session(ctx context.Context) error {
	reader, err := feed.NewReader(l.sink.config.Connection, l.sink.config.Log)
	if err != nil {
		return err
	}
	defer reader.Close()
	defer l.held.end()
	l.held.begin(reader)
	l.sure = false
	if err := l.bind(ctx); err != nil {
		return err
	}
	if l.place.Topic == streams.LedgerTrade {
		return l.bookTrades(ctx, reader)
	}
	return l.bookShard(ctx, reader)
}

func (l *lane) bookShard(ctx context.Context, reader *feed.Reader) error {
	position, err := l.sink.ledger.Claim(ctx, l.place.Partition)
	if err != nil {
		return err
	}
	l.ready(ctx, position.JournalOffset)
	progress := feed.Place{Topic: streams.LedgerProgress, Partition: l.place.Partition}
	reader.Add(feed.Position{Place: l.place, Offset: position.JournalOffset}, feed.Position{Place: progress, Offset: position.ProgressOffset})
	var inbox shardInbox
	for {
		fetched, err := l.poll(ctx, reader)
		if err != nil {
			return err
		}
		for i := range fetched {
			if err := inbox.add(ctx, l.sink.config.Framing, &fetched[i]); err != nil {
				return err
			}
		}
		for batch, ok := inbox.next(&position, l.pace.recordsMax()); ok; batch, ok = inbox.next(&position, l.pace.recordsMax()) {
			began := time.Now()
			position, err = l.sink.ledger.Book(ctx, position, batch)
			l.pace.tried(err)
			if err != nil {
				return err
			}
			l.offset.Store(position.JournalOffset)
			l.sink.metrics.booked(l.place, &position, batch.Journals, time.Since(began))
		}
	}
}

func (l *lane) bookTrades(ctx context.Context, reader *feed.Reader) error {
	position, err := l.sink.ledger.ClaimTrades(ctx)
	if err != nil {
		return err
	}
	l.ready(ctx, position.Offset)
	reader.Add(feed.Position{Place: l.place, Offset: position.Offset})
	for {
		fetched, err := l.poll(ctx, reader)
		if err != nil {
			return err
		}
		for i := range fetched {
			if position, err = l.bookEvents(ctx, position, &fetched[i]); err != nil {
				return err
			}
		}
	}
}

// bookEvents books the trades' events of one batch, and returns the position after it.
func (l *lane) bookEvents(ctx context.Context, position TradePosition, fetched *feed.Batch) (TradePosition, error) {
	events := make([]TradeEvent, len(fetched.Records))
	for k := range fetched.Records {
		events[k].Offset = fetched.Records[k].Offset
		if err := decode(ctx, l.sink.config.Framing, &fetched.Records[k], events[k].DecodeAvro); err != nil {
			return position, err
		}
	}
	for len(events) > 0 {
		n, next := min(len(events), l.pace.recordsMax()), fetched.Next
		if n < len(events) {
			next = events[n].Offset
		}
		var err error
		position, err = l.sink.ledger.BookTrades(ctx, position, events[:n], next)
		l.pace.tried(err)
		if err != nil {
			return position, err
		}
		l.offset.Store(position.Offset)
		l.sink.metrics.bookedTrades(l.place, position.Offset, events[:n])
		events = events[n:]
	}
	return position, nil
}

// ready says that the position is ours.
func (l *lane) ready(ctx context.Context, offset int64) {
	l.advanced = true
	l.offset.Store(offset)
	l.sink.metrics.at(l.place, offset)
	l.sink.setWaiting(ctx, l.place, nil)
}

// progressPendingMax bounds the records of progress that wait for their journals.
const progressPendingMax = 1000

// shardInbox holds what was read of a shard and is not booked yet. Its journals are at most those of one Poll.
type shardInbox struct {
	journals []ledger.Journal
	// offsets are those of the journals; following is the one after the last record read.
	offsets   []int64
	following int64
	progress  []pendingProgress
}

type pendingProgress struct {
	ledger.Progress
	offset int64
}

// add takes in records of either topic of the shard.
func (b *shardInbox) add(ctx context.Context, framing streams.Framing, fetched *feed.Batch) error {
	if fetched.Topic == streams.LedgerJournal {
		b.journals, b.offsets = slices.Grow(b.journals, len(fetched.Records)), slices.Grow(b.offsets, len(fetched.Records))
	}
	for i := range fetched.Records {
		record := &fetched.Records[i]
		if fetched.Topic == streams.LedgerProgress {
			pending := pendingProgress{offset: record.Offset}
			if err := decode(ctx, framing, record, pending.DecodeAvro); err != nil {
				return err
			}
			b.addProgress(pending)
			continue
		}
		b.journals, b.offsets = append(b.journals, ledger.Journal{}), append(b.offsets, record.Offset)
		if err := decode(ctx, framing, record, b.journals[len(b.journals)-1].DecodeAvro); err != nil {
			return err
		}
	}
	if fetched.Topic == streams.LedgerJournal {
		b.following = fetched.Next
	}
	return nil
}

// addProgress keeps the list short by dropping every second record: each says all that its predecessors said, and more.
func (b *shardInbox) addProgress(pending pendingProgress) {
	if len(b.progress) >= progressPendingMax {
		kept := b.progress[:0]
		for i := 1; i < len(b.progress); i += 2 {
			kept = append(kept, b.progress[i])
		}
		b.progress = kept
	}
	b.progress = append(b.progress, pending)
}

// next returns the batch to book after the position, of so many journals at most, and false where there is nothing to book.
func (b *shardInbox) next(position *Position, journalsMax int) (Batch, bool) {
	n := min(len(b.journals), journalsMax)
	batch := Batch{Journals: b.journals[:n], JournalOffset: position.JournalOffset, ProgressOffset: position.ProgressOffset}
	switch {
	case n < len(b.journals):
		batch.JournalOffset = b.offsets[n]
	case n > 0:
		batch.JournalOffset = b.following
	}
	b.journals, b.offsets = b.journals[n:], b.offsets[n:]
	applicable := 0
	for applicable < len(b.progress) && b.progress[applicable].Sequence <= position.Sequence+int64(n) {
		applicable++
	}
	if applicable > 0 {
		newest := b.progress[applicable-1]
		batch.Progress, batch.ProgressOffset = &newest.Progress, newest.offset+1
		b.progress = append(b.progress[:0], b.progress[applicable:]...)
	}
	return batch, n > 0 || applicable > 0
}

// decode takes a value out of its frame. What can't be read is a tripwire: only our own processes write these topics.
func decode(ctx context.Context, framing streams.Framing, record *feed.Record, read func(*avrobin.Reader)) error {
	payload, err := framing.Unframe(ctx, record.Topic, record.Value)
	var unreadable *streams.Unreadable
	if err != nil && !errors.As(err, &unreadable) {
		return fmt.Errorf("taking %s out of its frame: %w", record.Position, err)
	}
	if err == nil {
		reader := avrobin.NewReader(payload)
		read(reader)
		err = reader.Done()
	}
	if err != nil {
		return &TripwireError{
			Reason: ReasonUndecodable, Topic: record.Topic, Partition: record.Partition, Detail: fmt.Sprintf("offset %d: %v", record.Offset, err),
		}
	}
	return nil
}
