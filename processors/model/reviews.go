package model

import (
	"maps"
	"math/big"
	"slices"
)

// held is an instruction that waits for a person to look at it, until a day begins.
type held struct {
	*asked
	until day
}

// heldMax is how many instructions of a pot may be held.
const heldMax = 20

// mustReview says whether an instruction invests or moves more cash than nobody has to look at. What is only paid in needs no look: the bank has it.
func (a *asked) mustReview() bool {
	if a.reviewed || a.reviewAbove == nil || !a.line.Has("cash") || a.kind == "Contribution" && !a.line.Has("split") && !a.line.Has("by-choice") {
		return false
	}
	return number(a.line.Get("cash", "0")).Cmp(a.reviewAbove) > 0
}

// hold keeps an instruction for a person. Nothing of it is done, but what a contribution pays in is booked.
func (a *asked) hold() {
	if len(a.pot.held) >= heldMax {
		a.refuse("pot/too-many-held")
		return
	}
	if a.kind == "Contribution" {
		a.payIn(number(a.line.Get("cash", "0")))
	}
	a.pot.held = append(a.pot.held, &held{a, a.today().plus(a.reviewDays + 1)})
	a.tell(a.name, a.id, "held", "", false)
	a.remember("held", "")
}

// payIn books what a contribution pays in.
func (a *asked) payIn(paid *big.Rat) {
	a.move(a.name, cash, "bank:client-money", "pot:available", paid)
	a.pot.note(&journal{name: paidBy(a.source, a.id, a.dated), cash: paid})
}

// inReview is the cash that what is held would take.
func (p *pot) inReview() *big.Rat {
	all := new(big.Rat)
	for _, h := range p.held {
		if h.kind == "Contribution" || h.kind == "Buy" || h.kind == "Withdraw" {
			all = sum(all, number(h.line.Get("cash", "0")))
		}
	}
	return all
}

// drop takes an instruction from those that are held, or returns nil.
func (p *pot) drop(source, id string) *held {
	at := slices.IndexFunc(p.held, func(h *held) bool { return h.source == source && h.id == id })
	if at < 0 {
		return nil
	}
	h := p.held[at]
	p.held = slices.Delete(p.held, at, at+1)
	return h
}

// review is an operator's word on an instruction that is held. A released one is decided as if it came now.
func (w *World) review(kind string, line Line) {
	p := w.pots[line.Get("pot", "p1")]
	if p == nil {
		return
	}
	h := p.drop(line.Get("source", "portal"), line.Get("instruction", ""))
	switch {
	case h == nil:
	case w.today() >= h.until:
		h.expire()
	case kind == "ReviewRefusal":
		h.refuse("pot/refused-in-review")
	default:
		h.reviewed = true
		h.decide()
	}
}

// expire ends an instruction that nobody has released in time.
func (h *held) expire() { h.answer(h.pot, h.id, "expired", "") }

// expireHeld ends what was held until a day that has begun by all clocks.
func (w *World) expireHeld() {
	for _, name := range slices.Sorted(maps.Keys(w.pots)) {
		p := w.pots[name]
		for _, h := range slices.Clone(p.held) {
			if w.ticked >= h.until {
				p.drop(h.source, h.id)
				h.expire()
			}
		}
	}
}
