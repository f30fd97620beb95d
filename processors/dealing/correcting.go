package dealing

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// correctingMax bounds the corrections of which trades are still to be worked out again: those that came within one round trip of this process to its inbox.
const correctingMax = 100

// correctionKey names a correction by where it came from. What this process writes to itself on its account has the same cause.
func correctionKey(cause *inbox.Cause) schemas.ID {
	return schemas.DeriveID("correction", string(cause.Source), cause.ID, cause.Position())
}

// endCorrection forgets a correction when the flush comes back that was asked for behind its trades. A flush for another cause says nothing of it.
func endCorrection(next *state.DealingReference, cause *inbox.Cause) (ended bool) {
	key := correctionKey(cause)
	left := slices.DeleteFunc(slices.Clone(next.Correcting), func(c state.Correcting) bool { return c.Key == key })
	ended, next.Correcting = len(left) < len(next.Correcting), left
	return ended
}

// checkStillCorrecting refuses to work out a trade that hears of its correction late, because it was parked: an event on the asset may be between its count
// and its booking by now, or have made other units of those that the trade moved.
func (r *Reference) checkStillCorrecting(trade *state.TradeState, cause *inbox.Cause) refusal {
	key := correctionKey(cause)
	if slices.ContainsFunc(r.stored.Correcting, func(c state.Correcting) bool { return c.Key == key }) || !r.isConverted(trade.Asset, trade.Day) {
		return refusal{}
	}
	return refusal{codeTradeNotCorrectable, fmt.Sprintf("an event on %s came before the correction reached the trade", trade.Asset)}
}
