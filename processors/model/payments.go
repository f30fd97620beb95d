package model

import (
	"math/big"
	"strings"
)

// payment is cash that leaves a pot, or suspense.
type payment struct {
	pot      *pot
	from     string // the reference that it is a refund of
	id       string // of the withdrawal, or of the operator's act
	named    string // in the order to the bank
	dated    day
	cash     *big.Rat
	stage    int
	recalled bool
	leaves   bool // it is all of a pot
}

// The stages of a payment, in their order.
const (
	payable = iota
	sent
	paid
	bounced
)

// withdraw sets cash aside for a payment.
func (a *asked) withdraw() {
	amount := number(a.line.Get("cash", "0"))
	if a.Books.balance(key{a.name, "pot:available", cash}).Cmp(amount) < 0 {
		a.refuse("pot/cash-not-available")
		return
	}
	a.move(a.name, cash, "pot:available", "pot:payable", amount)
	a.payments = append(a.payments, &payment{pot: a.pot, id: a.id, dated: a.dated, cash: amount})
	a.accept()
}

// recall asks the bank not to send a payment; its answer says whether that was in time.
func (a *asked) recall(p *payment) {
	switch {
	case p.stage == bounced || p.recalled:
		a.refuse("pot/nothing-to-cancel")
	case p.stage != payable:
		a.refuse("pot/too-late-to-cancel")
	default:
		p.recalled = true
		a.accept()
	}
}

// Named tells the name that a pot's payment has in the order to the bank. The model has no recipe for names: it only finds them again, in what comes back.
func (w *World) Named(pot, withdrawal, payment string) {
	if p := w.paymentOf(w.pots[pot], withdrawal); p != nil {
		p.named = payment
	}
}

func (w *World) paymentOf(pot *pot, id string) *payment {
	for _, p := range w.payments {
		if p.from == "" && p.pot == pot && p.id == id {
			return p
		}
	}
	return nil
}

// noticed is what the bank says of a payment. What it said before, and what cannot be true, moves nothing.
func (w *World) noticed(kind string, line Line) {
	stage := map[string]int{"PaymentSent": sent, "PaymentPaid": paid, "PaymentBounced": bounced}[kind]
	name, suspended := strings.CutPrefix(line.Get("pot", "p1"), "suspense:")
	p := w.paymentOf(w.pots[name], line.Get("of", ""))
	if suspended {
		p = w.refundOf(name, line.Get("of", ""))
	}
	if p == nil || !suspended && p.dated != w.dateIn(line, "dated") || p.cash.Cmp(number(line.Get("cash", "0"))) != 0 || p.stage >= stage || p.stage == payable && stage == paid {
		return
	}
	was := p.stage
	p.stage = stage
	if suspended {
		w.sentBack(p, was)
		return
	}
	switch stage {
	case sent:
		w.move(name, cash, "pot:payable", "bank:in-transit", p.cash)
		w.toldOf(p, "sent")
	case paid:
		w.move(name, cash, "bank:in-transit", "bank:client-money", p.cash)
		w.toldOf(p, "paid")
		if p.leaves {
			w.left(p.pot)
		}
	case bounced:
		from := map[int]string{payable: "pot:payable", sent: "bank:in-transit", paid: "bank:client-money"}[was]
		if p.pot.closed {
			w.suspend("bounced/"+p.named, p.cash)
			w.toldOf(p, "bounced")
			return
		}
		w.move(name, cash, from, "pot:available", p.cash)
		p.pot.stay("portal", p.id)
		if was == payable && p.recalled && !p.leaves {
			w.toldOf(p, "cancelled")
		} else {
			w.toldOf(p, "bounced")
		}
	}
}

func (w *World) toldOf(p *payment, state string) {
	p.pot.find("portal", p.id).state = state
	w.tell(p.pot.name, p.id, state, "", false)
}
