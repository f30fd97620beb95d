package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// Collect reads from the topics, from their oldest records on, all that the invariants of a ledger are judged by. The
// pipeline must be at rest.
func Collect(ctx context.Context, connection feed.Connection, registry *feed.Registry, shards int32) (*invariants.Input, error) {
	c := &collector{ctx, connection, registry}
	in := &invariants.Input{Shards: shards}
	// The greatest timestamp so far in a partition is when what stands there was received.
	received, operated := make(map[int32]schemas.Instant), make(map[int32]schemas.Instant)
	for _, err := range []error{
		each(c, streams.LedgerJournal, strict, func(_ feed.Record, v *ledger.Journal) { in.Journals = append(in.Journals, v) }),
		each(c, streams.LedgerTrade, strict, func(_ feed.Record, v *ledger.Trade) { in.Trades = append(in.Trades, v) }),
		each(c, streams.StatusInstruction, strict, func(_ feed.Record, v *status.InstructionStatus) { in.Statuses = append(in.Statuses, v) }),
		each(c, streams.AuditBatch, strict, func(_ feed.Record, v *audit.FrozenOrders) { in.Frozen = append(in.Frozen, v) }),
		each(c, streams.CustodianDelivery, strict, func(_ feed.Record, v *custodian.DeliveryOrder) { in.Deliveries = append(in.Deliveries, v) }),
		each(c, streams.AuditRejection, strict, func(_ feed.Record, v *audit.Rejection) { in.Refused = append(in.Refused, v) }),
		each(c, streams.CustodianOrder, strict, func(_ feed.Record, v *custodian.CustodianOrder) { in.Orders = append(in.Orders, v) }),
		each(c, streams.IngestConfirmation, lenient, func(_ feed.Record, v *ingest.Confirmation) { in.Confirmations = append(in.Confirmations, v) }),
		each(c, streams.IngestPrice, lenient, func(_ feed.Record, v *ingest.Price) { in.Prices = append(in.Prices, v) }),
		each(c, streams.IngestOperator, lenient, func(record feed.Record, v *ingest.Operation) {
			operated[record.Partition] = max(operated[record.Partition], record.Timestamp)
			if v != nil {
				in.Operations = append(in.Operations, invariants.Operation{Partition: record.Partition, Offset: record.Offset, ReceivedAt: operated[record.Partition], Operation: v})
			}
		}),
		each(c, streams.IngestReference, lenient, func(record feed.Record, v *ingest.ReferenceData) {
			in.Reference = append(in.Reference, &v.Entry)
			if charge, ok := v.Entry.Body.(*reference.AnnualCharge); ok {
				in.Charges = append(in.Charges, invariants.Charge{Partition: record.Partition, Offset: record.Offset, AnnualCharge: charge})
			}
		}),
		each(c, streams.IngestInstruction, lenient, func(record feed.Record, v *ingest.Instruction) {
			received[record.Partition] = max(received[record.Partition], record.Timestamp)
			if v != nil && isReceived(record, v) {
				in.Instructions = append(in.Instructions, invariants.Received{ReceivedAt: received[record.Partition], Instruction: v})
			}
		}),
	} {
		if err != nil {
			return nil, err
		}
	}
	return in, nil
}

// isReceived says whether a record is an instruction that somebody must be answered: none of the clock's, and none that is
// turned away before it is read.
func isReceived(record feed.Record, i *ingest.Instruction) bool {
	_, tick := i.Body.(*ingest.Tick)
	reserved := len(record.Key) > 0 && record.Key[0] == streams.ControlMark
	return !tick && !reserved && len(record.Value) <= streams.IngestRecordBytesMax
}

type collector struct {
	ctx        context.Context
	connection feed.Connection
	registry   *feed.Registry
}

// tolerances of each.
const (
	strict  = false
	lenient = true
)

// each calls fn for every record of a topic. What cannot be read is an error, or lenient passed over; of instructions and of what operators do
// fn is told even then, without a value, for their timestamps count.
func each[T any, P avro[T]](c *collector, topic string, pass bool, fn func(feed.Record, *T)) error {
	err := feed.ReadToEnd(c.ctx, c.connection, topic, func(record feed.Record) error {
		value, err := decode[T, P](c.ctx, c.registry, record)
		switch {
		case err == nil:
			fn(record, value)
		case !pass || errors.Is(err, context.Canceled):
			return fmt.Errorf("reading %s: %w", record.Position, err)
		case topic == streams.IngestInstruction || topic == streams.IngestOperator:
			fn(record, nil)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("collecting %s: %w", topic, err)
	}
	return nil
}
