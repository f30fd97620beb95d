package dealing

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// breaksMax bounds the breaks of one trade. What does not fit either is refused and not kept.
const breaksMax = 20

// The classes of breaks.
const (
	classPrice     = "price"
	classAmount    = "amount"
	classDuplicate = "duplicate"
	// classSettlement is the settlement of a trade that was given up.
	classSettlement = "settlement"
)

// BreakClass returns the class of a break from the code for which the confirmation was refused: price, amount, duplicate or settlement. It is empty for refusals
// that are no breaks: what was never for the trade, came too early, or is told again.
func BreakClass(code schemas.Code) string {
	switch code {
	case codePriceMismatch:
		return classPrice
	case codeOverfill, codeUnitsScale, codeUnitsMismatch, codeUnitsNotReserved, codeProceedsTooHigh:
		return classAmount
	case codeConflictingConfirmation, codePieceDiffers, codeTradePriced:
		return classDuplicate
	case codeTradeRejected:
		return classSettlement // of nothing else that comes after a rejection a break is made
	}
	return ""
}

// refuse says that a confirmation is not taken. One that contradicts the trade is a break: it is kept and shown, the trade does not move by it, and
// it changes nothing when it is sent again. Any other is forgotten and judged anew: by then the piece that was missing may have come.
func (d *desk) refuse(cause *inbox.Cause, c *ingest.Confirmation, why refusal) {
	d.outs = append(d.outs, rejectionOut(d.place, cause, why))
	digest := digestOf(c)
	d.trade.Seen = slices.DeleteFunc(d.trade.Seen, func(s state.SeenConfirmation) bool { return s.ID == c.ID && s.Digest == digest })
	if BreakClass(why.code) == "" || len(d.trade.Breaks) >= breaksMax || isEnded(&d.trade) && !settlesGivenUp(&d.trade, c) {
		return
	}
	d.trade.Seen = append(d.trade.Seen, state.SeenConfirmation{ID: c.ID, Digest: digest, Broken: true})
	d.trade.Breaks = append(d.trade.Breaks, state.Break{Code: why.code, Reason: why.reason, Cause: *cause, Confirmation: *c})
	d.event(fmt.Sprintf("%s/%s/%x", eventBroken, c.ID, digest), func(t *ledger.Trade) {
		t.Confirmation, t.Reason = c.ID, string(why.code)+": "+why.reason
	})
}

// settlesGivenUp says whether a trade settles that was given up: money or units have moved of which the books know nothing any more.
func settlesGivenUp(trade *state.TradeState, c *ingest.Confirmation) bool {
	_, settles := c.Body.(*ingest.TradeSettled)
	return settles && trade.Stage == state.StageRejected && len(trade.Pieces) > 0
}

// isEnded says whether nothing more can come of the trade.
func isEnded(trade *state.TradeState) bool {
	return trade.Stage == state.StageSettled || trade.Stage == state.StageRejected
}

// mend ends the breaks that the trade's progress has answered: a piece that did not fit, once that piece has come, or once none will.
func (d *desk) mend(by string) {
	complete := d.trade.Stage != state.StagePlaced
	d.endBreaks(func(b *state.Break) bool {
		fill, ok := b.Confirmation.Body.(*ingest.FillPriced)
		return ok && BreakClass(b.Code) != classDuplicate && (complete || int(fill.Piece) <= len(d.trade.Pieces))
	}, "confirmation "+by)
}

// endBreaks ends the breaks that are named, and says so.
func (d *desk) endBreaks(named func(*state.Break) bool, by string) int {
	ended := 0
	for i := 0; i < len(d.trade.Breaks); {
		b := d.trade.Breaks[i]
		if !named(&b) {
			i++
			continue
		}
		d.trade.Breaks = slices.Delete(slices.Clone(d.trade.Breaks), i, i+1)
		ended++
		d.event(fmt.Sprintf("%s/%s/%x", eventMended, b.Confirmation.ID, digestOf(&b.Confirmation)), func(t *ledger.Trade) {
			t.Confirmation, t.Reason = b.Confirmation.ID, by
		})
	}
	return ended
}

// tradeOf returns the trade that an operator's action is about, and false where it is about something else.
func tradeOf(o *ingest.Operation) (schemas.ID, bool) {
	switch body := o.Body.(type) {
	case *ingest.BreakResolution:
		return body.Trade, true
	case *ingest.SettlementGiveUp:
		return body.Trade, true
	}
	return schemas.ID{}, false
}

// operated does what an operator wants done with one trade.
func operated(place streams.Place, r *Reference, before *state.TradeState, cause *inbox.Cause, o *ingest.Operation) (*state.TradeState, []streams.Out) {
	trade, _ := tradeOf(o)
	if before == nil || before.Stage == state.StageCollecting {
		return before, []streams.Out{rejectionOut(place, cause, refusal{codeUnknownTrade, fmt.Sprintf("there is no trade %s", trade)})}
	}
	d := newDesk(place, trade, before, cause.ReceivedAt)
	var why refusal
	switch body := o.Body.(type) {
	case *ingest.BreakResolution:
		why = d.resolve(r, o, body)
	case *ingest.SettlementGiveUp:
		why = d.giveUp(r, cause, o)
	}
	if why.code != "" {
		return before, []streams.Out{rejectionOut(place, cause, why)}
	}
	return d.work(r, r.Price(before.Asset, before.Day))
}

// resolve ends a break by an operator's word: the confirmation is dismissed, or taken as it is.
func (d *desk) resolve(r *Reference, o *ingest.Operation, resolution *ingest.BreakResolution) refusal {
	at := slices.IndexFunc(d.trade.Breaks, func(b state.Break) bool { return b.Confirmation.ID == resolution.Confirmation })
	if at < 0 {
		return refusal{codeNoBreak, fmt.Sprintf("confirmation %s of trade %s is no open break", resolution.Confirmation, resolution.Trade)}
	}
	broken := d.trade.Breaks[at]
	if resolution.Accept {
		if broken.Code != codeUnitsMismatch {
			return refusal{codeBreakNotAcceptable, fmt.Sprintf("%s cannot be taken as it is", broken.Code)}
		}
		d.accepts = true
		why := d.apply(r, &broken.Cause, &broken.Confirmation, r.Price(d.trade.Asset, d.trade.Day))
		d.accepts = false
		if why.code != "" {
			return refusal{codeBreakNotAcceptable, why.reason}
		}
		d.outs = append(d.outs, flushOut(&broken.Cause))
		for i := range d.trade.Seen {
			if s := &d.trade.Seen[i]; s.ID == broken.Confirmation.ID && s.Digest == digestOf(&broken.Confirmation) {
				s.Broken = false
			}
		}
	}
	d.endBreaks(func(b *state.Break) bool {
		return b.Confirmation.ID == broken.Confirmation.ID && digestOf(&b.Confirmation) == digestOf(&broken.Confirmation)
	}, fmt.Sprintf("%s: %s", o.Operator, o.Reason))
	return refusal{}
}
