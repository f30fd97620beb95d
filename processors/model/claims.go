package model

import "math/big"

// reference is a name under which cash comes from another scheme, for whoever claims it first.
type reference struct {
	owner   *pot
	held    *big.Rat
	waiting *claim
	paid    bool // its owner has had cash of it
}

type claim struct {
	pot       *pot
	id        string
	reference string
}

func (w *World) referenceOf(name string) *reference {
	if w.references[name] == nil {
		w.references[name] = &reference{held: new(big.Rat)}
	}
	return w.references[name]
}

// transferIn claims what comes under a reference: at once, or when it has come.
func (a *asked) transferIn() {
	name := a.line.Get("reference", "R1")
	r := a.referenceOf(name)
	if r.waiting != nil && r.waiting.pot == a.pot {
		a.refuse("pot/already-claiming")
		return
	}
	a.accept()
	if r.owner != nil && r.owner != a.pot {
		a.answer(a.pot, a.id, "rejected", "pot/reference-claimed")
		return
	}
	r.owner, r.waiting = a.pot, &claim{a.pot, a.id, name}
	a.attribute(r)
}

// received is cash that the bank has for whoever claims it.
func (w *World) received(line Line) {
	w.suspend(line.Get("reference", "R1"), number(line.Get("cash", "0")))
}

// suspend keeps cash that has come to the bank for the pot that claims it.
func (w *World) suspend(name string, amount *big.Rat) {
	r := w.referenceOf(name)
	r.held = sum(r.held, amount)
	w.Books.Move(w.shardOf("suspense:"+name), "", cash, "bank:client-money", "scheme:suspense", amount)
	w.attribute(r)
}

// attribute gives the pot that waits for it what is held.
func (w *World) attribute(r *reference) {
	if r.waiting == nil || r.held.Sign() == 0 {
		return
	}
	c := r.waiting
	w.Books.Move(w.shardOf("suspense:"+c.reference), "", cash, "scheme:suspense", "bank:in-transit", r.held)
	w.move(c.pot.name, cash, "bank:in-transit", "pot:available", r.held)
	w.answer(c.pot, c.id, "attributed", "")
	r.held, r.waiting, r.paid = new(big.Rat), nil, true
}

// answer tells of an instruction that was answered before.
func (w *World) answer(p *pot, id, state, code string) {
	s := p.find("portal", id)
	s.state, s.code = state, code
	w.tell(p.name, id, state, code, false)
}

// claimOf is a claim of the pot that waits, with its reference.
func (w *World) claimOf(p *pot, id string) *reference {
	for _, r := range w.references {
		if r.waiting != nil && r.waiting.pot == p && (id == "" || r.waiting.id == id) {
			return r
		}
	}
	return nil
}

// withdrawClaim takes a claim back: the reference is free again, unless cash came under it before.
func (a *asked) withdrawClaim(r *reference) {
	id := r.waiting.id
	r.waiting = nil
	if !r.paid {
		r.owner = nil
	}
	a.accept()
	a.answer(a.pot, id, "cancelled", "")
}
