package model_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
)

// action is what somebody outside does next. Its numbers say which of what is possible, by their remainders: an action means something
// whatever came before it, so that a history may lose any of them.
type action struct {
	Kind       kind
	A, B, C, D int
}

type kind int

// The kinds of action.
const (
	nothing kind = iota
	contributes
	contributesSplit
	buys
	sells
	switches
	withdraws
	leaves
	claims
	banks
	declares
	reverses
	cancels
	repeats
	contradicts
	misdates
	opens
	ticks
	morning
	prices
	judges
	corrects
	fills
	settles
	rejects
	givesUp
	reviews
	refunds
	gives
	hands
	kinds
)

// often lists the kinds as often as they happen.
func often() []kind {
	return []kind{
		contributesSplit, fills, contributes, prices, buys, morning, settles, ticks, cancels, fills, contributesSplit, buys, prices, repeats, settles, ticks, sells, sells,
		withdraws, banks, banks, banks, declares, sells, prices, fills, settles, morning, fills, prices, fills, settles, sells,
		contributes, morning, contradicts, misdates, opens, fills, prices, judges, rejects, contributesSplit, fills, settles, ticks, buys,
		corrects, corrects, switches, switches, switches, reverses, declares, declares, leaves, claims, givesUp, givesUp, reviews, reviews,
		refunds, gives, gives, gives, hands, hands, hands, hands, hands,
	}
}

// outside are members, vendors, custodians and operators: they know what they sent, and the orders that they were sent.
type outside struct {
	*rig
	lines []string
	ids   int
	sent  []string // instructions
	// day counts from the first Monday, minute from its midnight.
	day, minute int
	closes      map[string]string  // by asset and day: what was sent last
	refunded    []string           // the operators' acts that send cash back
	banked      map[schemas.ID]int // how often the bank spoke of a payment of all of a pot
	returned    []string           // the references under which payments are held that came back for closed pots
	accrued     int                // the next day for which the annual charge is to accrue
	scheduled   bool               // the annual charge may accrue by itself
	splits      []announced
	spoken      []*spoken // units in specie
	heard       int       // of the orders to deliver them
	saidOfUnits []string
}

const (
	daysMax = 45
	lastPot = 4 // the pots are p0 to p4; the last is not opened at first
	// There are as many others, which may be transferred out and closed.
	leavingPots = 4
	// And one that gets nothing but units in specie, and is closed when it has given all of them away.
	handedPot = "u0"
)

// monday is 17 March 2008; the Friday after it and the Monday after that are closed, as they were in London.
const monday schemas.Date = 13955

type fund struct {
	code, custodian, row string
	scale                int
	pence                bool
	price                int64 // in the last decimal of its prices
	decimals             int
}

func funds() []fund {
	return []fund{
		{"GB00X", "CREST", "calendar=london scale=3 price-scale=4 lag=2", 3, false, 12_345, 4},
		{"GB00Y", "CREST", "calendar=london scale=4 price-scale=2 lag=0 pence inclusive", 4, true, 31_415, 2},
		{"GB00Z", "EURO", "calendar=platform scale=6 price-scale=8 lag=3 cut-off=15:00 requeue", 6, false, 271_828_182, 8},
	}
}

// begin is how every history begins.
func begin() []string {
	lines := []string{
		"at 2008-03-14 09:00",
		"given Calendar id=c1 name=platform from=2008-01-01 through=2009-12-31 closed=2008-03-21",
		"given Calendar id=c2 name=london from=2008-01-01 through=2009-12-31 closed=2008-03-21,2008-03-24",
		"given Custodian id=c3 custodian=CREST", "given Custodian id=c4 custodian=EURO",
		"given Settings id=c5 from=2008-01-01 calendar=platform backdating=90 review-above=270.00 review-days=1",
	}
	for _, f := range funds() {
		lines = append(lines, fmt.Sprintf("given Asset id=%[1]s asset=%[1]s custodian=%[2]s from=2008-01-01 %[3]s", f.code, f.custodian, f.row))
	}
	lines = append(lines,
		"given GlidePath id=g1 path=LIFESTYLE from=2008-01-01 5-years=GB00X:1 0-years=GB00Y:0.333333,GB00Z:0.666667",
		"given GlidePath id=g2 path=LIFESTYLE from=2008-03-25 5-years=GB00Z:0.5,GB00X:0.5 4-years=GB00X:0.000001,GB00Z:0.999999 0-years=GB00X:1",
		"given GlidePath id=g3 path=LATER from=2008-03-19 0-years=GB00Z:1",
		"given Tick", "at 2008-03-17 08:00")
	for p := range lastPot {
		lines = append(lines, fmt.Sprintf("given PotOpened pot=p%d id=open dated=2008-03-17", p))
	}
	for p := range leavingPots {
		lines = append(lines, fmt.Sprintf("given PotOpened pot=q%d id=open dated=2008-03-17", p))
	}
	return append(lines, fmt.Sprintf("given PotOpened pot=%s id=open dated=2008-03-17", handedPot))
}

