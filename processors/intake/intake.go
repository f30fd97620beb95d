package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"strconv"

	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// admission is one ingest record at the door.
type admission struct {
	process    string
	key        []byte // the secret under which salts are made
	record     *streams.Record
	receivedAt schemas.Instant
}

// sender is who sent a record, as far as it could be read.
type sender struct {
	source schemas.SourceID
	id     string
	pot    schemas.PotID
}

// admit reads a record, checks it, and says where it goes.
type admit func(*admission) []streams.Out

// outer checks what does not depend on the content.
func (a *admission) outer() refusal {
	switch {
	case a.record.Size > streams.IngestRecordBytesMax:
		return refusal{codeTooLarge, "the record has " + strconv.Itoa(a.record.Size) + " bytes, at most " + strconv.Itoa(streams.IngestRecordBytesMax) + " are accepted"}
	case a.record.Unreadable != nil:
		return refusal{a.record.Unreadable.Code, a.record.Unreadable.Reason}
	case len(a.record.Key) > 0 && a.record.Key[0] == streams.ControlMark:
		return refusal{codeReservedKey, "keys that begin with ! belong to the pipeline"}
	}
	return refusal{}
}

func (a *admission) reject(why refusal, from sender) []streams.Out {
	r := a.record
	cause := a.cause(from.source, from.id)
	return []streams.Out{{Topic: streams.AuditRejection, Key: cause.Position(), Value: &audit.Rejection{
		Code: why.code, Reason: why.reason, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Digest: audit.Digest(r.Digest), Size: int32(r.Size), Process: a.process, //nolint:gosec // a record is at most a few MiB
		Source: from.source, ID: from.id, Pot: from.pot, ReceivedAt: a.receivedAt, RecordedAt: a.receivedAt,
	}}}
}

func (a *admission) cause(source schemas.SourceID, id string) inbox.Cause {
	r := a.record
	return inbox.Cause{Source: source, ID: id, ReceivedAt: a.receivedAt, Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// salt is a secret of one instruction, the same whenever it is sent. Only who has the key can make it.
func (a *admission) salt(i *ingest.Instruction) inbox.Salt {
	return a.saltOf(string(i.Source), string(i.Pot), string(i.ID))
}

// saltOf is a secret of what the parts name.
func (a *admission) saltOf(parts ...string) inbox.Salt {
	mac := hmac.New(sha256.New, a.key)
	for _, part := range parts {
		mac.Write([]byte{byte(len(part))})
		mac.Write([]byte(part))
	}
	return inbox.Salt(mac.Sum(nil)[:16])
}

// toDealing passes a message on to dealing.
func toDealing(key string, cause inbox.Cause, body inbox.DealingBody) []streams.Out {
	return []streams.Out{{Topic: streams.DealingInbox, Key: key, Value: &inbox.DealingMessage{Cause: cause, Body: body}}}
}

// toPot passes a message on to the pot or payment reference that it concerns.
func toPot(key schemas.PotID, cause inbox.Cause, body inbox.PotBody) []streams.Out {
	return []streams.Out{{Topic: streams.PotInbox, Key: string(key), Value: &inbox.PotMessage{Cause: cause, Body: body}}}
}

// read takes in what the record says, and checks it. What is refused may have been read in part.
func read[T any, P interface {
	*T
	DecodeAvro(r *avrobin.Reader)
}](a *admission, check func(P) refusal) (P, refusal) {
	value := P(new(T))
	if why := first(a.outer(), decode(a.record, value)); why.code != "" {
		return value, why
	}
	return value, check(value)
}

// dealingControl is the key of messages that concern dealing as a whole.
var dealingControl = streams.ControlKey(0)

func admitInstruction(a *admission) []streams.Out {
	i := &ingest.Instruction{}
	if why := first(a.outer(), decode(a.record, i)); why.code != "" {
		return a.reject(why, sender{})
	}
	if _, tick := i.Body.(*ingest.Tick); tick {
		return toDealing(dealingControl, a.cause("clock", ""), &inbox.Reached{Partition: a.record.Partition, Time: a.receivedAt})
	}
	if why := checkInstruction(i); why.code != "" {
		return a.rejectInstruction(i, why)
	}
	cause := a.cause(i.Source, string(i.ID))
	cause.Salt = a.salt(i)
	return toPot(i.Pot, cause, &inbox.Instructed{Instruction: *i})
}

// rejectInstruction answers the sender too, where what was sent says enough to find them.
func (a *admission) rejectInstruction(i *ingest.Instruction, why refusal) []streams.Out {
	from := sender{}
	if first(identifier("source", i.Source), identifier("id", i.ID), potIdentifier(i.Pot)).code == "" {
		from = sender{i.Source, string(i.ID), i.Pot}
	}
	outs := a.reject(why, from)
	if from.pot == "" {
		return outs
	}
	return append(outs, streams.Out{Topic: streams.StatusInstruction, Key: string(i.Pot), Value: &status.InstructionStatus{
		Source: i.Source, ID: i.ID, Pot: i.Pot, State: "rejected", Code: why.code, Reason: why.reason,
		ReceivedAt: a.receivedAt, RecordedAt: a.receivedAt,
	}})
}

func admitPrice(a *admission) []streams.Out {
	p, why := read(a, checkPrice)
	if why.code != "" {
		return a.reject(why, sender{})
	}
	return toDealing(dealingControl, a.cause(p.Source, string(p.Asset)+"/"+p.Date.String()), &inbox.PriceReceived{Price: *p})
}

func admitConfirmation(a *admission) []streams.Out {
	c, why := read(a, checkConfirmation)
	if why.code != "" {
		return a.reject(why, sender{})
	}
	cause := a.cause(schemas.SourceID(c.Custodian), c.ID)
	if key := suspense.Noticed(c); key != "" {
		return toPot(key, cause, &inbox.BankConfirmed{Confirmation: *c})
	}
	key := c.Trade.String()
	if _, units := specie.Of(c); units {
		key = dealingControl // dealing passes it on to the pot, in its place among the events of the asset
	}
	return toDealing(key, cause, &inbox.Confirmed{Confirmation: *c})
}

func admitReference(a *admission) []streams.Out {
	r, why := read(a, checkReference)
	if why.code != "" {
		return a.reject(why, sender{})
	}
	cause := a.cause(r.Source, r.ID)
	if charge, ok := r.Entry.Body.(*reference.AnnualCharge); ok && charge.ByUnits {
		cause.Salt = a.saltOf(string(r.Source), r.ID)
	}
	return toDealing(dealingControl, cause, &inbox.ReferenceReceived{Reference: *r})
}

func admitOperation(a *admission) []streams.Out {
	o, why := read(a, checkOperation)
	if why.code != "" {
		return a.reject(why, sender{})
	}
	cause := a.cause(o.Operator, o.ID)
	if key := suspense.Operated(o); key != "" {
		return toPot(key, cause, &inbox.PotOperated{Operation: *o})
	}
	if makesOrders(o) {
		cause.Salt = a.saltOf(string(o.Operator), o.ID)
	}
	return toDealing(dealingControl, cause, &inbox.Operated{Operation: *o})
}
