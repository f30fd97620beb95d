package model

import (
	"fmt"
	"math/big"
	"slices"
)

// delivery is units of one asset that come to a pot from another scheme, or go from it to one, as they are.
type delivery struct {
	// name and date are what the custodian knows it by: its own name and none, or those of the instruction to give units away.
	name             string
	dated            day
	comes            bool
	asset, custodian string
	units            *big.Rat
	receiver         string
	stage            string // announced or promised, then delivered or undelivered
	began, last      day    // the days of its first and of its last stage
	recalled         bool   // the custodian was asked not to deliver
}

func (d *delivery) isOpen() bool { return d.stage == "announced" || d.stage == "promised" }

// delivers says whether units of the pot are on their way.
func (p *pot) delivers() bool { return slices.ContainsFunc(p.deliveries, (*delivery).isOpen) }

// given is the delivery by which the instruction gives units away, or nil.
func (p *pot) given(id string) *delivery {
	for _, d := range p.deliveries {
		if !d.comes && d.name == id {
			return d
		}
	}
	return nil
}

// promised is how many units of the asset are to be given away.
func (p *pot) promised(code string) *big.Rat {
	all := new(big.Rat)
	for _, d := range p.deliveries {
		if d.stage == "promised" && d.asset == code {
			all = sum(all, d.units)
		}
	}
	return all
}

// giveUnits sets units aside for another scheme and has the custodian deliver them. They stay the pot's until it has.
func (a *asked) giveUnits() {
	code := a.line.Get("asset", "GB00X")
	row := a.assets[code].on(a.today())
	if a.isHalted(code, a.today()) {
		a.refuse("pot/asset-halted")
		return
	}
	if a.units(a.name, code).Sign() == 0 {
		a.refuse("pot/no-units")
		return
	}
	free := copied(a.Books.balance(key{a.name, "pot:settled", code}))
	units := free
	if !a.line.Has("all") {
		units = number(a.line.Get("units", "0"))
	}
	switch {
	case down(units, row.units).Cmp(units) != 0:
		a.refuse("pot/units-scale")
		return
	case free.Sign() == 0 || units.Cmp(free) > 0:
		a.refuse("pot/units-not-free")
		return
	}
	d := &delivery{
		name: a.id, dated: a.dated, asset: code, custodian: row.custodian, units: units, receiver: a.line.Get("receiver", "another-scheme"),
		stage: "promised", began: a.today(), last: a.today(),
	}
	a.pot.deliveries = append(a.pot.deliveries, d)
	a.hand(a.pot, d, "pot:settled", "pot:reserved")
	a.tellCustodian(d, "DELIVER")
	a.accept()
}

// recallUnits asks the custodian not to deliver; its answer says whether that was in time.
func (a *asked) recallUnits(d *delivery) {
	switch {
	case d.stage == "undelivered" || d.recalled:
		a.refuse("pot/nothing-to-cancel")
	case d.stage == "delivered":
		a.refuse("pot/too-late-to-cancel")
	default:
		d.recalled = true
		a.tellCustodian(d, "RECALL")
		a.accept()
	}
}

func (a *asked) tellCustodian(d *delivery, what string) {
	a.Specie = append(a.Specie, fmt.Sprintf("%s %s: %s is told to %s %s of %s to %s, since %s",
		a.name, d.name, d.custodian, what, d.units.FloatString(6), d.asset, d.receiver, d.last))
}

// notice is what a custodian says of units in specie.
type notice struct {
	pot, name, id    string
	dated            day // of the instruction, if it names one
	asset, custodian string
	units            *big.Rat
	on               day
}

// handed is what a custodian says of units that come to a pot, or leave it. What was said before changes nothing; what cannot be is refused.
func (w *World) handed(kind string, line Line) {
	n := &notice{
		pot: line.Get("pot", "p1"), name: line.Get("delivery", "D1"), id: line.Get("id", ""), asset: line.Get("asset", "GB00X"),
		custodian: line.Get("custodian", "CREST"), units: number(line.Get("units", "0")), on: w.dateIn(line, "on"),
	}
	if line.Has("of") {
		n.name, n.dated = line.Get("of", ""), w.dateIn(line, "dated")
	}
	why := "pot/not-open"
	if p := w.pots[n.pot]; p != nil {
		why = w.hear(kind, n, p)
	}
	if why != "" {
		w.Specie = append(w.Specie, fmt.Sprintf("%s %s: refused, %s", n.pot, n.id, why))
	}
	// A split or a merger that waits for units on their way is looked at again.
	w.ended = w.ended || kind != "UnitsAnnounced"
}

