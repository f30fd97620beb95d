package dealing

import (
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
}

func newDesk(place streams.Place, id schemas.ID, before *state.TradeState) *desk {
	d := &desk{place: place, id: id, trade: *before}
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
	if i := slices.IndexFunc(before.Seen, func(s state.SeenConfirmation) bool { return s.ID == c.ID }); i >= 0 {
		if before.Seen[i].Digest == digest {
			return before, nil
		}
		return refuse(codeConflictingConfirmation, fmt.Sprintf("confirmation %s came before with another content", c.ID))
	}
	if why := checkTrade(before, c); why.code != "" {
		return refuse(why.code, why.reason)
	}
	if len(before.Waiting) >= waitingMax || len(before.Seen) >= seenMax {
		return refuse(codeTooManyWaiting, fmt.Sprintf("trade %s has more confirmations than it may have", c.Trade))
	}
	d := newDesk(place, c.Trade, before)
	d.trade.Seen = append(d.trade.Seen, state.SeenConfirmation{ID: c.ID, Digest: digest})
	d.trade.Waiting = append(d.trade.Waiting, state.Waiting{Cause: *cause, Confirmation: *c})
	return d.work(r, r.price(before.Asset, before.Day))
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

// work deals with the waiting confirmations in their order, as far as that can be done: a fill needs the released close
// of the dealing day, and what comes after it waits behind it.
func (d *desk) work(r *Reference, price *state.KnownPrice) (*state.TradeState, []streams.Out) {
	for len(d.trade.Waiting) > 0 {
		w := d.trade.Waiting[0]
		if _, fill := w.Confirmation.Body.(*ingest.FillPriced); fill && (price == nil || !price.Released) {
			break
		}
		d.trade.Waiting = d.trade.Waiting[1:]
		before := eventOf(&d.trade)
		if why := d.apply(r, &w.Cause, &w.Confirmation, price); why.code != "" {
			d.outs = append(d.outs, rejectionOut(d.place, &w.Cause, why))
			d.forget(w.Confirmation.ID)
		} else {
			LifeCycle().Check("a trade", before, eventOf(&d.trade))
			d.outs = append(d.outs, flushOut(&w.Cause))
		}
	}
	return &d.trade, d.outs
}

// forget lets a refused confirmation be judged anew when it is sent again: by then the piece that was missing may have come. What is
// refused must not use up what a trade may remember either.
func (d *desk) forget(id string) {
	d.trade.Seen = slices.DeleteFunc(d.trade.Seen, func(s state.SeenConfirmation) bool { return s.ID == id })
}

func (d *desk) apply(r *Reference, cause *inbox.Cause, c *ingest.Confirmation, price *state.KnownPrice) refusal {
	if why := checkTrade(&d.trade, c); why.code != "" {
		return why
	}
	switch body := c.Body.(type) {
	case *ingest.FillPriced:
		return d.fill(c, body, price)
	case *ingest.TradeSettled:
		return d.settle(r, cause, c, body)
	case *ingest.TradeRejected:
		return d.reject(c, body)
	}
	panic(fmt.Sprintf("dealing: a confirmation of type %T came through intake from %s", c.Body, cause.Topic))
}

func (d *desk) fill(c *ingest.Confirmation, f *ingest.FillPriced, price *state.KnownPrice) refusal {
	units, why := d.checkFill(f, price)
	if why.code != "" {
		return why
	}
	d.trade.Pieces = append(d.trade.Pieces, state.Piece{
		Cash: f.Cash, Units: units, Price: f.Price, PriceVersion: price.Version, Final: f.Final, Confirmation: c.ID,
	})
	if f.Final {
		d.trade.Stage = state.StagePriced
	}
	d.event(eventPriced+"/"+strconv.Itoa(len(d.trade.Pieces)), func(t *ledger.Trade) {
		t.Event, t.Piece, t.Final, t.Cash, t.Units = eventPriced, f.Piece, f.Final, cashQuantity(f.Cash), f.Units
		t.Price, t.PriceVersion, t.Confirmation = &f.Price, price.Version, c.ID
	})
	return refusal{}
}

// checkFill returns the piece's units in the asset's quanta.
func (d *desk) checkFill(f *ingest.FillPriced, price *state.KnownPrice) (schemas.Units, refusal) {
	expected := len(d.trade.Pieces) + 1
	switch {
	case d.trade.Stage == state.StagePriced:
		return 0, refusal{codeTradePriced, "the last piece came before"}
	case int(f.Piece) < expected:
		return 0, refusal{codePieceRepeated, fmt.Sprintf("piece %d came before", f.Piece)}
	case int(f.Piece) > expected:
		return 0, refusal{codePieceMissing, fmt.Sprintf("piece %d came, piece %d is missing", f.Piece, expected)}
	case expected > piecesMax:
		return 0, refusal{codeTooManyPieces, fmt.Sprintf("a trade may have %d pieces", piecesMax)}
	case f.Price != price.Price:
		return 0, refusal{codePriceMismatch, fmt.Sprintf("priced at %s, the close of %s on %s is %s", f.Price, d.trade.Asset, d.trade.Day, price.Price)}
	}
	quanta, exact := f.Units.Quanta(int(d.trade.UnitsScale))
	if !exact {
		return 0, refusal{codeUnitsScale, fmt.Sprintf("%s units have more than %d decimals", f.Units, d.trade.UnitsScale)}
	}
	cash, units := soFar(d.trade.Pieces)
	if why := d.checkLeft(f, cash, units, quanta); why.code != "" {
		return 0, why
	}
	if !d.plausible(f, quanta) || !sayable(units, schemas.Units(quanta), d.trade.UnitsScale) {
		return 0, refusal{codeUnitsMismatch, fmt.Sprintf("%s units at %s are not %s", f.Units, f.Price, f.Cash)}
	}
	return schemas.Units(quanta), refusal{}
}

// checkLeft refuses a fill of more than is left of the order, more units than the members' sells by cash have reserved, and more cash than a trade
// may bring: pots could not say what they hold.
func (d *desk) checkLeft(f *ingest.FillPriced, cash schemas.Money, units schemas.Units, quanta int64) refusal {
	ordered, scale := weightOf(&d.trade), int(d.trade.UnitsScale)
	if left := ordered - int64(units); d.trade.Basis == inbox.BasisUnits && quanta > left {
		return refusal{codeOverfill, fmt.Sprintf("%s filled, %s of %s left", f.Units, schemas.Units(left).Text(scale), schemas.Units(ordered).Text(scale))}
	}
	if left := schemas.Money(ordered) - cash; d.trade.Basis == inbox.BasisCash && f.Cash > left {
		return refusal{codeOverfill, fmt.Sprintf("%s filled, %s of %s left", f.Cash, left, schemas.Money(ordered))}
	}
	if d.trade.Side == inbox.SideBuy {
		return refusal{}
	}
	if f.Cash > batch.ProceedsMax-cash {
		return refusal{codeProceedsTooHigh, fmt.Sprintf("a trade may bring %s", batch.ProceedsMax)}
	}
	if d.trade.Basis == inbox.BasisCash && quanta > int64(coveredUnits(&d.trade)-units) {
		return refusal{codeUnitsNotReserved, fmt.Sprintf("%s units sold, %s of them are reserved for it", f.Units, (coveredUnits(&d.trade) - units).Text(scale))}
	}
	return refusal{}
}

// plausible says whether the units are worth the cash at the price. One of them was ordered, and the other one is rounded: units to a quantum where cash
// was ordered, cash to a penny where units were. A sell by cash may end at the units that are reserved for it, and then it is its cash that is rounded.
func (d *desk) plausible(f *ingest.FillPriced, units int64) bool {
	factor := schemas.Power10(schemas.PriceScale - schemas.MoneyScale + int(d.trade.UnitsScale))
	exactUnits, err := schemas.MulDivFloor(int64(f.Cash), factor, int64(f.Price))
	if d.trade.Basis == inbox.BasisCash && err == nil && units-exactUnits >= -1 && units-exactUnits <= 1 {
		return true
	}
	exactCash, err := schemas.MulDivFloor(units, int64(f.Price), factor)
	return d.trade.Side == inbox.SideSell && err == nil && int64(f.Cash)-exactCash >= -1 && int64(f.Cash)-exactCash <= 1
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

func (d *desk) settle(r *Reference, cause *inbox.Cause, c *ingest.Confirmation, s *ingest.TradeSettled) refusal {
	if d.trade.Stage != state.StagePriced {
		return refusal{codeNotPriced, fmt.Sprintf("trade %s is not fully priced", c.Trade)}
	}
	if s.SettledOn < d.trade.SettlesOn {
		return refusal{codeSettledEarly, fmt.Sprintf("settled on %s, due on %s", s.SettledOn, d.trade.SettlesOn)}
	}
	if today, ok := r.LocalDate(cause.ReceivedAt); !ok || s.SettledOn > today {
		return refusal{codeSettledInFuture, fmt.Sprintf("settled on %s, which is still to come", s.SettledOn)}
	}
	d.trade.Stage, d.trade.SettledOn = state.StageSettled, &s.SettledOn
	cash, units := soFar(d.trade.Pieces)
	d.event(eventSettled, func(t *ledger.Trade) {
		t.Cash, t.Units = cashQuantity(cash), unitsQuantity(units, d.trade.UnitsScale)
		t.SettledOn, t.Confirmation = &s.SettledOn, c.ID
	})
	return refusal{}
}

func (d *desk) reject(c *ingest.Confirmation, r *ingest.TradeRejected) refusal {
	if len(d.trade.Pieces) > 0 {
		return d.rejectRest(c, r)
	}
	d.trade.Stage, d.trade.Reason = state.StageRejected, r.Reason
	d.event(eventRejected, func(t *ledger.Trade) { t.Confirmation, t.Reason = c.ID, r.Reason })
	return refusal{}
}

// rejectRest ends a trade of which pieces were dealt: what was dealt will settle, the rest goes back. The shards hear of it as of a last
// piece that moves nothing.
func (d *desk) rejectRest(c *ingest.Confirmation, r *ingest.TradeRejected) refusal {
	if d.trade.Stage == state.StagePriced {
		return refusal{codeTradePriced, "the last piece came before"}
	}
	last := d.trade.Pieces[len(d.trade.Pieces)-1]
	d.trade.Pieces = append(d.trade.Pieces, state.Piece{Price: last.Price, PriceVersion: last.PriceVersion, Final: true, Confirmation: c.ID})
	d.trade.Stage, d.trade.Reason = state.StagePriced, r.Reason
	piece := len(d.trade.Pieces)
	d.event(eventPriced+"/"+strconv.Itoa(piece), func(t *ledger.Trade) {
		t.Event, t.Piece, t.Final = eventPriced, int32(piece), true //nolint:gosec // bounded by piecesMax
		t.Price, t.PriceVersion, t.Confirmation, t.Reason = &last.Price, last.PriceVersion, c.ID, r.Reason
	})
	return refusal{}
}

// event publishes what became of the trade.
func (d *desk) event(name string, fill func(*ledger.Trade)) {
	out := tradeOut(d.place, d.id, &d.trade, name)
	fill(out.Value.(*ledger.Trade)) //nolint:forcetypeassert // tradeOut made it
	d.outs = append(d.outs, out)
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
