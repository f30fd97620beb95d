package dealing

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// unitsWaitingBytesMax bounds the confirmations of units in specie that wait for counts to end: some thousand announcements. They are kept in one record with the reference data, so
// together the two have no more room than referenceBytesMax.
const unitsWaitingBytesMax = 200 << 10

// unitsConfirmed passes on to its pot what a custodian says of units in specie. While units of the asset are counted for an event it waits: what the event is
// done for is what was counted. The pot alone knows whether it can be true.
func (d *dealing) unitsConfirmed(place streams.Place, r *Reference, cause *inbox.Cause, c *ingest.Confirmation) (*state.DealingReference, []streams.Out) {
	next := *r.stored
	if notice, _ := specie.Of(c); d.counts(&next, notice.Asset) {
		told := c.AppendAvro(nil)
		if slices.ContainsFunc(next.UnitsWaiting, func(w state.Waiting) bool { return bytes.Equal(w.Confirmation.AppendAvro(nil), told) }) {
			return r.stored, nil
		}
		next.UnitsWaiting = append(slices.Clone(next.UnitsWaiting), state.Waiting{Cause: *cause, Confirmation: *c})
		if waitingBytes(&next) > unitsWaitingBytesMax || referenceBytes(&next) > referenceBytesMax {
			why := refusal{codeTooManyWaiting, fmt.Sprintf("no more confirmations of units in specie than the %d that wait can be kept until units are counted: send it again", len(r.stored.UnitsWaiting))}
			return r.stored, []streams.Out{rejectionOut(place, cause, why)}
		}
		return &next, nil
	}
	outs := []streams.Out{unitsOut(cause, c)}
	if !endsDelivery(c) || len(next.Events) == 0 {
		return r.stored, outs
	}
	return &next, d.countAgain(r, &next, outs)
}

func waitingBytes(stored *state.DealingReference) int {
	sum := 0
	for i := range stored.UnitsWaiting {
		sum += len(stored.UnitsWaiting[i].AppendAvro(nil))
	}
	return sum
}

// counts says whether units of the asset are being counted in the shards.
func (d *dealing) counts(stored *state.DealingReference, asset schemas.AssetCode) bool {
	return slices.ContainsFunc(stored.Events, func(e state.DeclaredEvent) bool {
		return d.isCounting(&e) && assetsOf(&e.Operation)[0] == asset
	})
}

// passUnitsOn passes on what has waited for counts that have ended. A split or a merger that found unfinished deliveries is to be counted once more where one of
// them may have ended now.
func (d *dealing) passUnitsOn(next *state.DealingReference) []streams.Out {
	var outs []streams.Out
	var left []state.Waiting
	for i := range next.UnitsWaiting {
		w := &next.UnitsWaiting[i]
		if notice, _ := specie.Of(&w.Confirmation); d.counts(next, notice.Asset) {
			left = append(left, *w)
			continue
		}
		outs = append(outs, unitsOut(&w.Cause, &w.Confirmation))
		if endsDelivery(&w.Confirmation) {
			askAgain(next)
		}
	}
	next.UnitsWaiting = left
	return outs
}

// endsDelivery says whether a delivery may be at its end with the confirmation.
func endsDelivery(c *ingest.Confirmation) bool {
	_, begins := c.Body.(*ingest.UnitsAnnounced)
	return !begins
}

// unitsOut tells the pot. The cause stays the confirmation: nothing in the ledger shows whether it had to wait.
func unitsOut(cause *inbox.Cause, c *ingest.Confirmation) streams.Out {
	notice, _ := specie.Of(c)
	return streams.Out{Topic: streams.PotInbox, Key: string(notice.Pot), Value: &inbox.PotMessage{Cause: *cause, Body: &inbox.UnitsConfirmed{Confirmation: *c}}}
}
