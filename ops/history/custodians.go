package history

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// numberOf is a number that is the same for an id in every run.
func numberOf(id schemas.ID) uint64 { return uint64(id[0])<<16 | uint64(id[7])<<8 | uint64(id[13]) }

// AnswersTo are a custodian's confirmations of an order's pricing: a rejection, or a fill in up to three pieces, with noise between
// them that must change nothing: repetitions, wrong prices, pieces that do not fit. Before a piece the fund may be gated, and the rest put off.
func (w *World) AnswersTo(o *custodian.CustodianOrder) []*ingest.Confirmation {
	trade := numberOf(o.Trade)
	confirm := func(id string, body ingest.ConfirmationBody) *ingest.Confirmation {
		return &ingest.Confirmation{Custodian: o.Custodian, ID: id, Trade: o.Trade, Body: body}
	}
	rejection := []*ingest.Confirmation{confirm("no", &ingest.TradeRejected{Reason: "fund is closed"})}
	pieces := w.pieces(o)
	if len(pieces) == 0 || w.dice(7, aboutRejection, trade) == 0 {
		return rejection
	}
	var all []*ingest.Confirmation
	for n := range pieces {
		if w.mayDefer(o) && w.dice(6, aboutDeferral, trade, uint64(n)) == 0 {
			return append(all, confirm("later", w.deferral(o)))
		}
		fill := confirm("fill-"+string(rune('1'+n)), &pieces[n])
		if w.dice(3, aboutNoise, trade, uint64(n)) == 0 {
			wrong := pieces[n]
			wrong.Price += 1_0000
			all = append(all, confirm("wrong-"+string(rune('1'+n)), &wrong))
		}
		all = append(all, fill)
		if w.dice(3, aboutNoise, trade, uint64(n), 1) == 0 {
			again := *fill
			over := tooMuch(o, pieces[n])
			all = append(all, &again, confirm("over-"+string(rune('1'+n)), &over), confirm(fill.ID, &over))
		}
	}
	return append(all, rejection...)
}

// mayDefer says whether the custodian may put off what it was to deal: not where histories come to their end, nor into days on which units are split.
func (w *World) mayDefer(o *custodian.CustodianOrder) bool {
	return o.DealingDay <= w.gatedThrough() && (o.Asset != w.splitOf || o.DealingDay+2 < w.splitOn)
}

// deferral puts off what was not dealt, to the next day or to a later one.
func (w *World) deferral(o *custodian.CustodianOrder) *ingest.TradeDeferred {
	d := &ingest.TradeDeferred{Reason: "fund is gated"}
	if w.dice(3, aboutDeferral, numberOf(o.Trade)) == 0 {
		until := o.DealingDay + 2
		d.Until = &until
	}
	return d
}

// tooMuch is a piece of more than was ordered.
func tooMuch(o *custodian.CustodianOrder, piece ingest.FillPriced) ingest.FillPriced {
	if o.Cash == nil {
		piece.Units = *o.Units + schemas.Quantity(schemas.Power10(schemas.QuantityScale-int(o.UnitsScale)))
		return piece
	}
	piece.Cash = *o.Cash + 1
	return piece
}

// counter is where a custodian makes the pieces of an order.
type counter struct {
	order  *custodian.CustodianOrder
	price  schemas.Price
	digits int // to which quantities are reported; 0 for all
	// left is what is left of the order: pennies, or quanta of units where so many were ordered.
	left int64
	// covered is how many quanta a sell by cash may still give.
	covered int64
}

func (w *World) counter(o *custodian.CustodianOrder) *counter {
	c := &counter{order: o, price: w.priceOf(assetNumber(o.Asset), o.DealingDay)}
	if o.Custodian == "EUROCLEAR" {
		c.digits = digitsOfEuroclear
	}
	units := int64(0)
	if o.Units != nil {
		units, _ = o.Units.Quanta(int(o.UnitsScale))
	}
	if o.Cash == nil {
		c.left = units
	} else {
		c.left, c.covered = int64(*o.Cash), units
	}
	return c
}

// pieces divides an order into fills. Its last one may leave something over.
func (w *World) pieces(o *custodian.CustodianOrder) []ingest.FillPriced {
	c, trade := w.counter(o), numberOf(o.Trade)
	var pieces []ingest.FillPriced
	want := int(w.dice(3, aboutPieces, trade)) + 1
	for n := range want {
		part := c.left
		if n < want-1 {
			part = int64(w.dice(uint64(c.left)+1, aboutCash, trade, uint64(n))) //nolint:gosec // not negative
		} else if w.dice(4, aboutCash, trade, 99) == 0 {
			part -= part / 10
		}
		cash, units := c.deal(part)
		if units == 0 || cash == 0 {
			continue // a custodian does not confirm nothing
		}
		quantity, err := schemas.QuantityOf(units, int(o.UnitsScale))
		if err != nil {
			panic(err)
		}
		pieces = append(pieces, ingest.FillPriced{Piece: int32(len(pieces) + 1), Cash: schemas.Money(cash), Units: quantity, Price: c.price}) //nolint:gosec // few
	}
	if len(pieces) > 0 {
		pieces[len(pieces)-1].Final = true
	}
	return pieces
}

// deal deals a part of what is left, and returns what is reported of it. A sell by cash ends at the units that members have reserved for it. Of an order
// of units only the rest is rounded, for whoever gives units knows what is left.
func (c *counter) deal(part int64) (cash, units int64) {
	scale := int(c.order.UnitsScale)
	if c.order.Cash == nil {
		units, cash = part, cashFor(part, scale, c.price)
		if part == c.left {
			units = rounded(units, c.digits)
		}
		if cash > 0 {
			c.left -= part
		}
		return cash, units
	}
	cash, units = part, rounded(unitsFor(part, scale, c.price), c.digits)
	if c.order.Units != nil && units > c.covered {
		units = c.covered
		cash = cashFor(units, scale, c.price)
	}
	if units > 0 && cash > 0 {
		c.left -= cash
		c.covered -= units
	}
	return cash, units
}

// rounded rounds to so many digits, a half upwards.
func rounded(quanta int64, digits int) int64 {
	if digits == 0 {
		return quanta
	}
	step := int64(1)
	for quanta/step >= schemas.Power10(digits) {
		step *= 10
	}
	return (quanta + step/2) / step * step
}

// unitsFor are the quanta of units that so many pennies buy, cashFor the pennies that so many quanta bring.
func unitsFor(pennies int64, scale int, price schemas.Price) int64 {
	return mustFloor(pennies, schemas.Power10(schemas.PriceScale-schemas.MoneyScale+scale), int64(price))
}

func cashFor(quanta int64, scale int, price schemas.Price) int64 {
	return mustFloor(quanta, int64(price), schemas.Power10(schemas.PriceScale-schemas.MoneyScale+scale))
}

func mustFloor(a, b, c int64) int64 {
	n, err := schemas.MulDivFloor(a, b, c)
	if err != nil {
		panic(err)
	}
	return n
}
