package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// Story is something that was asked for and takes several steps, with every posting that must come of it.
type Story struct {
	// Title names it, Asked says who asked for what and when, Means in a line what it comes to in the books.
	Title, Asked, Means string
	Moves               []Move
	// Whole, where given, is what all moves that are open come to together.
	Whole schemas.Quantity
}

// Move is a posting that must be there exactly once or, where Pots is given, once in each of so many pots.
type Move struct {
	// Words say what it does, for the report.
	Words string
	// Pot is empty for a posting on a shard's own accounts.
	Pot   schemas.PotID
	Stage string
	// Cause is the id of what caused the journal, NotCause one that did not, Order the order or the payment that the posting serves; zero values are
	// not looked at.
	Cause, NotCause string
	Order           schemas.ID
	Asset           schemas.AssetCode
	From, To        schemas.Account
	// Trade and On are the external trade that the posting serves and its effective date, where they matter.
	Trade schemas.ID
	On    schemas.Date
	// Pots is how many pots have the posting; Pot is empty then.
	Pots int
	// Shards says that any number of shards has it on its own accounts, even none.
	Shards bool
	// Quantity is how much must move, in all postings together. Where Open is set, only the story's sums say that.
	Quantity schemas.Quantity
	Open     bool
	// Of are earlier steps, counted from 0: what they moved comes on top of Quantity; with a Price their units do, at that price, rounded down to the
	// penny.
	Of    []int
	Price schemas.Price
	// Empties says that nothing is left in the pot's account.
	Empties bool
}

// matches says whether a posting is the one meant, whatever it moves.
func (m *Move) matches(j *ledger.Journal, p *ledger.Posting) bool {
	switch {
	case (j.Pot == nil) != (m.Pot == "" && m.Pots == 0), j.Pot != nil && m.Pots == 0 && *j.Pot != m.Pot,
		p.Stage != m.Stage, p.Asset != m.Asset, p.From != m.From, p.To != m.To,
		m.Cause != "" && j.Cause != m.Cause, m.NotCause != "" && j.Cause == m.NotCause,
		m.Trade != schemas.ID{} && (p.Trade == nil || *p.Trade != m.Trade), m.On != 0 && p.EffectiveOn != m.On,
		m.Order != schemas.ID{} && (p.Order == nil || *p.Order != m.Order):
		return false
	}
	return true
}

// cashOf is an amount of cash as journals write it.
func cashOf(m schemas.Money) schemas.Quantity {
	q, _ := schemas.QuantityOf(int64(m), schemas.MoneyScale)
	return q
}

// tell adds a story to the workload.
func (g *generator) tell(s Story) { g.workload.Stories = append(g.workload.Stories, s) }

// orderID is the id of an order that an instruction of today makes: the first one is leg "a".
func (g *generator) orderID(p *potModel, id schemas.InstructionID, leg string) schemas.ID {
	return schemas.DeriveID("order", string(portal), string(p.id), string(id), g.day.Date.String(), leg)
}

// onceAllIsAsked works something out when all orders are known: only then is known how much of its trade each of them is.
func (g *generator) onceAllIsAsked(work func()) { g.later = append(g.later, work) }

// shareOf is what an order for so much cash gets of its day's trade, at the price: the whole is rounded down, and then the share.
func (g *generator) shareOf(asset schemas.AssetCode, day schemas.Date, price schemas.Price, cash schemas.Money) schemas.Quantity {
	scale, whole := int(fundNamed(asset).UnitsScale), int64(g.trades[day][asset].Cash)
	units, err := schemas.MulDivFloor(whole, schemas.Power10(schemas.PriceScale-schemas.MoneyScale+scale), int64(price))
	if err == nil {
		units, err = schemas.MulDivFloor(units, int64(cash), whole)
	}
	share, overflows := schemas.QuantityOf(units, scale)
	if err != nil || overflows != nil {
		panic(fmt.Sprintf("demo: %s of %s at %s: more units than there may be", cash, asset, price))
	}
	return share
}
