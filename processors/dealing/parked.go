package dealing

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// pots is the process that dealing passes operators' words on to. Dealing does not import it.
const pots = "pot"

// unparkOf returns what an operator wants done with a parked key of which process; nil for another operation.
func unparkOf(o *ingest.Operation) (process, key string, unpark *streams.Unpark) {
	switch body := o.Body.(type) {
	case *ingest.ParkedRelease:
		return body.Process, body.Key, &streams.Unpark{Operator: o.Operator, Reason: o.Reason}
	case *ingest.ParkedDrop:
		return body.Process, body.Key, &streams.Unpark{Drop: true, Offset: body.Offset, Operator: o.Operator, Reason: o.Reason}
	}
	return "", "", nil
}

// unparkHere returns what is to be done with a parked key of this process, nil where the operation is about something else.
func unparkHere(o *ingest.Operation) (key string, unpark *streams.Unpark) {
	process, key, unpark := unparkOf(o)
	if process != Name {
		return "", nil
	}
	return key, unpark
}

// passOn returns the output that passes an operator's word on a parked key on to its process, or refuses it where there is no such process; nil for
// an operation that is about something else.
func passOn(place streams.Place, cause *inbox.Cause, o *ingest.Operation) *streams.Out {
	process, key, unpark := unparkOf(o)
	switch {
	case unpark == nil:
		return nil
	case process != pots:
		out := rejectionOut(place, cause, refusal{codeUnknownProcess, fmt.Sprintf("no process %q parks anything", process)})
		return &out
	}
	told := &inbox.Unparked{Pot: schemas.PotID(key), Operator: o.Operator, Reason: o.Reason}
	if unpark.Drop {
		told.Drop = &unpark.Offset
	}
	return &streams.Out{Topic: streams.PotInbox, Key: key, Value: &inbox.PotMessage{Cause: *cause, Body: told}}
}

// dropped tells the custodian's side that a confirmation was dropped undecided. A shard's total that is dropped has nobody to be told.
func dropped(place streams.Place, _ *Reference, _ string, _ *state.TradeState, m *inbox.DealingMessage) []streams.Out {
	if _, ok := m.Body.(*inbox.Confirmed); !ok {
		return nil
	}
	return []streams.Out{rejectionOut(place, &m.Cause, refusal{codeDroppedByOperator, "it could not be decided, and an operator dropped it"})}
}
