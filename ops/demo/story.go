package demo

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// Story is something that was asked for and takes several steps, with every posting that must come of it.
type Story struct {
	// Title names it, Asked says who asked for what and when.
	Title, Asked string
	Moves        []Move
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
	// Cause is the id of what caused the journal, Order the order or the payment that the posting serves; zero values are not looked at.
	Cause    string
	Order    schemas.ID
	Asset    schemas.AssetCode
	From, To schemas.Account
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
	// Same says that as much moves as with the step before, Price that it is that step's units at the price, rounded down to the penny; either counts
	// in the place of Quantity. Empties says that nothing is left in the pot's account.
	Same, Empties bool
	Price         schemas.Price
}

// matches says whether a posting is the one meant, whatever it moves.
func (m *Move) matches(j *ledger.Journal, p *ledger.Posting) bool {
	switch {
	case (j.Pot == nil) != (m.Pot == "" && m.Pots == 0), j.Pot != nil && m.Pots == 0 && *j.Pot != m.Pot,
		p.Stage != m.Stage, p.Asset != m.Asset, p.From != m.From, p.To != m.To,
		m.Cause != "" && j.Cause != m.Cause,
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
