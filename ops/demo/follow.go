package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// follower reads the topics that say what became of things, and keeps what the run waits for. What it keeps grows with
// what the demo sends.
type follower struct {
	registry *feed.Registry
	reader   *feed.Reader

	mutex sync.Mutex
	// changed is closed, and made anew, whenever something was read.
	changed chan struct{}
	failed  error
	fates   map[Key]*fate
	// rejections are the codes by the position of the record that was refused.
	rejections map[feed.Position][]schemas.Code
	refused    int
	trades     map[schemas.ID]*tradeView
	// heard is the greatest offset of each ingest topic that dealing was told of.
	heard map[string]int64
	// events counts what was told of external trades.
	events int64
	// reached is up to what time each shard has told its progress.
	reached map[int32]schemas.Instant
}

// fate is what was told of an instruction.
type fate struct {
	answers []Answer
	last    schemas.Code
}

// tradeView is what became of an external trade so far.
type tradeView struct {
	order *custodian.CustodianOrder
	// told counts the confirmations that have come to dealing.
	told   int
	pieces int
	// corrected counts the pieces that were told of anew, at another price.
	corrected   int
	final       bool
	cash, units schemas.Quantity
	price       schemas.Price
	settledOn   *schemas.Date
	// refused is "rejected" or "deferred" where the custodian does not deal it, reason why.
	refused, reason string
	orders          int64
}

// followed are the topics that are read.
func followed() []string {
	return []string{
		streams.StatusInstruction, streams.AuditRejection, streams.CustodianOrder, streams.LedgerTrade, streams.LedgerProgress, streams.DealingInbox,
	}
}

func newFollower(connection feed.Connection, registry *feed.Registry, shards int32, log *slog.Logger) (*follower, error) {
	reader, err := feed.NewReader(connection, log)
	if err != nil {
		return nil, err
	}
	for _, topic := range followed() {
		for p := range streams.TopicNamed(topic).Width.Partitions(shards) {
			reader.Add(feed.Position{Place: feed.Place{Topic: topic, Partition: p}, Offset: feed.OffsetOldest})
		}
	}
	return &follower{
		registry: registry, reader: reader, changed: make(chan struct{}), fates: make(map[Key]*fate),
		rejections: make(map[feed.Position][]schemas.Code), trades: make(map[schemas.ID]*tradeView), reached: make(map[int32]schemas.Instant), heard: make(map[string]int64),
	}, nil
}

// run reads until ctx ends or reading fails; waits fail with it then.
func (f *follower) run(ctx context.Context) {
	for {
		batches, err := f.reader.Poll(ctx)
		if err == nil {
			err = f.take(ctx, batches)
		}
		if err != nil {
			f.end(err)
			return
		}
	}
}

func (f *follower) end(err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.failed = err
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *follower) take(ctx context.Context, batches []feed.Batch) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, batch := range batches {
		for _, record := range batch.Records {
			if err := f.hear(ctx, record); err != nil {
				return fmt.Errorf("following %s: %w", record.Position, err)
			}
		}
	}
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

// avro is a pointer to a generated record.
type avro[T any] interface {
	*T
	DecodeAvro(*avrobin.Reader)
}

// decode reads a record's value.
func decode[T any, P avro[T]](ctx context.Context, registry *feed.Registry, record feed.Record) (*T, error) {
	payload, err := registry.Unframe(ctx, record.Topic, record.Value)
	if err != nil {
		return nil, err
	}
	value := new(T)
	r := avrobin.NewReader(payload)
	P(value).DecodeAvro(r)
	return value, r.Done()
}

func (f *follower) hear(ctx context.Context, record feed.Record) error {
	switch record.Topic {
	case streams.StatusInstruction:
		s, err := decode[status.InstructionStatus](ctx, f.registry, record)
		if err == nil {
			f.status(s)
		}
		return err
	case streams.AuditRejection:
		r, err := decode[audit.Rejection](ctx, f.registry, record)
		if err == nil {
			at := feed.Position{Place: feed.Place{Topic: r.Topic, Partition: r.Partition}, Offset: r.Offset}
			f.rejections[at] = append(f.rejections[at], r.Code)
			f.refused++
		}
		return err
	case streams.CustodianOrder:
		o, err := decode[custodian.CustodianOrder](ctx, f.registry, record)
		if err == nil {
			f.trade(o.Trade).order = o
		}
		return err
	case streams.LedgerTrade:
		t, err := decode[ledger.Trade](ctx, f.registry, record)
		if err == nil {
			f.events++
			f.event(t)
		}
		return err
	case streams.LedgerProgress:
		p, err := decode[ledger.Progress](ctx, f.registry, record)
		if err == nil {
			f.reached[p.Shard] = max(f.reached[p.Shard], p.RecordedBefore)
		}
		return err
	}
	m, err := decode[inbox.DealingMessage](ctx, f.registry, record)
	if err != nil {
		return err
	}
	f.heard[m.Cause.Topic] = max(f.heard[m.Cause.Topic], m.Cause.Offset)
	if c, ok := m.Body.(*inbox.Confirmed); ok {
		f.trade(c.Confirmation.Trade).told++
	}
	return nil
}

func (f *follower) trade(id schemas.ID) *tradeView {
	if f.trades[id] == nil {
		f.trades[id] = &tradeView{}
	}
	return f.trades[id]
}

// status notes an answer, or how far an instruction has come.
func (f *follower) status(s *status.InstructionStatus) {
	key := Key{s.Source, s.Pot, s.ID}
	one := f.fates[key]
	if one == nil {
		one = &fate{}
		f.fates[key] = one
	}
	if s.Duplicate || s.State == "accepted" || s.State == "rejected" && s.Code != "pot/trade-rejected" {
		answer := Answer{State: s.State, Code: s.Code, Duplicate: s.Duplicate}
		if s.DealingDay != nil {
			answer.Day = *s.DealingDay
		}
		one.answers = append(one.answers, answer)
	}
	if !s.Duplicate {
		one.last = s.State
	}
}

func (f *follower) event(e *ledger.Trade) {
	t := f.trade(e.Trade)
	t.orders = e.Orders
	switch e.Event {
	case "priced":
		t.pieces++
		t.final = e.Final
		t.cash += e.Cash
		t.units += e.Units
		t.price = *e.Price
	case "corrected":
		t.corrected++
	case "settled":
		t.settledOn = e.SettledOn
	case "rejected", "deferred":
		t.refused, t.reason = e.Event, e.Reason
	}
}

// stepTimeMax bounds how long the pipeline may say nothing at all while it is waited for. However slow a machine is, something comes.
const stepTimeMax = 60 * time.Second

// errStep says that something did not come in time.
var errStep = errors.New("nothing came in time")

// await waits until missing returns "", which says in words what is still missing. It is called with what was read so far, and
// again whenever more is read.
func (f *follower) await(ctx context.Context, what string, missing func() string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(stepTimeMax, func() { cancel(errStep) })
	defer silence.Stop()
	for {
		f.mutex.Lock()
		lacks, changed, failed := missing(), f.changed, f.failed
		f.mutex.Unlock()
		if lacks == "" {
			return nil
		}
		if failed != nil && ctx.Err() == nil {
			return failed
		}
		select {
		case <-changed:
			silence.Reset(stepTimeMax)
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; missing: %s", what, context.Cause(ctx), lacks)
		}
	}
}

func (f *follower) close() { f.reader.Close() }
