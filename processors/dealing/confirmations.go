package dealing

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of one trade.
const (
	piecesMax  = 100
	waitingMax = 100
	seenMax    = 500
)

// desk is one trade while confirmations of it are dealt with.
type desk struct {
	place streams.Place
	id    schemas.ID
	trade state.TradeState
	outs  []streams.Out
	// last is the last event that moved the trade on.
	last string
	// accepts says that an operator takes a piece although its units are not what its cash buys.
	accepts bool
	// at is the receipt time of what is dealt with: a confirmation, or the price that confirmations waited for.
	at schemas.Instant
}

func newDesk(place streams.Place, id schemas.ID, before *state.TradeState, at schemas.Instant) *desk {
	d := &desk{place: place, id: id, trade: *before, last: eventOf(before), at: at}
	d.trade.Pieces = slices.Clone(before.Pieces)
	d.trade.Seen = slices.Clone(before.Seen)
	d.trade.Waiting = slices.Clone(before.Waiting)
	return d
}

// confirmed deals with a confirmation.
func confirmed(place streams.Place, r *Reference, before *state.TradeState, cause *inbox.Cause, c *ingest.Confirmation) (*state.TradeState, []streams.Out) {
	refuse := func(code schemas.Code, reason string) (*state.TradeState, []streams.Out) {
		return before, []streams.Out{rejectionOut(place, cause, refusal{code, reason})}
	}
	if before == nil || before.Stage == state.StageCollecting {
		return refuse(codeUnknownTrade, fmt.Sprintf("there is no trade %s", c.Trade))
	}
	digest := digestOf(c)
	if slices.ContainsFunc(before.Seen, func(s state.SeenConfirmation) bool { return s.ID == c.ID && s.Digest == digest }) {
		return before, nil
	}
	conflicts := slices.ContainsFunc(before.Seen, func(s state.SeenConfirmation) bool { return s.ID == c.ID && !s.Broken })
	why := checkTrade(before, c)
	if why.code != "" && !conflicts && (why.code != codeTradeRejected || !settlesGivenUp(before, c)) {
		return refuse(why.code, why.reason)
	}
	if len(before.Waiting) >= waitingMax || len(before.Seen) >= seenMax {
		return refuse(codeTooManyWaiting, fmt.Sprintf("trade %s has more confirmations than it may have", c.Trade))
	}
	d := newDesk(place, c.Trade, before, cause.ReceivedAt)
	if conflicts {
		why = refusal{codeConflictingConfirmation, fmt.Sprintf("confirmation %s came before with another content", c.ID)}
	}
	if why.code != "" {
		d.refuse(cause, c, why)
		return &d.trade, d.outs
	}
	d.trade.Seen = append(d.trade.Seen, state.SeenConfirmation{ID: c.ID, Digest: digest})
	d.trade.Waiting = append(d.trade.Waiting, state.Waiting{Cause: *cause, Confirmation: *c})
	return d.work(r, r.Price(before.Asset, before.Day))
}

// checkTrade refuses what does not concern the trade as it stands.
func checkTrade(trade *state.TradeState, c *ingest.Confirmation) refusal {
	switch {
	case trade.Custodian != c.Custodian:
		return refusal{codeWrongCustodian, fmt.Sprintf("trade %s is with %s, not with %s", c.Trade, trade.Custodian, c.Custodian)}
	case trade.Stage == state.StageBatched:
		return refusal{codeNotPlaced, fmt.Sprintf("trade %s is not placed yet", c.Trade)}
	case trade.Stage == state.StageSettled:
		return refusal{codeTradeSettled, fmt.Sprintf("trade %s is settled", c.Trade)}
	case trade.Stage == state.StageRejected:
		return refusal{codeTradeRejected, fmt.Sprintf("trade %s was rejected", c.Trade)}
	}
	return refusal{}
}

// work deals with the waiting confirmations in their order, as far as that can be done.
func (d *desk) work(r *Reference, price *state.KnownPrice) (*state.TradeState, []streams.Out) {
	for {
		n := d.next(r, price)
		if n < 0 {
			return &d.trade, d.outs
		}
		w := d.trade.Waiting[n]
		d.trade.Waiting = slices.Delete(d.trade.Waiting, n, n+1)
		if why := d.apply(r, &w.Cause, &w.Confirmation, price); why.code != "" {
			d.refuse(&w.Cause, &w.Confirmation, why)
			continue
		}
		d.mend(w.Confirmation.ID)
		d.outs = append(d.outs, flushOut(&w.Cause))
	}
}