func (w *World) hear(kind string, n *notice, p *pot) string {
	oldest := w.today().plus(-w.backDays)
	var d *delivery
	for _, known := range p.deliveries {
		if known.name == n.name && known.dated == n.dated && (known.isOpen() || known.began >= oldest) { // else it is forgotten
			d = known
		}
	}
	switch {
	case d == nil && kind == "UnitsAnnounced":
		return w.announceUnits(n, p, oldest)
	case d == nil:
		return "pot/unknown-delivery"
	case d.custodian != n.custodian:
		return "pot/wrong-custodian"
	case d.asset != n.asset || d.units.Cmp(n.units) != 0:
		return "pot/delivery-differs"
	case kind == "UnitsAnnounced" && (!d.comes || d.began != n.on):
		return "pot/delivery-differs"
	case kind == "UnitsAnnounced":
		return ""
	}
	stage := map[string]string{"UnitsDelivered": "delivered", "DeliveryFailed": "undelivered"}[kind]
	switch {
	case d.stage == stage:
		return ""
	case !d.isOpen():
		return "pot/delivery-out-of-order"
	}
	// The custodian's day counts, but none to come, and none before what was booked.
	d.stage, d.last = stage, max(d.last, min(n.on, w.today()))
	w.endDelivery(p, d)
	return ""
}

// announceUnits adds units that will come to what the pot has, pending until they do.
func (w *World) announceUnits(n *notice, p *pot, oldest day) string {
	row := w.assets[n.asset].on(w.today())
	switch {
	case p.closed:
		return "pot/closed"
	case n.on > w.today():
		return "pot/dated-in-future"
	case n.on < oldest:
		return "pot/dated-too-far-back"
	case row.custodian != n.custodian:
		return "pot/wrong-custodian"
	case n.on < w.exchanged[n.asset]:
		return "pot/units-before-conversion"
	case w.isHalted(n.asset, n.on):
		return "pot/asset-halted"
	case down(n.units, row.units).Cmp(n.units) != 0:
		return "pot/units-scale"
	}
	d := &delivery{name: n.name, dated: n.dated, comes: true, asset: n.asset, custodian: n.custodian, units: n.units, stage: "announced", began: n.on, last: n.on}
	p.deliveries = append(p.deliveries, d)
	w.hand(p, d, d.owed(), "pot:pending")
	return ""
}

// endDelivery books that units have changed hands, or will not. Those that have are the custodian's for the shard from then on, or no more.
func (w *World) endDelivery(p *pot, d *delivery) {
	outside := "custodian/" + d.custodian + ":units-settled"
	switch {
	case d.comes && d.stage == "delivered":
		w.hand(p, d, "pot:pending", "pot:settled")
		w.hand(p, d, outside, d.owed())
	case d.comes:
		w.hand(p, d, "pot:pending", d.owed())
	case d.stage == "delivered":
		w.hand(p, d, "pot:reserved", d.owed())
		w.hand(p, d, d.owed(), outside)
		w.answer(p, d.name, "delivered", "")
	default:
		w.hand(p, d, "pot:reserved", "pot:settled")
		if d.recalled {
			w.answer(p, d.name, "cancelled", "")
		} else {
			w.answer(p, d.name, "rejected", "pot/delivery-refused")
		}
	}
}

func (d *delivery) owed() string { return "custodian/" + d.custodian + ":units-owed" }

// hand books all units of a delivery at its stage, and notes how: nothing else is told of units that come.
func (w *World) hand(p *pot, d *delivery, from, to string) {
	w.move(p.name, d.asset, from, to, d.units)
	w.Specie = append(w.Specie, fmt.Sprintf("%s %s: %s %s of %s, %s to %s, on %s", p.name, d.name, d.stage, d.units.FloatString(6), d.asset, from, to, d.last))
}
