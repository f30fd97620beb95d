package history

import (
	"strings"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// Decoded reads the records of a topic. Whatever is not a value of it is passed over.
func Decoded[T interface{ DecodeAvro(*avrobin.Reader) }](records []sim.Record, topic string, fresh func() T) []T {
	var values []T
	for i := range records {
		if value, ok := Decode(topic, records[i].Value, fresh()); ok {
			values = append(values, value)
		}
	}
	return values
}

// Decode reads one value as it lies on a topic, and says whether it is one.
func Decode[T interface{ DecodeAvro(*avrobin.Reader) }](topic string, framed []byte, value T) (T, bool) {
	payload, err := sim.Unframe(topic, framed)
	if err != nil {
		return value, false
	}
	r := avrobin.NewReader(payload)
	value.DecodeAvro(r)
	return value, r.Done() == nil
}

// Input is what an auditor would read of the pipeline.
func (w *World) Input() invariants.Input {
	return invariants.Input{
		Shards:        w.Shards,
		Journals:      Decoded(w.Topic(streams.LedgerJournal), streams.LedgerJournal, func() *ledger.Journal { return new(ledger.Journal) }),
		Trades:        Decoded(w.Topic(streams.LedgerTrade), streams.LedgerTrade, func() *ledger.Trade { return new(ledger.Trade) }),
		Statuses:      Decoded(w.Topic(streams.StatusInstruction), streams.StatusInstruction, func() *status.InstructionStatus { return new(status.InstructionStatus) }),
		Instructions:  w.received(),
		Deliveries:    Decoded(w.Topic(streams.CustodianDelivery), streams.CustodianDelivery, func() *custodian.DeliveryOrder { return new(custodian.DeliveryOrder) }),
		Orders:        Decoded(w.Topic(streams.CustodianOrder), streams.CustodianOrder, func() *custodian.CustodianOrder { return new(custodian.CustodianOrder) }),
		Confirmations: Decoded(w.Topic(streams.IngestConfirmation), streams.IngestConfirmation, func() *ingest.Confirmation { return new(ingest.Confirmation) }),
		Refused:       Decoded(w.Topic(streams.AuditRejection), streams.AuditRejection, func() *audit.Rejection { return new(audit.Rejection) }),
		Operations:    w.operations(),
		Frozen:        Decoded(w.Topic(streams.AuditBatch), streams.AuditBatch, func() *audit.FrozenOrders { return new(audit.FrozenOrders) }),
		Prices:        Decoded(w.Topic(streams.IngestPrice), streams.IngestPrice, func() *ingest.Price { return new(ingest.Price) }),
		Reference:     append(w.ReferenceEntries(), w.glidePaths()...),
		Charges:       w.scheduled(),
	}
}

// operations are what operators did, each with its place on its topic and the receipt time that intake gave it.
func (w *World) operations() []invariants.Operation {
	latest := make(map[int32]schemas.Instant)
	var all []invariants.Operation
	for _, record := range w.Topic(streams.IngestOperator) {
		latest[record.Partition] = max(latest[record.Partition], record.Timestamp)
		if o, ok := Decode(streams.IngestOperator, record.Value, new(ingest.Operation)); ok {
			all = append(all, invariants.Operation{Partition: record.Partition, Offset: record.Offset, ReceivedAt: latest[record.Partition], Operation: o})
		}
	}
	return all
}

// scheduled are the rows of the annual charge, each with its place on its topic.
func (w *World) scheduled() []invariants.Charge {
	var all []invariants.Charge
	for _, record := range w.Topic(streams.IngestReference) {
		r, ok := Decode(streams.IngestReference, record.Value, new(ingest.ReferenceData))
		if charge, charges := r.Entry.Body.(*reference.AnnualCharge); ok && charges {
			all = append(all, invariants.Charge{Partition: record.Partition, Offset: record.Offset, AnnualCharge: charge})
		}
	}
	return all
}

// received are the instructions that can be answered, with the receipt time that intake gave them.
func (w *World) received() []invariants.Received {
	latest := make(map[int32]schemas.Instant)
	var all []invariants.Received
	for _, record := range w.Topic(streams.IngestInstruction) {
		latest[record.Partition] = max(latest[record.Partition], record.Timestamp)
		i, ok := Decode(streams.IngestInstruction, record.Value, new(ingest.Instruction))
		if _, tick := i.Body.(*ingest.Tick); !ok || tick || i.Pot == "" || strings.HasPrefix(record.Key, "!") {
			continue
		}
		all = append(all, invariants.Received{ReceivedAt: latest[record.Partition], Instruction: i})
	}
	return all
}