// next returns which of the waiting confirmations is dealt with next, or -1. A fill needs the released close of the dealing day, and what comes after it
// waits behind it. A settlement may have overtaken the last piece, and waits for it.
func (d *desk) next(r *Reference, price *state.KnownPrice) int {
	for n := range d.trade.Waiting {
		w := &d.trade.Waiting[n]
		switch body := w.Confirmation.Body.(type) {
		case *ingest.FillPriced:
			if price == nil || !price.Released {
				return -1
			}
		case *ingest.TradeSettled:
			if d.trade.Stage == state.StagePlaced && d.checkSettled(r, &w.Cause, body).code == "" {
				continue
			}
		}
		return n
	}
	return -1
}

func (d *desk) apply(r *Reference, cause *inbox.Cause, c *ingest.Confirmation, price *state.KnownPrice) refusal {
	if why := checkTrade(&d.trade, c); why.code != "" {
		return why
	}
	switch body := c.Body.(type) {
	case *ingest.FillPriced:
		return d.fill(r, c, body, price)
	case *ingest.TradeSettled:
		return d.settle(r, cause, c, body)
	case *ingest.TradeRejected:
		why := d.end(c, eventRejected, body.Reason)
		if why.code == "" {
			d.trade.Carries = r.requeues(&d.trade)
		}
		return why
	case *ingest.TradeDeferred:
		return d.deferTrade(r, c, body)
	case *ingest.SettlementFailed:
		return d.failSettlement(c, body)
	}
	panic(fmt.Sprintf("dealing: a confirmation of type %T came through intake from %s", c.Body, cause.Topic))
}

func (d *desk) fill(r *Reference, c *ingest.Confirmation, f *ingest.FillPriced, price *state.KnownPrice) refusal {
	piece, why := d.checkFill(r.quantityDigits(c.Custodian), f, price)
	if why.code != "" {
		return why
	}
	piece.Confirmation = c.ID
	d.trade.Pieces = append(d.trade.Pieces, piece)
	if f.Final {
		d.trade.Stage = state.StagePriced
	}
	d.event(eventPriced+"/"+strconv.Itoa(len(d.trade.Pieces)), func(t *ledger.Trade) {
		t.Piece, t.Final, t.Cash, t.Units = f.Piece, f.Final, cashQuantity(piece.Cash), unitsQuantity(piece.Units, d.trade.UnitsScale)
		t.Price, t.PriceVersion, t.Confirmation = &f.Price, price.Version, c.ID
	})
	return refusal{}
}

// checkFill returns the piece that a fill comes to, of a custodian that reports to so many digits.
func (d *desk) checkFill(digits int, f *ingest.FillPriced, price *state.KnownPrice) (state.Piece, refusal) {
	if why := d.checkPiece(f, price); why.code != "" {
		return state.Piece{}, why
	}
	quanta, exact := f.Units.Quanta(int(d.trade.UnitsScale))
	if !exact {
		return state.Piece{}, refusal{codeUnitsScale, fmt.Sprintf("%s units have more than %d decimals", f.Units, d.trade.UnitsScale)}
	}
	cash, units := soFar(d.trade.Pieces)
	piece := state.Piece{Cash: f.Cash, Units: schemas.Units(quanta), Price: f.Price, PriceVersion: price.Version, Final: f.Final, ConfirmedAt: d.at}
	d.takeRest(&piece, cash, units, digits)
	if why := d.checkLeft(&piece, cash, units); why.code != "" {
		return state.Piece{}, why
	}
	fits := d.accepts || d.plausible(f.Cash, schemas.Units(quanta), f.Price, digits) || d.plausible(piece.Cash, piece.Units, f.Price, digits)
	if !fits || !sayable(units, piece.Units, d.trade.UnitsScale) {
		return state.Piece{}, refusal{codeUnitsMismatch, fmt.Sprintf("%s units at %s are not %s", f.Units, f.Price, f.Cash)}
	}
	return piece, refusal{}
}

// takeRest lets the piece take what is left of the order, where it says so at the precision to which it was reported.
func (d *desk) takeRest(piece *state.Piece, cash schemas.Money, units schemas.Units, digits int) {
	ordered := weightOf(&d.trade)
	if d.trade.Basis == inbox.BasisUnits {
		piece.Units = schemas.Units(taken(int64(piece.Units), ordered-int64(units), digits, piece.Final))
		return
	}
	piece.Cash = schemas.Money(taken(int64(piece.Cash), ordered-int64(cash), digits, piece.Final))
}

