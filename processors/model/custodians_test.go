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
		quote = o.closeOf(f, day, a)
		o.closes[f.code+day] = quote
	}
	o.say("given Price asset=%s day=%s close=%s%s", f.code, day, quote, map[bool]string{true: " pence"}[f.pence])
}

// correct lets an operator put another price in the place of one that was dealt at, or, now and then, of any other.
func (o *outside) correct(a action) {
	f := funds()[a.A%3]
	day := o.date(-(a.B % 4))
	old := inPounds(f, f.decimal(f.price))
	quote := o.closeOf(f, day, a)
	order, d := o.next(a, func(order *custodian.CustodianOrder, d *dealt) bool {
		return d.price != nil && (a.B%2 == 0 || !d.settled) && (a.C%3 == 0 || kindOf(order) != "buy")
	})
	if order != nil && a.D%16 != 1 {
		f, day, old = fundOf(order.Asset), order.DealingDay.String(), d.price.String()
		quote = o.closeOf(f, day, a)
		o.closes[f.code+day] = quote
	} else if known, ok := o.closes[f.code+day]; ok {
		old = inPounds(f, known)
	}
	o.say("given PriceCorrection asset=%s day=%s old=%s new=%s id=op%d", f.code, day, old, inPounds(f, quote), len(o.lines))
}

func fundOf(asset schemas.AssetCode) fund {
	all := funds()
	return all[slices.IndexFunc(all, func(f fund) bool { return f.code == string(asset) })]
}

// closeOf draws a close near the fund's own price; one in sixteen moves far.
func (o *outside) closeOf(f fund, day string, a action) string {
	near := f.price
	for _, s := range o.splits {
		if s.code == f.code && s.into == "" && s.on <= day {
			near = near * s.old / s.new
		}
	}
	spread := max(1, near/25)
	if a.D%16 == 0 {
		spread = max(1, near/2)
	}
	return f.decimal(max(1, near-spread+int64(a.C)%(2*spread)))
}

// decimal writes a price of the fund.
func (f fund) decimal(quanta int64) string {
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
		order, _ := o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.settled && (d.final || a.D%8 == 0) })
		if order == nil {
			return
		}
		on := order.SettlesOn
		if a.C%6 == 0 {
			on += schemas.Date(a.C%5) - 2 //nolint:gosec // few
		}
		o.say("given Settled %s id=s%d on=%s", which(order), len(o.lines), on)
	default:
		o.refuse(a)
	}
}

// refuse lets a custodian reject or defer one of its orders, or what is left of it.
func (o *outside) refuse(a action) {
	due := func(order *custodian.CustodianOrder, d *dealt) bool {
		return !d.final && (d.pieces > 0 || a.C%2 == 0) && (a.D%3 == 0 || kindOf(order) != "buy") || a.D%8 == 0
	}
	order, _ := o.next(a, due)
	if order == nil {
		order, _ = o.next(a, func(_ *custodian.CustodianOrder, d *dealt) bool { return !d.final && (d.pieces > 0 || a.C%2 == 0) })
	}
	if order == nil {
		return
	}
	switch a.B % 5 {
	case 0, 1:
		o.say("given Rejected %s id=r%d reason=closed", which(order), len(o.lines))
	case 2:
		o.say("given Deferred %s id=r%d reason=gated", which(order), len(o.lines))
	default:
		o.say("given Deferred %s id=r%d reason=suspended until=%s", which(order), len(o.lines), o.date(a.C%9-2))
	}
}

// giveUp lets a custodian fail to settle, and mostly an operator give that settlement up, once all clocks have told the time.
func (o *outside) giveUp(a action) {
	order, d := o.next(a, func(order *custodian.CustodianOrder, d *dealt) bool {
		return d.final && !d.settled && d.pieces > 0 && (a.C%3 == 0 || kindOf(order) != "buy")
	})
	if order == nil {
		return
	}
	if !d.failed || a.B%4 == 0 {
		o.say("given SettlementFailed %s id=u%d reason=no-units", which(order), len(o.lines))
		d.failed = true
	}
	if a.D%4 > 0 {
		o.say("given Tick")
		o.say("given GiveUp %s id=op%d", which(order), len(o.lines))
	}
}

