package model_test

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
)

// price sends a close of the last days, or an operator's word on one.
func (o *outside) price(a action) {
	f := funds()[a.A%3]
	day := o.date(-(a.B % 4))
	if order, _ := o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.final }); order != nil && a.B%8 != 0 {
		f, day = fundOf(order.Asset), order.DealingDay.String()
	}
	quote, known := o.closes[f.code+day]
	if a.Kind == judges {
		if known {
			o.say("given %s asset=%s day=%s price=%s id=op%d", []string{"Release", "Refusal"}[a.C%2], f.code, day, inPounds(f, quote), len(o.lines))
		}
		return
	}
	if !known || a.C%7 == 0 {
		quote = o.closeOf(f, a)
		o.closes[f.code+day] = quote
	}
	o.say("given Price asset=%s day=%s close=%s%s", f.code, day, quote, map[bool]string{true: " pence"}[f.pence])
}

func fundOf(asset schemas.AssetCode) fund {
	all := funds()
	return all[slices.IndexFunc(all, func(f fund) bool { return f.code == string(asset) })]
}

// closeOf draws a close near the fund's own price; one in sixteen moves far.
func (o *outside) closeOf(f fund, a action) string {
	spread := f.price / 25
	if a.D%16 == 0 {
		spread = f.price / 2
	}
	quanta := f.price - spread + int64(a.C)%(2*spread)
	return big.NewRat(quanta, schemas.Power10(f.decimals)).FloatString(f.decimals)
}

func inPounds(f fund, quote string) string {
	if !f.pence {
		return quote
	}
	r, _ := new(big.Rat).SetString(quote)
	return r.Mul(r, big.NewRat(1, 100)).FloatString(schemas.PriceScale)
}

// confirm lets a custodian say something about one of its orders, mostly what is due.
func (o *outside) confirm(a action) {
	switch a.Kind {
	case fills:
		o.fill(a)
	case settles:
		order, d := o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.settled && (d.final || a.D%8 == 0) })
		if order == nil {
			return
		}
		on := order.SettlesOn
		if a.C%6 == 0 {
			on += schemas.Date(a.C%5) - 2 //nolint:gosec // few
		}
		d.settled = on >= order.SettlesOn && on.String() <= o.date(0) && d.final
		o.say("given Settled %s id=s%d on=%s", which(order), len(o.lines), on)
	default:
		order, d := o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.final || a.D%8 == 0 })
		if order == nil {
			return
		}
		d.final = true
		if d.pieces == 0 {
			d.settled = true
		}
		o.say("given Rejected %s id=r%d reason=closed", which(order), len(o.lines))
	}
}

func which(order *custodian.CustodianOrder) string {
	return fmt.Sprintf("day=%s custodian=%s asset=%s", order.DealingDay, order.Custodian, order.Asset)
}

// fill sends the next piece of an order, or now and then something else: the last one again, one out of turn, too much, a wrong price.
func (o *outside) fill(a action) {
	order, d := o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.final || a.D%10 == 0 })
	if order == nil {
		return
	}
	if d.last != "" && a.D%9 == 0 {
		o.say("%s", d.last)
		return
	}
	f := fundOf(order.Asset)
	quote, known := o.closes[f.code+order.DealingDay.String()]
	if !known {
		quote = o.closeOf(f, a)
	}
	price := inPounds(f, quote)
	left := *order.Cash - d.cash
	cash, final := left, a.B%3 != 0
	if !final || a.C%5 == 0 {
		cash = schemas.Money(1 + int64(a.C)%max(1, int64(left))) //nolint:gosec // pence
	}
	piece := d.pieces + 1
	switch a.D % 23 {
	case 1:
		cash = left + 1
	case 2:
		piece += a.C%3 - 1
	case 3:
		price = "3.5"
	}
	units := o.unitsFor(f, cash, price, a)
	if units == "" || cash <= 0 || piece < 1 {
		return
	}
	line := fmt.Sprintf("given Fill %s id=f%d piece=%d cash=%s units=%s price=%s", which(order), len(o.lines), piece, cash, units, price)
	if final {
		line += " final"
	}
	if a.D%23 == 0 || a.D%23 > 3 {
		d.pieces, d.cash, d.final, d.last = piece, d.cash+cash, final, line
	}
	o.say("%s", line)
}

// unitsFor is what the cash buys at the price, a quantum more or less, or two.
func (o *outside) unitsFor(f fund, cash schemas.Money, price string, a action) string {
	p, _ := new(big.Rat).SetString(price)
	exact := new(big.Rat).Quo(big.NewRat(int64(cash)*schemas.Power10(f.scale), 100), p)
	quanta := new(big.Int).Quo(exact.Num(), exact.Denom()).Int64()
	switch a.C % 12 {
	case 0:
		quanta++
	case 1:
		quanta--
	case 2:
		quanta += 2
	}
	if quanta <= 0 {
		return ""
	}
	return big.NewRat(quanta, schemas.Power10(f.scale)).FloatString(f.scale)
}
