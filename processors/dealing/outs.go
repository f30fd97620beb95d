package dealing

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/streams"
)

// self is the source under which dealing writes to the shards.
const self schemas.SourceID = "dealing"

// shardOfDealing is the only shard of this process.
const shardOfDealing = 0

// rejectionOut says why a record was refused, at the position where it was received.
func rejectionOut(place streams.Place, cause *inbox.Cause, why refusal) streams.Out {
	return streams.Out{Topic: streams.AuditRejection, Key: cause.Position(), Value: &audit.Rejection{
		Code: why.code, Reason: why.reason, Topic: cause.Topic, Partition: cause.Partition, Offset: cause.Offset,
		Process: Name, Source: cause.Source, ID: cause.ID, ReceivedAt: cause.ReceivedAt, RecordedAt: place.RecordedAt,
	}}
}

// flushOut asks this process to tell the shards whatever is ready by then.
func flushOut(cause *inbox.Cause) streams.Out {
	return streams.Out{Topic: streams.DealingInbox, Key: streams.ControlKey(shardOfDealing), Value: &inbox.DealingMessage{Cause: *cause, Body: &inbox.Flush{}}}
}

// tell returns the output that tells one shard of pots something. The id names what is told, and is the same
// however the records that led to it were spread over transactions.
func tell(shard int32, id string, cause *inbox.Cause, body inbox.PotBody) streams.Out {
	told := *cause
	told.Source, told.ID, told.Salt = self, id, inbox.Salt{}
	return streams.Out{Topic: streams.PotInbox, Key: streams.ControlKey(shard), Value: &inbox.PotMessage{Cause: told, Body: body}}
}

// tellAll tells every shard the same.
func tellAll(outs []streams.Out, shards int32, id string, cause *inbox.Cause, body inbox.PotBody) []streams.Out {
	for shard := range shards {
		outs = append(outs, tell(shard, id, cause, body))
	}
	return outs
}
