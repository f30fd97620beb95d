package dealing

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// giveUp ends a trade that was dealt and will not settle: an operator's word, because a custodian that failed to settle may still do so. The trade is rejected
// after all, and what becomes of its orders is what the asset's policy says of rejections.
func (d *desk) giveUp(r *Reference, cause *inbox.Cause, o *ingest.Operation) refusal {
	switch {
	case isEnded(&d.trade):
		return refusal{codeNotFailed, fmt.Sprintf("trade %s has ended: it is %s", d.id, d.trade.Stage)}
	case d.trade.Stage != state.StagePriced || d.trade.Failed == "":
		return refusal{codeNotFailed, fmt.Sprintf("no settlement of trade %s has failed", d.id)}
	case int(d.trade.Sent) < len(d.trade.Pieces), slices.ContainsFunc(d.trade.Pieces, func(p state.Piece) bool { return p.Told == "" }):
		return refusal{codeNotFailed, fmt.Sprintf("the pots have not been told of all pieces of trade %s", d.id)}
	case !mayTakeBack(&d.trade, len(d.trade.Pieces), postingsPerGivenUp):
		return refusal{codeTooManyPieces, fmt.Sprintf("trade %s has %d pieces: a pot could not negate them in one record", d.id, len(d.trade.Pieces))}
	}
	d.trade.Stage, d.trade.Told, d.trade.Until = state.StageRejected, false, nil
	d.trade.Carries = r.requeues(&d.trade)
	d.trade.Reason = fmt.Sprintf("its settlement was given up by %s: %s", o.Operator, o.Reason)
	d.event(eventRejected, func(t *ledger.Trade) { t.Reason = d.trade.Reason })
	d.endBreaks(func(*state.Break) bool { return true }, d.trade.Reason)
	d.outs = append(d.outs, flushOut(cause))
	return refusal{}
}

func isGivenUp(b inbox.RejectedBatch) bool { return len(b.Pieces) > 0 }
