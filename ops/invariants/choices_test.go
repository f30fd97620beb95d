package invariants_test

import (
	"testing"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// byChoice calls visit with the answer of each accepted contribution by choice, and the choice that stood, until it says that it is done.
func byChoice(in *invariants.Input, visit func(*status.InstructionStatus, *ingest.InvestmentChoice) bool) bool {
	bodies := make(map[schemas.InstructionID]ingest.InstructionBody)
	for _, r := range in.Instructions {
		if _, again := bodies[r.Instruction.ID]; !again {
			bodies[r.Instruction.ID] = r.Instruction.Body
		}
	}
	stands := make(map[schemas.PotID]*ingest.InvestmentChoice)
	for _, s := range in.Statuses {
		if s.State != "accepted" || s.Duplicate {
			continue
		}
		switch body := bodies[s.ID].(type) {
		case *ingest.InvestmentChoice:
			stands[s.Pot] = body
		case *ingest.Contribution:
			if body.ByChoice && stands[s.Pot] != nil && visit(s, stands[s.Pot]) {
				return true
			}
		}
	}
	return false
}

// TestJudgesOfChoicesNoticeLies tells each lie of the first history that it can be told of.
func TestJudgesOfChoicesNoticeLies(t *testing.T) {
	tellAll(t, []lie{
		{12, "a contribution by choice has an order less than its choice says", func(in *invariants.Input) bool {
			return byChoice(in, func(s *status.InstructionStatus, _ *ingest.InvestmentChoice) bool {
				s.Orders = s.Orders[1:]
				return true
			})
		}},
		{12, "a fixed choice named another asset", func(in *invariants.Input) bool {
			return byChoice(in, func(_ *status.InstructionStatus, c *ingest.InvestmentChoice) bool {
				if len(c.Split) == 0 {
					return false
				}
				c.Split = []ingest.SplitPart{{Asset: history.Assets()[1].Code, Weight: 123_456}, {Asset: history.Assets()[2].Code, Weight: 876_544}}
				return true
			})
		}},
		{12, "the target date was long ago", func(in *invariants.Input) bool {
			return byChoice(in, func(s *status.InstructionStatus, c *ingest.InvestmentChoice) bool {
				if c.Path == nil || received(s) < history.Monday+2 {
					return false
				}
				*c.Target = history.Monday - 1000
				return true
			})
		}},
		{12, "the path's rows changed a day later", func(in *invariants.Input) bool {
			return byChoice(in, func(s *status.InstructionStatus, c *ingest.InvestmentChoice) bool {
				if c.Path == nil || received(s) != history.Monday+2 {
					return false
				}
				for _, entry := range in.Reference {
					if path, ok := entry.Body.(*reference.GlidePath); ok && path.EffectiveFrom == history.Monday+2 {
						path.EffectiveFrom++
					}
				}
				return true
			})
		}},
	})
}

// received is the day on which an answered instruction was received; London has no summer time yet in the days of a history.
func received(s *status.InstructionStatus) schemas.Date {
	return schemas.Date(s.ReceivedAt.Time().Unix() / (24 * 60 * 60)) //nolint:gosec // days fit
}
