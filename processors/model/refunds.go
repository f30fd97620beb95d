package model

import "math/big"

// Held is the cash that is held under a reference, for a pot to claim or an operator to send back.
func (w *World) Held(name string) *big.Rat { return copied(w.referenceOf(name).held) }

// refund sends back all that is held under a reference, if that is what the operator names. Suspense has it until the bank has sent it, but no pot may claim it.
func (w *World) refund(line Line) {
	name, id, amount := line.Get("reference", "R1"), line.Get("id", ""), number(line.Get("cash", "0"))
	r := w.referenceOf(name)
	if w.refundOf(name, id) != nil || r.held.Sign() == 0 || r.held.Cmp(amount) != 0 {
		return
	}
	w.payments = append(w.payments, &payment{from: name, id: id, cash: amount})
	r.held = new(big.Rat)
}

func (w *World) refundOf(name, id string) *payment {
	for _, p := range w.payments {
		if p.from == name && p.id == id {
			return p
		}
	}
	return nil
}

// sentBack books how far a refund has come. What comes back is held again, and may be claimed.
func (w *World) sentBack(p *payment, was int) {
	shard := w.shardOf("suspense:" + p.from)
	switch p.stage {
	case sent:
		w.Books.Move(shard, "", cash, "scheme:suspense", "bank:in-transit", p.cash)
	case paid:
		w.Books.Move(shard, "", cash, "bank:in-transit", "bank:client-money", p.cash)
	case bounced:
		from := map[int]string{payable: "scheme:suspense", sent: "bank:in-transit", paid: "bank:client-money"}[was]
		w.Books.Move(shard, "", cash, from, "scheme:suspense", p.cash)
		r := w.referenceOf(p.from)
		r.held = sum(r.held, p.cash)
		w.attribute(r)
	}
}
