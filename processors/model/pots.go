package model

import (
	"math/big"
	"slices"
	"strings"
)

// pot is what a pot has besides its balances.
type pot struct {
	name   string
	orders []*order
	seen   []*seen
	// journals are the last ones by which it was paid or charged; accrued is what it owes of the annual charge.
	journals []*journal
	charges  int
	leaving  *transfer
	// deliveries are units in specie that come or go, or came or went.
	deliveries []*delivery
	closed     bool
	accrued    *big.Rat
	held       []*held
	choice     *choice // how contributions are invested that do not say it, nil where there is none
}

// order is an open order.
type order struct {
	pot                   *pot
	source, id            string // of its instruction
	asset                 string
	kind                  string   // buy, units (a sell by units) or cash (a sell by cash)
	reserved              *big.Rat // cash of a buy, units of a sell
	day                   day
	weight, given, gotten *big.Rat
	priced, ended         bool
	batch                 *batch   // once its day is closed
	carried               *big.Rat // of what is reserved, what its rest took along
	rest, origin          *order   // what went on of it, and what it is the rest of
	first                 *order   // its first rest: when its settlement is given up it may come to a second
	feeds, fedBy          *order   // of a switch: the buy of a sell, and the sell of a buy
	waits                 bool     // a buy, for its sell
	spent                 *big.Rat // of what a sell brought, by its buy
}

// seen is an instruction that was answered.
type seen struct {
	source, id, content string
	dated               day
	state, code         string
}

// ordersMax is how many open orders a pot may have.
const ordersMax = 200

// asked is an instruction that is being answered.
type asked struct {
	*World
	pot              *pot
	name, source, id string
	kind, content    string
	dated            day
	line             Line
	reviewed         bool
}

func (w *World) instructed(kind string, line Line) {
	a := &asked{
		World: w, name: line.Get("pot", "p1"), source: line.Get("source", "portal"), id: line.Get("id", "open"), kind: kind, line: line, dated: w.dateIn(line, "dated"),
	}
	a.pot = w.pots[a.name]
	a.content = contentOf(kind, a.dated, line)
	if a.pot == nil && kind != "PotOpened" {
		a.tell(a.name, a.id, "rejected", "pot/not-open", false)
		return
	}
	if a.pot != nil && a.answeredBefore() {
		return
	}
	switch code := a.checkDate(); {
	case a.pot != nil && a.pot.closed:
		a.tell(a.name, a.id, "rejected", "pot/closed", false)
	case code != "":
		a.refuse(code)
	default:
		a.decide()
	}
}

// decide does what is asked, if nothing else of the pot is in its way.
func (a *asked) decide() {
	switch {
	case a.pot != nil && a.pot.leaving != nil && a.kind != "Cancel":
		a.refuse("pot/transfer-under-way")
	case a.mustReview():
		a.hold()
	default:
		a.do()
	}
}

// contentOf is all that an instruction says.
func contentOf(kind string, dated day, line Line) string {
	content := kind + "|" + string(dated)
	for _, name := range []string{"asset", "cash", "split", "instruction", "units", "into", "reference", "path", "target", "receiver"} {
		content += "|" + line.Get(name, "")
	}
	for _, flag := range []string{"all", "by-choice"} {
		if line.Has(flag) {
			content += "|" + flag
		}
	}
	return content
}

// answeredBefore answers what was answered before. What may be forgotten by its date answers only the same again.
func (a *asked) answeredBefore() bool {
	s := a.pot.find(a.source, a.id)
	switch {
	case s == nil, s.content != a.content && !a.mustKeep(s):
		return false
	case s.content != a.content:
		a.tell(a.name, a.id, "rejected", "pot/conflicting-duplicate", true)
	case s.state == "rejected":
		a.tell(a.name, a.id, s.state, s.code, true)
	default:
		a.tell(a.name, a.id, s.state, "", true)
	}
	return true
}

func (p *pot) find(source, id string) *seen {
	for _, s := range p.seen {
		if s.source == source && s.id == id {
			return s
		}
	}
	return nil
}

func (a *asked) mustKeep(s *seen) bool {
	if d := a.pot.given(s.id); d != nil && d.isOpen() {
		return true
	}
	return s.dated >= a.today().plus(-a.backDays) || slices.ContainsFunc(a.pot.orders, func(o *order) bool { return o.source == s.source && o.id == s.id })
}

func (a *asked) checkDate() string {
	switch {
	case a.dated > a.today():
		return "pot/dated-in-future"
	case a.dated < a.today().plus(-a.backDays):
		return "pot/dated-too-far-back"
	}
	return ""
}

// refuse answers that it is not done. An instruction to a pot that is not open is not remembered: there is nothing to keep it in.
func (a *asked) refuse(code string) {
	a.tell(a.name, a.id, "rejected", code, false)
	if a.pot != nil {
		a.remember("rejected", code)
	}
}

func (a *asked) accept() {
	a.tell(a.name, a.id, "accepted", "", false)
	a.remember("accepted", "")
}

func (a *asked) remember(state, code string) {
	a.pot.seen = slices.DeleteFunc(a.pot.seen, func(s *seen) bool { return s.source == a.source && s.id == a.id || !a.mustKeep(s) })
	a.pot.seen = append(a.pot.seen, &seen{a.source, a.id, a.content, min(a.dated, a.today()), state, code})
}

