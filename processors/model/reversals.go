package model

import "math/big"

// journal is one by which a pot was paid or charged: an operator may reverse it, once.
type journal struct {
	name     string
	cash     *big.Rat
	charge   bool
	reversed bool
}

// journalsMax is how many of them a pot remembers.
const journalsMax = 12

func paidBy(source, id string, dated day) string {
	return "paid|" + source + "|" + id + "|" + string(dated)
}

// chargedBy names the pot's charges by their numbers, from 1.
func chargedBy(number int) string { return "charged|" + itoa(number) }

func (p *pot) note(j *journal) {
	p.journals = append(p.journals, j)
	if len(p.journals) > journalsMax {
		p.journals = p.journals[1:]
	}
}

// reverse takes back what was paid in, if the pot still has it, or gives back a charge.
func (w *World) reverse(line Line) {
	name := line.Get("pot", "p1")
	p := w.pots[name]
	if p == nil {
		return
	}
	wanted := paidBy(line.Get("source", "portal"), line.Get("of", ""), w.dateIn(line, "dated"))
	if line.Has("charge") {
		wanted = chargedBy(whole(line, "charge", "0"))
	}
	for _, j := range p.journals {
		switch {
		case j.name != wanted || j.reversed || j.charge && p.closed:
		case j.charge:
			j.reversed = true
			w.move(name, cash, "scheme:charges", "pot:available", j.cash)
		case w.Books.balance(key{name, "pot:available", cash}).Cmp(j.cash) >= 0:
			j.reversed = true
			w.move(name, cash, "pot:available", "bank:client-money", j.cash)
		}
	}
}