// checkLeft refuses a fill of more than is left of the order, more units than the members' sells by cash have reserved, and more cash than a trade
// may bring: pots could not say what they hold.
func (d *desk) checkLeft(piece *state.Piece, cash schemas.Money, units schemas.Units) refusal {
	ordered, scale := weightOf(&d.trade), int(d.trade.UnitsScale)
	if left := schemas.Units(ordered) - units; d.trade.Basis == inbox.BasisUnits && piece.Units > left {
		return refusal{codeOverfill, fmt.Sprintf("%s filled, %s of %s left", piece.Units.Text(scale), left.Text(scale), schemas.Units(ordered).Text(scale))}
	}
	if left := schemas.Money(ordered) - cash; d.trade.Basis == inbox.BasisCash && piece.Cash > left {
		return refusal{codeOverfill, fmt.Sprintf("%s filled, %s of %s left", piece.Cash, left, schemas.Money(ordered))}
	}
	if d.trade.Side == inbox.SideBuy {
		return refusal{}
	}
	if piece.Cash > batch.ProceedsMax-cash {
		return refusal{codeProceedsTooHigh, fmt.Sprintf("a trade may bring %s", batch.ProceedsMax)}
	}
	if d.trade.Basis == inbox.BasisCash && piece.Units > coveredUnits(&d.trade)-units {
		return refusal{codeUnitsNotReserved, fmt.Sprintf("%s units sold, %s of them are reserved for it", piece.Units.Text(scale), (coveredUnits(&d.trade) - units).Text(scale))}
	}
	return refusal{}
}

// checkPiece refuses a fill that is not the next piece, or not at the day's close.
func (d *desk) checkPiece(f *ingest.FillPriced, price *state.KnownPrice) refusal {
	expected := len(d.trade.Pieces) + 1
	switch {
	case int(f.Piece) < expected && d.repeats(f):
		return refusal{codePieceRepeated, fmt.Sprintf("piece %d came before", f.Piece)}
	case d.trade.Stage == state.StagePriced:
		return refusal{codeTradePriced, "the last piece came before"}
	case int(f.Piece) < expected:
		return refusal{codePieceDiffers, fmt.Sprintf("piece %d came before with another content", f.Piece)}
	case int(f.Piece) > expected:
		return refusal{codePieceMissing, fmt.Sprintf("piece %d came, piece %d is missing", f.Piece, expected)}
	case expected > piecesMax:
		return refusal{codeTooManyPieces, fmt.Sprintf("a trade may have %d pieces", piecesMax)}
	case f.Price != price.Price:
		return refusal{codePriceMismatch, fmt.Sprintf("priced at %s, the close of %s on %s is %s", f.Price, d.trade.Asset, d.trade.Day, price.Price)}
	}
	return refusal{}
}

// repeats says whether a fill says of its piece what is known of it.
func (d *desk) repeats(f *ingest.FillPriced) bool {
	if f.Piece < 1 {
		panic(fmt.Sprintf("dealing: piece %d came through intake", f.Piece))
	}
	piece := &d.trade.Pieces[f.Piece-1]
	quanta, exact := f.Units.Quanta(int(d.trade.UnitsScale))
	return exact && piece.Cash == f.Cash && piece.Units == schemas.Units(quanta) && piece.Price == f.Price && piece.Final == f.Final
}

// plausible says whether the units are worth the cash at the price. One of them was ordered, and the other one is rounded: units to a quantum where cash
// was ordered, cash to a penny where units were. A sell by cash may end at the units that are reserved for it, and then it is its cash that is rounded.
// A custodian may round further, to so many digits.
func (d *desk) plausible(cash schemas.Money, units schemas.Units, price schemas.Price, digits int) bool {
	bought, err := schemas.UnitsFor(cash, price, d.trade.UnitsScale)
	if d.trade.Basis == inbox.BasisCash && err == nil && nearly(int64(units), int64(bought), digits) {
		return true
	}
	worth, err := schemas.Worth(units, price, d.trade.UnitsScale)
	return d.trade.Side == inbox.SideSell && err == nil && nearly(int64(cash), int64(worth), digits)
}

// sayable says whether the sum is no more than a trade may move, which is far below what can be written down.
func sayable(got, units schemas.Units, scale int32) bool {
	sum, err := schemas.AddChecked(got, units)
	if err != nil {
		return false
	}
	quantity, err := schemas.QuantityOf(int64(sum), int(scale))
	return err == nil && quantity <= batch.UnitsMax
}

