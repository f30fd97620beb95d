package demo

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// paidOut is the journal of a withdrawal, and the story that asks for it.
func paidOut(t *testing.T) (Story, []*ledger.Journal) {
	t.Helper()
	pot := schemas.PotID("pot-1")
	posting := ledger.Posting{
		Stage: "withdrawn", Asset: schemas.Cash, Scale: schemas.MoneyScale, Quantity: cashOf(10_00),
		From: ledger.PotAvailable, To: ledger.PotPayable, EffectiveOn: date(t, "2008-03-20"),
	}
	journal := &ledger.Journal{Shard: 2, Sequence: 17, Pot: &pot, Cause: "w1", Postings: []ledger.Posting{posting}}
	move := Move{
		Words: "set aside", Pot: pot, Stage: "withdrawn", Cause: "w1", Asset: schemas.Cash,
		From: ledger.PotAvailable, To: ledger.PotPayable, Quantity: cashOf(10_00),
	}
	return Story{Title: "a withdrawal", Moves: []Move{move}}, []*ledger.Journal{journal}
}

func TestASellBringsItsUnitsAtThePriceAndNoPennyMore(t *testing.T) {
	for name, c := range map[string]struct {
		moved schemas.Money
		left  schemas.Quantity
		wrong string
	}{
		"as asked":        {71_50, 0, ""},
		"a penny more":    {71_51, 0, "must be 71.50"},
		"something stays": {71_50, 1, "left, must be nothing"},
	} {
		units, journals := paidOut(t)
		proceeds, more := paidOut(t)
		journals = append(journals, more...)
		journals[0].Postings[0].Asset, journals[0].Postings[0].Quantity, journals[0].Postings[0].FromBalance = "AAPL", 500_000, &c.left
		journals[1].Postings[0].Quantity = cashOf(c.moved)
		units.Moves[0].Asset, units.Moves[0].Open, units.Moves[0].Empties = "AAPL", true, true
		proceeds.Moves[0].Quantity, proceeds.Moves[0].Of, proceeds.Moves[0].Price = 0, []int{0}, 143_01000000 // half a unit of it is worth 71.505
		story := Story{Title: "a sell", Moves: append(units.Moves, proceeds.Moves...)}
		if told, check := judgeStories([]Story{story}, journals); check.OK != (c.wrong == "") || told[0].OK != check.OK || !strings.Contains(check.Detail, c.wrong) {
			t.Errorf("%s: judged %+v", name, check)
		}
	}
}

func TestAStepMayMoveWhatEarlierOnesMovedTogether(t *testing.T) {
	for of, wrong := range map[schemas.Money]string{0: "", 1: "must be 10.01", -1: "must be 9.99"} {
		story, journals := paidOut(t)
		part, first := paidOut(t)
		part.Moves[0].Stage, first[0].Postings[0].Stage = "sold", "sold"
		part.Moves[0].Quantity, first[0].Postings[0].Quantity = cashOf(4_00), cashOf(4_00)
		story.Moves[0].Of, story.Moves[0].Quantity = []int{0, 0}, cashOf(2_00+of)
		story.Moves = append(part.Moves, story.Moves...)
		if _, check := judgeStories([]Story{story}, append(journals, first...)); check.OK != (wrong == "") || !strings.Contains(check.Detail, wrong) {
			t.Errorf("%s more: judged %+v", of, check)
		}
	}
}

func TestAStoryOfManyPotsNeedsOnePostingInEachAndTheWhole(t *testing.T) {
	for name, c := range map[string]struct {
		pots  []schemas.PotID
		whole schemas.Money
		wrong string
	}{
		"as asked":        {[]schemas.PotID{"a", "b"}, 20_00, ""},
		"a pot too few":   {[]schemas.PotID{"a"}, 10_00, "1 postings in 1 pots"},
		"a pot too many":  {[]schemas.PotID{"a", "b", "c"}, 30_00, "3 postings in 3 pots"},
		"twice in a pot":  {[]schemas.PotID{"a", "a"}, 20_00, "2 postings in 1 pots"},
		"less than whole": {[]schemas.PotID{"a", "b"}, 20_01, "0.01"},
	} {
		story, _ := paidOut(t)
		story.Moves[0].Pot, story.Moves[0].Pots, story.Moves[0].Open, story.Whole = "", 2, true, cashOf(c.whole)
		var journals []*ledger.Journal
		for _, pot := range c.pots {
			_, one := paidOut(t)
			one[0].Pot = &pot
			journals = append(journals, one...)
		}
		if told, check := judgeStories([]Story{story}, journals); check.OK != (c.wrong == "") || told[0].OK != check.OK || !strings.Contains(check.Detail, c.wrong) {
			t.Errorf("%s: judged %+v", name, check)
		}
	}
}

func TestAStoryNeedsEveryPostingOnceAndToThePenny(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Story, journals []*ledger.Journal) []*ledger.Journal
		wrong  string
	}{
		"as asked": {func(_ *Story, all []*ledger.Journal) []*ledger.Journal { return all }, ""},
		"missing":  {func(*Story, []*ledger.Journal) []*ledger.Journal { return nil }, "0 postings"},
		"twice":    {func(_ *Story, all []*ledger.Journal) []*ledger.Journal { return append(all, all[0]) }, "2 postings"},
		"a penny less": {func(s *Story, all []*ledger.Journal) []*ledger.Journal {
			s.Moves[0].Quantity = cashOf(9_99)
			return all
		}, "must be 9.99"},
		"another pot's": {func(s *Story, all []*ledger.Journal) []*ledger.Journal { s.Moves[0].Pot = "pot-2"; return all }, "0 postings"},
		"a shard's":     {func(s *Story, all []*ledger.Journal) []*ledger.Journal { s.Moves[0].Pot = ""; return all }, "0 postings"},
		"another cause": {func(s *Story, all []*ledger.Journal) []*ledger.Journal { s.Moves[0].Cause = "w2"; return all }, "0 postings"},
		"just that cause": {func(s *Story, all []*ledger.Journal) []*ledger.Journal {
			s.Moves[0].Cause, s.Moves[0].NotCause = "", "w1"
			return all
		}, "0 postings"},
		"of no payment": {func(s *Story, all []*ledger.Journal) []*ledger.Journal {
			s.Moves[0].Order = schemas.DeriveID("x")
			return all
		}, "0 postings"},
		"of no trade": {func(s *Story, all []*ledger.Journal) []*ledger.Journal {
			s.Moves[0].Trade = schemas.DeriveID("x")
			return all
		}, "0 postings"},
		"another day": {func(s *Story, all []*ledger.Journal) []*ledger.Journal { s.Moves[0].On = 1; return all }, "0 postings"},
		"another target": {func(s *Story, all []*ledger.Journal) []*ledger.Journal {
			s.Moves[0].To = ledger.PotReserved
			return all
		}, "0 postings"},
	} {
		story, journals := paidOut(t)
		journals = c.change(&story, journals)
		told, check := judgeStories([]Story{story}, journals)
		if check.OK != (c.wrong == "") || told[0].OK != check.OK || !strings.Contains(check.Detail, c.wrong) {
			t.Errorf("%s: judged %+v, told %+v", name, check, told)
		}
		if check.OK && told[0].Steps[0].Journal != "2/17" {
			t.Errorf("%s: the journal is told as %s", name, told[0].Steps[0].Journal)
		}
	}
}