// say plays a line and keeps it.
func (o *outside) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	o.lines = append(o.lines, line)
	o.play(line)
}

// date is today, or so many days later.
func (o *outside) date(more int) string {
	return (monday + schemas.Date(o.day+more)).String() //nolint:gosec // days are few
}

// later moves the clock.
func (o *outside) later(minutes int) {
	if minutes <= 0 || o.minute+minutes >= 24*60 {
		return
	}
	o.minute += minutes
	o.clock()
}

func (o *outside) clock() { o.say("at %s %02d:%02d", o.date(0), o.minute/60, o.minute%60) }

// do lets an action happen.
func (o *outside) do(a action) {
	switch a.Kind {
	case contributes, contributesSplit, buys, sells, switches, withdraws, leaves, claims, cancels, misdates, opens, gives:
		o.later(a.D % 40)
		if o.sold(&a) {
			o.instruct(a)
		}
	case repeats:
		if len(o.sent) > 0 {
			o.say("%s", o.sent[len(o.sent)-1-a.A%len(o.sent)])
		}
	case contradicts:
		if len(o.sent) > 0 {
			words := strings.Fields(o.sent[len(o.sent)-1-a.A%len(o.sent)])
			o.say("given Buy %s %s asset=%s cash=%s dated=%s", words[2], words[3], funds()[a.B%3].code, pounds(a.C), o.date(0))
		}
	case ticks:
		o.later(a.A % 300)
		o.say("given Tick")
	case morning:
		o.nextMorning(a)
	case prices, judges:
		o.price(a)
	case corrects:
		o.correct(a)
	case banks:
		o.bank(a)
	case declares:
		o.declare(a)
	case reverses:
		o.reverse(a)
	case rejects:
		if a.C%3 == 0 {
			a.Kind = fills
		}
		o.confirm(a)
	case fills, settles:
		o.confirm(a)
	case givesUp:
		o.giveUp(a)
	case reviews:
		o.review(a)
	case refunds:
		o.refund(a)
	case hands:
		o.hand(a)
	case nothing, kinds:
	}
}

func (o *outside) nextMorning(a action) {
	if o.day >= daysMax {
		return
	}
	if a.B%4 != 0 {
		o.later(20*60 - o.minute)
		o.say("given Tick")
	}
	o.day += 1 + a.A%2
	o.minute = 8 * 60
	o.clock()
}

func pounds(pence int) string { return schemas.Money(1 + pence%30_000).String() }

func (o *outside) instruct(a action) {
	o.ids++
	who := fmt.Sprintf("pot=%s id=i%d", o.pot(a), o.ids)
	if a.Kind == contributes && strings.HasPrefix(who, "pot=q") {
		a.Kind = contributesSplit // a pot without cash is charged by units
	}
	what, dated := "PotOpened "+who, o.date(-(a.C % 2))
	switch a.Kind { //nolint:exhaustive // what else there is opens a pot
	case contributes:
		what = "Contribution " + who + " cash=" + pounds(a.C)
		if a.D%3 == 0 {
			what = "InvestmentChoice " + who + o.choice(a)
		}
	case contributesSplit:
		what = "Contribution " + who + " cash=" + pounds(a.C) + " split=" + o.split(a)
		if a.D%3 == 0 {
			what = "Contribution " + who + " cash=" + pounds(a.C) + " by-choice"
		}
	case buys:
		what = "Buy " + who + " asset=" + o.ordered(a.B).code + " cash=" + pounds(a.C)
	case sells:
		what = "Sell " + o.holder(a, who) + " " + howMuch(a)
	case switches:
		from := o.holder(a, who)
		into := o.ordered(a.B).code
		for n := 1; strings.HasSuffix(from, into); n++ {
			into = funds()[(a.B+n)%3].code
		}
		what = "Switch " + from + " " + howMuch(a) + " into=" + into
	case claims:
		if a.B%2 == 0 {
			o.say("given CashReceived reference=R%d id=n%d cash=%s on=%s", a.C%8, len(o.lines), pounds(a.D), o.date(0))
			return
		}
		what = fmt.Sprintf("TransferIn %s reference=%s", who, o.reference(a))
	case gives:
		what = o.give(a, who)
	case leaves:
		what = []string{"TransferOut ", "Close ", "TransferOut "}[a.B%3] + fmt.Sprintf("pot=q%d id=i%d", a.A%leavingPots, o.ids)
	case withdraws:
		what = "Withdraw " + who + " cash=" + pounds(a.C%3_000)
	case cancels:
		what = "Cancel " + who + " instruction=" + o.earlier(a)
	case misdates:
		what, dated = "Contribution "+who+" cash="+pounds(a.C), o.date([]int{1, -91, -90, -400, 30}[a.B%5])
	}
	line := "given " + what + " dated=" + dated
	o.sent = append(o.sent, line)
	o.say("%s", line)
}