// checkSettled refuses a settlement on a day on which it cannot have been.
func (d *desk) checkSettled(r *Reference, cause *inbox.Cause, s *ingest.TradeSettled) refusal {
	if s.SettledOn < d.trade.SettlesOn {
		return refusal{codeSettledEarly, fmt.Sprintf("settled on %s, due on %s", s.SettledOn, d.trade.SettlesOn)}
	}
	if today, ok := r.LocalDate(cause.ReceivedAt); !ok || s.SettledOn > today {
		return refusal{codeSettledInFuture, fmt.Sprintf("settled on %s, which is still to come", s.SettledOn)}
	}
	return refusal{}
}

// failSettlement notes that a trade did not settle when it was due. Nothing is posted: it settles later, or is given up.
func (d *desk) failSettlement(c *ingest.Confirmation, f *ingest.SettlementFailed) refusal {
	if d.trade.Stage != state.StagePriced {
		return refusal{codeNotPriced, fmt.Sprintf("trade %s is not fully priced", c.Trade)}
	}
	d.trade.Failed = cmp.Or(f.Reason, "no reason given")
	d.event(eventSettlementFailed+"/"+c.ID, func(t *ledger.Trade) {
		t.Confirmation, t.Reason = c.ID, d.trade.Failed
	})
	return refusal{}
}

func (d *desk) settle(r *Reference, cause *inbox.Cause, c *ingest.Confirmation, s *ingest.TradeSettled) refusal {
	if why := d.checkSettled(r, cause, s); why.code != "" {
		return why
	}
	d.trade.Stage, d.trade.SettledOn, d.trade.SettledAt = state.StageSettled, &s.SettledOn, d.at
	cash, units := soFar(d.trade.Pieces)
	d.event(eventSettled, func(t *ledger.Trade) {
		t.Cash, t.Units = cashQuantity(cash), unitsQuantity(units, d.trade.UnitsScale)
		t.SettledOn, t.Confirmation = &s.SettledOn, c.ID
	})
	return refusal{}
}

// end ends a trade that will not be dealt, or not to its end. What was dealt will settle; the shards hear of the rest as of a last piece that moves nothing.
func (d *desk) end(c *ingest.Confirmation, event, reason string) refusal {
	if d.trade.Stage == state.StagePriced {
		return refusal{codeTradePriced, "the last piece came before"}
	}
	d.trade.Reason = reason
	if len(d.trade.Pieces) == 0 {
		d.trade.Stage = state.StageRejected
		d.event(event, func(t *ledger.Trade) { t.Confirmation, t.Reason = c.ID, reason })
		return refusal{}
	}
	last := d.trade.Pieces[len(d.trade.Pieces)-1]
	d.trade.Pieces = append(d.trade.Pieces, state.Piece{Price: last.Price, PriceVersion: last.PriceVersion, Final: true, Confirmation: c.ID, ConfirmedAt: d.at})
	d.trade.Stage = state.StagePriced
	piece := len(d.trade.Pieces)
	d.event(eventPriced+"/"+strconv.Itoa(piece), func(t *ledger.Trade) {
		t.Piece, t.Final = int32(piece), true //nolint:gosec // bounded by piecesMax
		t.Price, t.PriceVersion, t.Confirmation, t.Reason = &last.Price, last.PriceVersion, c.ID, reason
	})
	return refusal{}
}

// event publishes what became of the trade, under a name as tradeEvent takes it.
func (d *desk) event(name string, fill func(*ledger.Trade)) {
	event := tradeEvent(d.place, d.id, &d.trade, d.last, name)
	fill(event)
	if IsStep(event.Event) {
		d.last = event.Event
	}
	d.outs = append(d.outs, tradeOut(event))
}

// soFar sums the pieces.
func soFar(pieces []state.Piece) (cash schemas.Money, units schemas.Units) {
	for i := range pieces {
		cash += pieces[i].Cash
		units += pieces[i].Units
	}
	return cash, units
}

// moved is what the trade has given and got with its first n pieces, in quanta: a buy gives cash for units, a sell units for cash.
func moved(trade *state.TradeState, n int) (given, got int64) {
	cash, units := soFar(trade.Pieces[:n])
	if trade.Side == inbox.SideSell {
		return int64(units), int64(cash)
	}
	return int64(cash), int64(units)
}

// unitsQuantity converts units that a trade moves; a confirmation cannot say more than fits.
func unitsQuantity(units schemas.Units, scale int32) schemas.Quantity {
	q, err := schemas.QuantityOf(int64(units), int(scale))
	if err != nil {
		panic(fmt.Sprintf("dealing: %d units of scale %d: %v", units, scale, err))
	}
	return q
}

func digestOf(c *ingest.Confirmation) state.ConfirmationDigest {
	sum := sha256.Sum256(c.AppendAvro(nil))
	return state.ConfirmationDigest(sum[:16])
}