func which(order *custodian.CustodianOrder) string {
	return fmt.Sprintf("day=%s custodian=%s asset=%s%s", order.DealingDay, order.Custodian, order.Asset, map[string]string{"units": " sell=units", "cash": " sell=cash"}[kindOf(order)])
}

// kindOf says what an order is for: a buy, or a sell by units or by cash.
func kindOf(order *custodian.CustodianOrder) string {
	switch {
	case order.Side == custodian.OrderSideBuy:
		return "buy"
	case order.Cash != nil:
		return "cash"
	}
	return "units"
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
		quote = o.closeOf(f, order.DealingDay.String(), a)
	}
	price := inPounds(f, quote)
	piece, final := d.pieces+1, a.B%3 != 0
	switch a.D % 23 {
	case 2:
		piece += a.C%3 - 1
	case 3:
		price = "3.5"
	}
	cash, units := o.dealt(order, d, f, price, final, a)
	if units == "" || cash <= 0 || piece < 1 {
		return
	}
	line := fmt.Sprintf("given Fill %s id=f%d piece=%d cash=%s units=%s price=%s", which(order), len(o.lines), piece, cash, units, price)
	if final {
		line += " final"
	}
	d.last = line
	o.say("%s", line)
}

// dealt draws a piece: all that is left or a part of it, now and then too much; what is not ordered follows from the price, a little off sometimes.
func (o *outside) dealt(order *custodian.CustodianOrder, d *dealt, f fund, price string, final bool, a action) (schemas.Money, string) {
	p, _ := new(big.Rat).SetString(price)
	pick := func(left int64) int64 {
		switch {
		case a.D%23 == 1:
			return left + 1
		case !final || a.C%5 == 0:
			return 1 + int64(a.C)%max(1, left)
		}
		return left
	}
	off := []int64{1, -1, 2}[a.C%3]
	if a.C%4 != 0 {
		off = 0
	}
	one := schemas.Power10(f.scale)
	if kindOf(order) == "units" {
		most, _ := order.Units.Quanta(f.scale)
		done, _ := d.units.Quanta(f.scale)
		units := pick(most - done)
		paid := new(big.Rat).Mul(big.NewRat(units*100, one), p)
		if units <= 0 {
			return 0, ""
		}
		return schemas.Money(whole(paid) + off), big.NewRat(units, one).FloatString(f.scale)
	}
	done, _ := d.cash.Quanta(schemas.MoneyScale)
	cash := pick(int64(*order.Cash) - done)
	units := whole(new(big.Rat).Quo(big.NewRat(cash*one, 100), p)) + off
	if order.Units != nil && a.D%4 == 0 { // a sell by cash may end at the units that are reserved for it
		most, _ := order.Units.Quanta(f.scale)
		done, _ := d.units.Quanta(f.scale)
		units = most - done + max(0, off)
		cash = min(cash, whole(new(big.Rat).Mul(big.NewRat(units*100, one), p)))
	}
	if units <= 0 {
		return 0, ""
	}
	return schemas.Money(cash), big.NewRat(units, one).FloatString(f.scale)
}

// whole rounds down.
func whole(r *big.Rat) int64 { return new(big.Int).Quo(r.Num(), r.Denom()).Int64() }

// next is an order that a custodian has something to say about, or nil.
func (o *outside) next(a action, wanted func(*custodian.CustodianOrder, *dealt) bool) (*custodian.CustodianOrder, *dealt) {
	var found []*custodian.CustodianOrder
	for _, order := range o.orders {
		if wanted(order, o.desk[order.Trade]) {
			found = append(found, order)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	// What keeps a split from being done comes to its end first, mostly.
	if due := slices.DeleteFunc(slices.Clone(found), func(order *custodian.CustodianOrder) bool { return !o.isSplit(order) }); len(due) > 0 && a.B%4 > 0 {
		found = due
	}
	order := found[a.A%len(found)]
	return order, o.desk[order.Trade]
}

// isSplit says whether the order is in units that are split since.
func (o *outside) isSplit(order *custodian.CustodianOrder) bool {
	return slices.ContainsFunc(o.splits, func(s announced) bool {
		return s.code == string(order.Asset) && order.DealingDay.String() < s.on && s.on <= o.date(0)
	})
}
