package streams

import (
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// IngestRecordBytesMax is the size above which intake refuses a record; the broker lets it through, so that the refusal can
// be told.
const IngestRecordBytesMax = 64 << 10

// brokerRecordBytesMax is what the broker accepts on any topic.
const brokerRecordBytesMax = 1 << 20

// The names of the topics. They are frozen contracts.
const (
	IngestInstruction  = "ingest.instruction.v1"
	IngestPrice        = "ingest.price.v1"
	IngestConfirmation = "ingest.confirmation.v1"
	IngestReference    = "ingest.reference.v1"
	IngestOperator     = "ingest.operator.v1"
	PotInbox           = "pot.inbox.v1"
	DealingInbox       = "dealing.inbox.v1"
	LedgerJournal      = "ledger.journal.v1"
	LedgerProgress     = "ledger.progress.v1"
	LedgerTrade        = "ledger.trade.v1"
	StatusInstruction  = "instruction.status.v1"
	CustodianOrder     = "custodian.order.v1"
	CustodianDelivery  = "custodian.delivery.v1"
	PaymentOrder       = "payment.order.v1"
	AuditRejection     = "audit.rejection.v1"
	AuditParked        = "audit.parked.v1"
	AuditBatch         = "audit.batch.v1"
)

// Topics returns all topics that are not changelogs, in the order of the flow.
func Topics() []Topic {
	ingested := func(name string, width Width, schema, key, about string) Topic {
		return Topic{Name: name, Width: width, Stamped: true, RecordBytesMax: brokerRecordBytesMax, Schema: schema, Key: key, About: about}
	}
	written := func(name string, width Width, schema, key, about string) Topic {
		return Topic{Name: name, Width: width, RecordBytesMax: brokerRecordBytesMax, Schema: schema, Key: key, About: about}
	}
	return []Topic{
		ingested(IngestInstruction, WidthShards, ingest.InstructionSchema, "pot", "What upstream systems ask for pots, and the clock's ticks."),
		ingested(IngestPrice, WidthOne, ingest.PriceSchema, "asset", "Closing prices from vendors."),
		ingested(IngestConfirmation, WidthOne, ingest.ConfirmationSchema, "external trade, delivery or payment", "What custodians confirm of external trades and of units in specie, and the bank of payments and receipts."),
		ingested(IngestReference, WidthOne, ingest.ReferenceDataSchema, "any", "Assets, calendars, custodians and settings."),
		ingested(IngestOperator, WidthOne, ingest.OperationSchema, "any", "What operators do by hand."),
		written(PotInbox, WidthShards, inbox.PotMessageSchema, "pot, or ! and the shard", "Everything that a shard of pots is told, in order."),
		written(DealingInbox, WidthOne, inbox.DealingMessageSchema, "external trade, or !0", "Everything that dealing is told, in order."),
		written(LedgerJournal, WidthShards, ledger.JournalSchema, "pot, or ! and the shard", "The journals of the ledger, one record each."),
		written(LedgerProgress, WidthShards, ledger.ProgressSchema, "! and the shard", "How far each shard has come."),
		written(LedgerTrade, WidthOne, ledger.TradeSchema, "external trade", "What becomes of external trades."),
		written(StatusInstruction, WidthShards, status.InstructionStatusSchema, "pot", "The fate of each instruction, for who sent it."),
		written(CustodianOrder, WidthOne, custodian.CustodianOrderSchema, "external trade", "External trades to be placed with custodians."),
		written(CustodianDelivery, WidthShards, custodian.DeliveryOrderSchema, "pot", "Units in specie to be delivered by custodians, and deliveries to be stopped."),
		written(PaymentOrder, WidthShards, payment.PaymentOrderSchema, "pot", "Cash to be paid out by the bank, and payments to be stopped."),
		written(AuditRejection, WidthOne, audit.RejectionSchema, "ingest position", "Records that were refused, and why."),
		written(AuditParked, WidthOne, audit.ParkedSchema, "process/key", "Keys that were parked because a record could not be decided, and what became of them."),
		written(AuditBatch, WidthShards, audit.FrozenOrdersSchema, "! and the shard", "The orders that each batch was made of, with the salts of their leaves: whoever proves an order reads it, nobody else should."),
	}
}

// TopicNamed returns the topic of that name. A name that is not one of the constants above is a mistake of ours.
func TopicNamed(name string) Topic {
	for _, topic := range Topics() {
		if topic.Name == name {
			return topic
		}
	}
	panic("streams: no topic named " + name)
}
