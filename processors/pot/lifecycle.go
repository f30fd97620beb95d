package pot

//go:generate go test -count=1 -run ^TestEveryEdgeHasAScenario$ . -args -update-edges
//go:generate go run ../internal/specification -root ../.. -output ../../ops/docs/scenarios.md

import (
	"github.com/penstock-ledger/penstock/processors/internal/lifecycle"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// LifeCycle declares how an instruction moves from state to state. Every move is checked against it, and must be shown by a scenario.
func LifeCycle() lifecycle.Cycle {
	all := edges()
	return all[:]
}

// edges is a value and no slice: moves are checked on every visit of a sweep, and must not allocate for it.
func edges() [36]lifecycle.Edge {
	return [...]lifecycle.Edge{
		{To: string(stateAccepted), When: "it is done, or its orders are reserved"},
		{To: string(stateRejected), When: "a check refuses it"},
		{To: string(stateHeld), When: "the policy wants a person to look at it"},
		{From: string(stateHeld), To: string(stateAccepted), When: "an operator releases it"},
		{From: string(stateHeld), To: string(stateRejected), When: "an operator refuses it, or a check does once it is released"},
		{From: string(stateHeld), To: string(stateCancelled), When: "its sender cancels it"},
		{From: string(stateHeld), To: string(stateExpired), When: "nobody released it in time"},
		{From: string(stateAccepted), To: string(stateCancelled), When: "its sender cancels it in time"},
		{From: string(stateAccepted), To: string(statePriced), When: "the last of its orders is priced"},
		{From: string(stateAccepted), To: string(stateRejected), When: "a custodian rejects a trade of it, or will not deliver its units"},
		{From: string(stateAccepted), To: string(stateSettledInPart), When: "one of its orders settles, another is not priced"},
		{From: string(stateAccepted), To: string(stateCarried), When: "a trade of it is not dealt, and its orders go on to another day"},
		{From: string(stateCarried), To: string(stateCancelled), When: "its sender cancels it in time for that day"},
		{From: string(stateCarried), To: string(statePriced), When: "the last of its orders is priced, or the rest of one ends"},
		{From: string(stateCarried), To: string(stateRejected), When: "a custodian rejects a trade of it"},
		{From: string(stateCarried), To: string(stateSettledInPart), When: "one of its orders settles, another is not priced"},
		{From: string(stateCarried), To: string(stateSettled), When: "the rest of an order ends of which all else has settled"},
		{From: string(statePriced), To: string(stateSettled), When: "the last of its orders settles"},
		{From: string(statePriced), To: string(stateSettledInPart), When: "one of its orders settles"},
		{From: string(statePriced), To: string(stateRejected), When: "the settlement of a trade of it is given up"},
		{From: string(statePriced), To: string(stateCarried), When: "the settlement of a trade of it is given up, and its orders go on to another day"},
		{From: string(stateSettledInPart), To: string(statePriced), When: "the last of its other orders is priced"},
		{From: string(stateSettledInPart), To: string(stateRejected), When: "a custodian rejects the trade of another order"},
		{From: string(stateSettledInPart), To: string(stateSettled), When: "the last of its orders settles"},
		{From: string(stateAccepted), To: string(stateSent), When: "the bank sends its payment"},
		{From: string(stateSent), To: string(statePaid), When: "the payee has it"},
		{From: string(stateAccepted), To: string(stateBounced), When: "the bank will not send its payment"},
		{From: string(stateSent), To: string(stateBounced), When: "the payment comes back"},
		{From: string(statePaid), To: string(stateBounced), When: "the payee sends it back"},
		{From: string(stateSettled), To: string(stateSent), When: "the bank sends what a transfer out came to"},
		{From: string(stateSettled), To: string(stateBounced), When: "the bank will not send it"},
		{From: string(stateAccepted), To: string(stateDelivered), When: "the custodian has delivered its units"},
		{From: string(stateAccepted), To: string(stateAttributed), When: "the cash that it claims is the pot's"},
		{From: string(stateAccepted), When: "where it was done at once, as a contribution without orders is"},
		{From: string(stateSettled), When: "unless it is a transfer out, of which the cash is still to be sent"},
		{From: string(statePaid), When: "unless the payee sends it back"},
	}
}

// mustMove panics where the life cycle does not declare a move.
func mustMove(from, to schemas.Code) {
	all := edges()
	lifecycle.Cycle(all[:]).Check("an instruction", string(from), string(to))
}

// advance moves an instruction that was answered on.
func advance(seen *state.Seen, to, code schemas.Code) {
	mustMove(seen.State, to)
	seen.State, seen.Code = to, code
}
