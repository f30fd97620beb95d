package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const checkStories = "every step of what was asked for is posted once, with the amount that was worked out for it"

// StoryReport is what became of something that takes several steps.
type StoryReport struct {
	Title string `json:"title"`
	Asked string `json:"asked"`
	// Means is what it comes to in the books.
	Means string       `json:"means"`
	Steps []StepReport `json:"steps"`
	OK    bool         `json:"ok"`
}

// StepReport is one step, and where the ledger shows it.
type StepReport struct {
	Words    string            `json:"words"`
	Asset    schemas.AssetCode `json:"asset"`
	Quantity string            `json:"quantity"`
	On       string            `json:"on"`
	// Journal is the shard's number, and that of the journal in it; of several postings, the last one's.
	Journal  string `json:"journal"`
	Postings int    `json:"postings"`
	// Wrong says what is wrong with it, if anything is.
	Wrong string `json:"wrong,omitempty"`
}

// judgeStories looks for the postings of every story among all that were made.
func judgeStories(stories []Story, journals []*ledger.Journal) ([]StoryReport, invariants.Result) {
	steps := 0
	var reports []StoryReport
	v := newVerdict(checkStories, "")
	for i := range stories {
		s := &stories[i]
		report := s.judge(journals)
		for _, step := range report.Steps {
			if step.Wrong != "" {
				v.fail("%s, %s: %s", s.Title, step.Words, step.Wrong)
			}
		}
		steps += len(report.Steps)
		reports = append(reports, report)
	}
	v.CheckedOn = fmt.Sprintf("%d stories, %d steps", len(stories), steps)
	return reports, v.result()
}

func (s *Story) judge(journals []*ledger.Journal) StoryReport {
	report := StoryReport{Title: s.Title, Asked: s.Asked, Means: s.Means, OK: true}
	rest := s.Whole
	var before []schemas.Quantity
	for n := range s.Moves {
		m := &s.Moves[n]
		step, moved := m.judge(journals, before)
		if m.Open && s.Whole != 0 {
			rest -= moved
		}
		before = append(before, moved)
		report.Steps = append(report.Steps, step)
	}
	if last := len(report.Steps) - 1; rest != 0 && report.Steps[last].Wrong == "" {
		report.Steps[last].Wrong = fmt.Sprintf("all shares come to %s less than the whole", moneyText(rest))
	}
	for _, step := range report.Steps {
		report.OK = report.OK && step.Wrong == ""
	}
	return report
}

// wanted is how much must move, where so much moved with the steps before, and false where only the story's sums say that.
func (m *Move) wanted(before []schemas.Quantity) (schemas.Quantity, bool) {
	sum := schemas.Quantity(0)
	for _, n := range m.Of {
		sum += before[n]
	}
	if m.Price != 0 {
		// A price has eight decimals and a quantity six: the product's last twelve are less than a penny.
		pence := int64(sum) * int64(m.Price) / schemas.Power10(schemas.QuantityScale+schemas.PriceScale-schemas.MoneyScale)
		sum = cashOf(schemas.Money(pence))
	}
	return m.Quantity + sum, !m.Open
}

// judge finds the postings of a move and compares what they move.
func (m *Move) judge(journals []*ledger.Journal, before []schemas.Quantity) (StepReport, schemas.Quantity) {
	step := StepReport{Words: m.Words, Asset: m.Asset}
	found, scale := 0, int32(schemas.MoneyScale)
	var moved, left schemas.Quantity
	pots := make(map[schemas.PotID]bool)
	for _, j := range journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if !m.matches(j, p) {
				continue
			}
			if j.Pot != nil {
				pots[*j.Pot] = true
			}
			left += emptied(m, p)
			found++
			moved, scale = moved+p.Quantity, p.Scale
			step.On, step.Journal = p.EffectiveOn.String(), fmt.Sprintf("%d/%d", j.Shard, j.Sequence)
		}
	}
	step.Quantity, step.Postings = unitsText(moved, int(scale)), found
	want, known := m.wanted(before)
	switch {
	case !m.Shards && m.Pots == 0 && found != 1:
		step.Wrong = fmt.Sprintf("%d postings, must be one", found)
	case m.Pots > 0 && (found != m.Pots || len(pots) != m.Pots):
		step.Wrong = fmt.Sprintf("%d postings in %d pots, must be one in each of %d", found, len(pots), m.Pots)
	case known && moved != want:
		step.Wrong = fmt.Sprintf("%s moved, must be %s", step.Quantity, unitsText(want, int(scale)))
	case left != 0:
		step.Wrong = fmt.Sprintf("%s left, must be nothing", unitsText(left, int(scale)))
	}
	return step, moved
}

// emptied is what a posting leaves where it must leave nothing.
func emptied(m *Move, p *ledger.Posting) schemas.Quantity {
	if !m.Empties || p.FromBalance == nil {
		return 0
	}
	return *p.FromBalance
}
