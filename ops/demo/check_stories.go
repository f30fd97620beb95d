package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const checkStories = "every step of what was asked for is one posting, of the amount that was worked out for it"

// StoryReport is what became of something that takes several steps.
type StoryReport struct {
	Title string       `json:"title"`
	Asked string       `json:"asked"`
	Steps []StepReport `json:"steps"`
	OK    bool         `json:"ok"`
}

// StepReport is one step, and where the ledger shows it.
type StepReport struct {
	Words    string            `json:"words"`
	Asset    schemas.AssetCode `json:"asset"`
	Quantity string            `json:"quantity"`
	On       string            `json:"on"`
	// Journal is the shard's number, and that of the journal in it.
	Journal string `json:"journal"`
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
		report := StoryReport{Title: s.Title, Asked: s.Asked, OK: true}
		for n := range s.Moves {
			step := s.Moves[n].judge(journals)
			if step.Wrong != "" {
				report.OK = false
				v.fail("%s, %s: %s", s.Title, step.Words, step.Wrong)
			}
			report.Steps = append(report.Steps, step)
			steps++
		}
		reports = append(reports, report)
	}
	v.CheckedOn = fmt.Sprintf("%d stories, %d steps", len(stories), steps)
	return reports, v.result()
}

// judge finds the posting of a move and compares what it moves.
func (m *Move) judge(journals []*ledger.Journal) StepReport {
	step := StepReport{Words: m.Words, Asset: m.Asset}
	found := 0
	for _, j := range journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if !m.matches(j, p) {
				continue
			}
			found++
			step.Quantity, step.On = unitsText(p.Quantity, int(p.Scale)), p.EffectiveOn.String()
			step.Journal = fmt.Sprintf("%d/%d", j.Shard, j.Sequence)
			if p.Quantity != m.Quantity {
				step.Wrong = fmt.Sprintf("%s moved, must be %s", step.Quantity, unitsText(m.Quantity, int(p.Scale)))
			}
		}
	}
	if found != 1 {
		step.Wrong = fmt.Sprintf("%d postings, must be one", found)
	}
	return step
}
