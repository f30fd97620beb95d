package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// keyOf returns the key that a message is for, empty for one that concerns the shard.
func keyOf(m *inbox.PotMessage) string {
	switch body := m.Body.(type) {
	case *inbox.Instructed:
		return string(body.Instruction.Pot)
	case *inbox.BankConfirmed:
		key := suspense.Noticed(&body.Confirmation)
		if key == "" {
			panic(fmt.Sprintf("pot: no bank says %T", body.Confirmation.Body))
		}
		return string(key)
	case *inbox.UnitsConfirmed:
		notice, _ := specie.Of(&body.Confirmation)
		return string(notice.Pot)
	case *inbox.PotOperated:
		return string(suspense.Operated(&body.Operation))
	case *inbox.CashClaimed:
		return string(suspense.Key(body.Reference))
	case *inbox.ClaimWithdrawn:
		return string(suspense.Key(body.Reference))
	case *inbox.CashReturned:
		return string(suspense.Key(body.Reference))
	case *inbox.CashAttributed:
		return string(body.Pot)
	case *inbox.ClaimRefused:
		return string(body.Pot)
	}
	return ""
}

// decide handles what one key is told.
func decide(place streams.Place, r *Reference, key string, pot *state.PotState, m *inbox.PotMessage) (*state.PotState, []streams.Out) {
	switch body := m.Body.(type) {
	case *inbox.Instructed:
		return instructed(place, r, pot, &m.Cause, &body.Instruction)
	case *inbox.BankConfirmed:
		return bankConfirmed(place, r, key, pot, &m.Cause, &body.Confirmation)
	case *inbox.UnitsConfirmed:
		return unitsConfirmed(place, r, pot, &m.Cause, &body.Confirmation)
	case *inbox.PotOperated:
		switch act := body.Operation.Body.(type) {
		case *ingest.ReceiptRefund:
			return refund(place, r, key, pot, &m.Cause, &body.Operation, act)
		case *ingest.ReviewRelease:
			return reviewed(place, r, pot, &m.Cause, &word{act.Pot, act.Source, act.Instruction, true, &body.Operation})
		case *ingest.ReviewRefusal:
			return reviewed(place, r, pot, &m.Cause, &word{act.Pot, act.Source, act.Instruction, false, &body.Operation})
		case *ingest.JournalReversal:
			return reverse(place, r, pot, &m.Cause, act)
		}
	case *inbox.CashClaimed:
		return claimed(place, key, pot, &m.Cause, body)
	case *inbox.ClaimWithdrawn:
		return claimWithdrawn(place, key, pot, &m.Cause, body)
	case *inbox.CashReturned:
		return returned(place, key, pot, &m.Cause, body)
	case *inbox.CashAttributed:
		return attributed(place, pot, &m.Cause, body)
	case *inbox.ClaimRefused:
		return claimRefused(place, pot, &m.Cause, body)
	}
	panic(fmt.Sprintf("pot: %T is not for one pot", m.Body))
}

// bankConfirmed takes in what the bank says.
func bankConfirmed(place streams.Place, r *Reference, key string, before *state.PotState, cause *inbox.Cause, c *ingest.Confirmation) (*state.PotState, []streams.Out) {
	n := &notice{place: place, cause: cause, key: schemas.PotID(key)}
	switch body := c.Body.(type) {
	case *ingest.CashReceived:
		return received(place, r, key, before, cause, c, body)
	case *ingest.PaymentSent:
		n.stage, n.cash, n.on = state.PaymentStageSent, body.Cash, body.On
	case *ingest.PaymentPaid:
		n.stage, n.cash, n.on = state.PaymentStagePaid, body.Cash, body.On
	case *ingest.PaymentBounced:
		n.stage, n.cash, n.on, n.reason = state.PaymentStageBounced, body.Cash, body.On, body.Reason
	default:
		panic(fmt.Sprintf("pot: no bank says %T", c.Body))
	}
	return n.noticed(r, before, c.Trade)
}

// rejectionOut says why something that nobody is answered of was refused, at the position where it was received.
func rejectionOut(place streams.Place, cause *inbox.Cause, key schemas.PotID, why refusal) streams.Out {
	return streams.Out{Topic: streams.AuditRejection, Key: cause.Position(), Value: &audit.Rejection{
		Code: why.code, Reason: why.reason, Topic: cause.Topic, Partition: cause.Partition, Offset: cause.Offset,
		Process: Name, Source: cause.Source, ID: cause.ID, Pot: key, ReceivedAt: cause.ReceivedAt, RecordedAt: place.RecordedAt,
	}}
}

// droppedUnasked tells of something that an operator dropped undecided and that nobody sent as an instruction. A claim is answered all the same, so that
// the pot does not wait for ever.
func droppedUnasked(place streams.Place, m *inbox.PotMessage) []streams.Out {
	why := refusal{codeDroppedByOperator, "it could not be decided, and an operator dropped it"}
	outs := []streams.Out{rejectionOut(place, &m.Cause, schemas.PotID(keyOf(m)), why)}
	if c, ok := m.Body.(*inbox.CashClaimed); ok {
		outs = append(outs, streams.Out{Topic: streams.PotInbox, Key: string(c.Pot), Value: &inbox.PotMessage{
			Cause: m.Cause, Body: &inbox.ClaimRefused{Pot: c.Pot, Claim: c.Claim, Code: why.code, Reason: why.reason},
		}})
	}
	return outs
}