func (a *asked) do() {
	switch a.kind {
	case "PotOpened":
		if a.pot != nil {
			a.refuse("pot/already-open")
			return
		}
		a.pot = &pot{name: a.name, accrued: new(big.Rat)}
		a.pots[a.name] = a.pot
		a.accept()
	case "Contribution":
		a.contribute()
	case "InvestmentChoice":
		a.choose()
	case "Buy":
		a.buy()
	case "Sell":
		a.sell()
	case "Switch":
		a.switchInto()
	case "Withdraw":
		a.withdraw()
	case "TransferIn":
		a.transferIn()
	case "TransferOut":
		a.transferOut()
	case "TransferOutInSpecie":
		a.giveUnits()
	case "Close":
		a.closing()
	case "Cancel":
		a.cancel()
	default:
		panic("model: there is no " + a.kind)
	}
}

func (a *asked) contribute() {
	paid := number(a.line.Get("cash", "0"))
	var orders []*order
	split := a.line.Get("split", "")
	if a.line.Has("by-choice") {
		if split = a.chosen(); split == "" {
			a.refuse("pot/no-choice")
			return
		}
	}
	if split != "" {
		weights, taken := new(big.Rat), new(big.Rat)
		for _, piece := range strings.Split(split, ",") {
			code, weight, _ := strings.Cut(piece, ":")
			weights = sum(weights, number(weight))
			upTo := down(times(paid, weights), 2)
			orders = append(orders, a.order(code, "buy", minus(upTo, taken), nil))
			taken = upTo
		}
	}
	if code := a.place(orders); code != "" {
		a.refuse(code)
		return
	}
	switch {
	case !a.reviewed:
		a.payIn(paid)
	case a.Books.balance(key{a.name, "pot:available", cash}).Cmp(paid) < 0: // it was paid in when it came, and may have been used since
		a.refuse("pot/cash-not-available")
		return
	}
	a.reserve(orders)
}

func (a *asked) buy() {
	orders := []*order{a.order(a.line.Get("asset", "GB00X"), "buy", number(a.line.Get("cash", "0")), nil)}
	if code := a.place(orders); code != "" {
		a.refuse(code)
		return
	}
	if a.Books.balance(key{a.name, "pot:available", cash}).Cmp(orders[0].weight) < 0 {
		a.refuse("pot/cash-not-available")
		return
	}
	a.reserve(orders)
}

// order makes an order; what it reserves is its weight, but for a sell by cash.
func (a *asked) order(code, kind string, weight, reserved *big.Rat) *order {
	if reserved == nil {
		reserved = weight
	}
	return &order{
		pot: a.pot, source: a.source, id: a.id, asset: code, kind: kind, weight: weight, reserved: reserved, given: new(big.Rat), gotten: new(big.Rat),
		carried: new(big.Rat), spent: new(big.Rat),
	}
}

// place finds the dealing day of every order, or says why one of them cannot be.
func (a *asked) place(orders []*order) string {
	if len(a.pot.orders)+len(orders) > ordersMax {
		return "pot/too-many-orders"
	}
	for _, o := range orders {
		if a.assets[o.asset] == nil {
			return "pot/unknown-asset"
		}
		d, ok := a.dealingDay(o.asset)
		if !ok {
			return "pot/no-dealing-day"
		}
		if d <= a.closed[o.asset] {
			return "pot/after-close"
		}
		if a.isHalted(o.asset, d) {
			return "pot/asset-halted"
		}
		o.day = d
	}
	return ""
}

// reserve sets aside what the orders may give. What is less than a penny makes no order.
func (a *asked) reserve(orders []*order) {
	for _, o := range orders {
		if o.weight.Sign() > 0 {
			a.move(a.name, o.gives(), o.free(), "pot:reserved", o.reserved)
			a.pot.orders = append(a.pot.orders, o)
		}
	}
	a.accept()
}

func (a *asked) cancel() {
	target := a.line.Get("instruction", "")
	s := a.pot.find(a.source, target)
	if s == nil {
		a.refuse("pot/unknown-instruction")
		return
	}
	if s.state == "settled-in-part" {
		a.refuse("pot/too-late-to-cancel")
		return
	}
	if p := a.paymentOf(a.pot, target); p != nil {
		a.recall(p)
		return
	}
	if d := a.pot.given(target); d != nil {
		a.recallUnits(d)
		return
	}
	if r := a.claimOf(a.pot, target); r != nil {
		a.withdrawClaim(r)
		return
	}
	if h := a.pot.drop(a.source, target); h != nil {
		a.answer(a.pot, target, "cancelled", "")
		a.accept()
		return
	}
	var found []*order
	for _, o := range a.pot.orders {
		if o.source != a.source || o.id != target || o.priced && o.goesOn() {
			continue // what was dealt stands; its rest may still be cancelled
		}
		if !o.waits && (o.day <= a.closed[o.asset] || !a.inTime(a.assets[o.asset].on(o.day), o.day)) {
			a.refuse("pot/too-late-to-cancel")
			return
		}
		found = append(found, o)
	}
	if len(found) == 0 {
		a.refuse("pot/nothing-to-cancel")
		return
	}
	dealt := false
	for _, o := range found {
		a.giveBack(o)
		o.end()
		dealt = dealt || o.origin != nil
	}
	a.pot.stay(a.source, target)
	if s.state != "rejected" {
		s.state = "cancelled"
		if dealt {
			s.state = a.pot.stands(s)
		}
		a.tell(a.name, target, s.state, "", false)
	}
	a.accept()
}

// stands is how far an instruction is of which no rest goes on: what was dealt of it may still have to settle.
func (p *pot) stands(s *seen) string {
	if slices.ContainsFunc(p.orders, func(o *order) bool { return o.source == s.source && o.id == s.id }) {
		return "priced"
	}
	return "settled"
}

// end takes the order out of its pot.
func (o *order) end() {
	o.ended = true
	o.pot.orders = slices.DeleteFunc(o.pot.orders, func(other *order) bool { return other == o })
}
