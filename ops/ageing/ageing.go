// Package ageing finds the instructions of pots that have not come to their end, in the states that the pots' changelog holds. It asks no instance: whoever can read
// the topic knows of all shards.
package ageing

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// Item is one thing that an instruction waits for. An instruction of several orders has one for each of them.
type Item struct {
	// Pot is the pot, or the key of a payment reference where cash of nobody is refunded.
	Pot         schemas.PotID         `json:"pot"`
	Source      schemas.SourceID      `json:"source"`
	Instruction schemas.InstructionID `json:"instruction"`
	// State is how far the sender was told that it is; empty where nobody asked for it: a charge, a reinvestment or a refund.
	State schemas.Code `json:"state,omitempty"`
	// GivenOn is the date of the instruction, AgeDays how many days ago that is. Where nobody gave one it is the dealing day, or the last step of the payment.
	GivenOn string `json:"given_on"`
	AgeDays int    `json:"age_days"`
	// WaitsFor says what must happen next.
	WaitsFor string `json:"waits_for"`

	given schemas.Date
}

// Fold is what is open in the states that were noted last.
type Fold struct{ open map[string][]Item }

// Note takes in the state of a key, in the place of what was noted of it before; nil where the key has none any more.
func (f *Fold) Note(key string, held *state.PotState) {
	if f.open == nil {
		f.open = make(map[string][]Item)
	}
	delete(f.open, key)
	if held == nil {
		return
	}
	if items := openOf(schemas.PotID(key), held); len(items) > 0 {
		f.open[key] = items
	}
}

// Items returns what is open and at least so many days old on the day, the oldest first.
func (f *Fold) Items(today schemas.Date, atLeast int) []Item {
	items := []Item{}
	for _, open := range f.open {
		for _, item := range open {
			if item.AgeDays = int(today - item.given); item.AgeDays >= atLeast {
				items = append(items, item)
			}
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.given, b.given), cmp.Compare(a.Pot, b.Pot), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Instruction, b.Instruction),
			cmp.Compare(a.WaitsFor, b.WaitsFor))
	})
	return items
}

// openOf names all that keeps instructions of a pot from their end.
func openOf(pot schemas.PotID, held *state.PotState) []Item {
	var items []Item
	add := func(source schemas.SourceID, id schemas.InstructionID, otherwise schemas.Date, waitsFor string) {
		item := Item{Pot: pot, Source: source, Instruction: id, given: otherwise, WaitsFor: waitsFor}
		key := schemas.DeriveID("instruction", string(source), string(id))
		if at := slices.IndexFunc(held.Seen, func(s state.Seen) bool { return s.Key == key }); at >= 0 {
			item.given, item.State = held.Seen[at].InstructedOn, held.Seen[at].State
		}
		item.GivenOn = item.given.String()
		items = append(items, item)
	}
	for i := range held.Orders {
		o := &held.Orders[i]
		add(o.Source, o.Instruction, o.Day, orderWaitsFor(o))
	}
	for i := range held.Payments {
		switch p := &held.Payments[i]; p.Stage {
		case state.PaymentStagePayable:
			add(p.Source, p.Instruction, p.On, fmt.Sprintf("the bank to send %s", p.Cash))
		case state.PaymentStageSent:
			add(p.Source, p.Instruction, p.On, fmt.Sprintf("the bank to say what became of %s that it sent on %s", p.Cash, p.On))
		case state.PaymentStagePaid, state.PaymentStageBounced:
		}
	}
	for i := range held.Deliveries {
		if d := &held.Deliveries[i]; d.Stage == state.DeliveryStageOpen && !d.Incoming {
			add(d.Source, d.Instruction, d.Began, fmt.Sprintf("%s to deliver its units of %s", d.Custodian, d.Asset))
		}
	}
	for i := range held.Claims {
		add(held.Claims[i].Source, held.Claims[i].Instruction, 0, "cash under its payment reference")
	}
	for i := range held.Review {
		u := &held.Review[i]
		add(u.Instruction.Source, u.Instruction.ID, u.Instruction.InstructedOn, fmt.Sprintf("a person to release it; it expires on %s", u.ExpiresOn))
	}
	return items
}

func orderWaitsFor(o *state.Order) string {
	switch {
	case o.Awaits == state.AwaitsPrice:
		return "the price of the sell that it follows"
	case o.Awaits == state.AwaitsSettlement:
		return "the settlement of the sell that it follows"
	case o.Priced:
		return fmt.Sprintf("the settlement of %s for %s", o.Asset, o.Day)
	case o.Pieces > 0:
		return fmt.Sprintf("the rest of its price of %s for %s", o.Asset, o.Day)
	}
	return fmt.Sprintf("the price of %s for %s", o.Asset, o.Day)
}