// pot is whose an instruction is.
func (o *outside) pot(a action) string {
	switch {
	case a.A%16 == 0:
		return fmt.Sprintf("p%d", lastPot)
	case a.A%16 < 5:
		return fmt.Sprintf("q%d", a.C%leavingPots)
	}
	return fmt.Sprintf("p%d", a.A%lastPot)
}

// sold says whether there is something to instruct: as long as nobody has units to sell, custodians do something instead, mostly.
func (o *outside) sold(a *action) bool {
	if a.Kind != sells && a.Kind != switches && a.Kind != gives || a.C%8 == 0 || strings.Contains(o.holder(*a, ""), "pot=") {
		return true
	}
	a.Kind = []kind{fills, settles, prices}[a.D%3]
	if a.Kind == prices {
		o.price(*a)
		return false
	}
	o.confirm(*a)
	return false
}

// holder names a pot and an asset, mostly one that it has units of.
func (o *outside) holder(a action, who string) string {
	_, id, _ := strings.Cut(who, " ")
	for n := range lastPot * len(funds()) {
		other, f := fmt.Sprintf("p%d", (a.A+n/len(funds()))%lastPot), funds()[(a.B+n)%len(funds())]
		if a.C%16 != 0 && o.booked.Holds(other, f.code) {
			return fmt.Sprintf("pot=%s %s asset=%s", other, id, f.code)
		}
	}
	return who + " asset=" + o.ordered(a.B).code
}

// howMuch says how much: all, so much cash, so many units, now and then with too many decimals.
func howMuch(a action) string {
	switch a.D % 6 {
	case 0, 3:
		return "all"
	case 1, 4:
		return "cash=" + schemas.Money(1+a.C%2_000).String()
	case 2:
		return fmt.Sprintf("units=%d.%03d", a.C%8, 1+a.B%999)
	}
	return fmt.Sprintf("units=0.%06d", 1+a.C%999_999)
}

// split is in three parts, the first of which may be tiny, in two or in one.
func (o *outside) split(a action) string {
	f := funds()
	if a.C%4 > 0 {
		f = slices.DeleteFunc(f, func(f fund) bool { return o.isMerged(f.code) })
	}
	first := 1 + a.B%999_998
	second := (1_000_000 - first) / 2
	switch parts := min(3-a.D%3, len(f)); parts {
	case 3:
		return fmt.Sprintf("%s:0.%06d,%s:0.%06d,%s:0.%06d", f[0].code, first, f[1].code, second, f[2].code, 1_000_000-first-second)
	case 2:
		return fmt.Sprintf("%s:0.%06d,%s:0.%06d", f[a.C%len(f)].code, first, f[(a.C+1)%len(f)].code, 1_000_000-first)
	}
	return f[a.C%len(f)].code + ":1"
}

// isMerged says whether the fund is, or will be, merged into another.
func (o *outside) isMerged(code string) bool {
	return slices.ContainsFunc(o.splits, func(s announced) bool { return s.code == code && s.into != "" })
}

// ordered is a fund that orders are for: mostly one that is not merged.
func (o *outside) ordered(n int) fund {
	f := funds()[n%3]
	for more := 1; more < 3 && n%16 > 0 && o.isMerged(f.code); more++ {
		f = funds()[(n+more)%3]
	}
	return f
}

// earlier is the id of one of the last instructions of the same pot, or of one that is not known.
func (o *outside) earlier(a action) string {
	pot, left := "pot="+o.pot(a), a.B%6
	for n := len(o.sent) - 1; n >= 0; n-- {
		words := strings.Fields(o.sent[n])
		if words[2] != pot {
			continue
		}
		if left == 0 {
			return strings.TrimPrefix(words[3], "id=")
		}
		left--
	}
	return "unknown"
}
