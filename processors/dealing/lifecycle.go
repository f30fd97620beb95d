package dealing

//go:generate go test -count=1 -run ^TestEveryEdgeHasAScenario$ . -args -update-edges

import (
	"github.com/penstock-ledger/penstock/processors/internal/lifecycle"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// LifeCycle declares how an external trade moves from event to event. Every step is checked against it where it is made, and must be shown by
// a scenario. The one that follows on deferred is checked as one from rejected: a trade's state does not tell the two apart.
func LifeCycle() lifecycle.Cycle {
	return lifecycle.Cycle{
		{From: "", To: eventBatched, When: "every shard has given its total"},
		{From: eventBatched, To: eventPlaced, When: "its root is published"},
		{From: eventBatched, To: eventRejected, When: "it is for more than a trade may be"},
		{From: eventPlaced, To: eventPriced, When: "a piece is dealt"},
		{From: eventPlaced, To: eventRejected, When: "the custodian will not deal"},
		{From: eventPriced, To: eventPriced, When: "a further piece is dealt, or the rest is rejected"},
		{From: eventPriced, To: eventSettled, When: "all pieces have settled"},
		{From: eventPlaced, To: eventDeferred, When: "the custodian will not deal for now"},
		{From: eventDeferred, To: eventCarried, When: "its orders go on to another day"},
		{From: eventRejected, To: eventCarried, When: "the asset's policy lets its orders go on to the next day"},
		{From: eventPriced, To: eventRestCarried, When: "what was not dealt goes on to another day"},
		{From: eventPriced, To: eventRejected, When: "its settlement failed, and an operator gives it up"},
		{From: eventRestCarried, To: eventRejected, When: "its settlement failed, and an operator gives it up"},
		{From: eventRestCarried, To: eventSettled, When: "all pieces have settled"},
		{From: eventSettled, To: eventRestCarried, When: "the shards are told of its last piece only after it has settled"},
		{From: eventSettled, When: "unless the shards are still to be told of its last piece"},
		{From: eventRejected, When: "where its orders do not go on"},
		{From: eventDeferred, When: "where no day is known to which its orders could go on"},
		{From: eventRestCarried, When: "where it has settled before"},
	}
}

// IsStep says whether an event is a step of a trade's life. The others say something else of it: a confirmation that does not fit, or a settlement
// that is overdue.
func IsStep(event string) bool {
	return event != eventBroken && event != eventMended && event != eventSettlementFailed && event != eventCorrected
}

// eventOf is the last event of a trade as it stands; empty while its batch is collected.
func eventOf(trade *state.TradeState) string {
	switch trade.Stage {
	case state.StageBatched:
		return eventBatched
	case state.StagePlaced:
		if len(trade.Pieces) > 0 {
			return eventPriced
		}
		return eventPlaced
	case state.StagePriced:
		if trade.CarriedTo != nil {
			return eventRestCarried
		}
		return eventPriced
	case state.StageSettled:
		return eventSettled
	case state.StageRejected:
		return eventRejected // or deferred, which leads on as a rejection does
	case state.StageCollecting:
	}
	return ""
}
