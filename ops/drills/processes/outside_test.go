package processes

import (
	"context"
	"fmt"
	"sync"

	"github.com/penstock-ledger/penstock/schemas"
	orders "github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// outside is what upstream systems and custodians are told, followed as they would.
type outside struct {
	connection feed.Connection
	registry   *feed.Registry
	done       sync.WaitGroup

	mutex   sync.Mutex
	fates   fates
	told    milestone
	orders  map[schemas.ID]bool
	steps   deliveries
	changed chan struct{}
	next    map[feed.Place]int64
	failed  error
}

func follow(ctx context.Context, connection feed.Connection, registry *feed.Registry) *outside {
	o := &outside{
		connection: connection, registry: registry, fates: make(fates), orders: make(map[schemas.ID]bool), steps: make(deliveries),
		changed: make(chan struct{}), next: map[feed.Place]int64{{Topic: streams.CustodianOrder}: 0},
	}
	for shard := range int32(shards) {
		o.next[feed.Place{Topic: streams.StatusInstruction, Partition: shard}] = 0
		o.next[feed.Place{Topic: streams.LedgerJournal, Partition: shard}] = 0
	}
	o.done.Go(func() {
		for ctx.Err() == nil {
			if err := o.read(ctx); ctx.Err() == nil {
				o.tell(func() { o.failed = err })
				return
			}
		}
	})
	return o
}

// read follows the topics from where it stands until something fails.
func (o *outside) read(ctx context.Context) error {
	reader, err := feed.NewReader(o.connection, quiet())
	if err != nil {
		return err
	}
	defer reader.Close()
	for place, offset := range o.next {
		reader.Add(feed.Position{Place: place, Offset: offset})
	}
	for {
		batches, err := reader.Poll(ctx)
		if err != nil {
			return err
		}
		for i := range batches {
			if err := o.take(ctx, &batches[i]); err != nil {
				return err
			}
		}
	}
}

func (o *outside) take(ctx context.Context, batch *feed.Batch) error {
	var failed error
	o.tell(func() {
		for _, record := range batch.Records {
			payload, err := o.registry.Unframe(ctx, record.Topic, record.Value)
			if err == nil {
				err = o.hear(record.Topic, payload)
			}
			if err != nil {
				failed = fmt.Errorf("reading %s: %w", record.Position, err)
				return
			}
		}
		o.next[batch.Place] = batch.Next
	})
	return failed
}

func (o *outside) hear(topic string, payload []byte) error {
	if topic == streams.CustodianOrder {
		var order orders.CustodianOrder
		err := decode(payload, &order)
		o.orders[order.Trade] = true
		o.told.orders = len(o.orders)
		return err
	}
	if topic == streams.LedgerJournal {
		var j ledger.Journal
		err := decode(payload, &j)
		if err == nil && o.steps.add(&j) {
			o.told.deliveries++
		}
		return err
	}
	var s status.InstructionStatus
	err := decode(payload, &s)
	if err == nil && o.fates.add(&s) {
		o.told.statuses++
	}
	return err
}

func (o *outside) tell(change func()) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	change()
	close(o.changed)
	o.changed = make(chan struct{})
}

// now returns what was told so far, and a channel that is closed when more is.
func (o *outside) now() (milestone, <-chan struct{}, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.told, o.changed, o.failed
}

// await waits until as much as the milestone was told.
func (o *outside) await(ctx context.Context, want milestone) error {
	for {
		told, changed, err := o.now()
		if err != nil {
			return err
		}
		if told.statuses >= want.statuses && told.orders >= want.orders && told.deliveries >= want.deliveries {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d statuses, %d of %d orders and %d of %d steps of deliveries were told: %w",
				told.statuses, want.statuses, told.orders, want.orders, told.deliveries, want.deliveries, context.Cause(ctx))
		}
	}
}
