package invariants_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// runOf returns the re-balancing for which the journal orders something, or nil: one that leaves alone whom something is unsettled of, so that it can be worked out again.
func runOf(in *invariants.Input, j *ledger.Journal) *ingest.Rebalancing {
	for _, o := range in.Operations {
		run, ok := o.Body.(*ingest.Rebalancing)
		if ok && !run.WhileUnsettled && j.Pot != nil && j.Topic == streams.IngestOperator && j.Partition == o.Partition && j.Offset == o.Offset {
			return run
		}
	}
	return nil
}

// inRun tells a lie of the first journal that orders something for a re-balancing.
func inRun(change func(*invariants.Input, *ledger.Journal, *ingest.Rebalancing)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			if run := runOf(in, j); run != nil {
				change(in, j, run)
				return true
			}
		}
		return false
	}
}

// inOutcome tells a lie of the first outcome of a re-balancing in the state, and with the code.
func inOutcome(state, code schemas.Code, change func(*invariants.Input, *status.InstructionStatus)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, s := range in.Statuses {
			if s.Source == "!rebalance" && s.State == state && s.Code == code {
				change(in, s)
				return true
			}
		}
		return false
	}
}

// ofSettled tells a lie only of a history whose runs leave pots alone of which something is unsettled: others cannot be worked out again.
func ofSettled(tell func(*invariants.Input) bool) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, o := range in.Operations {
			if run, ok := o.Body.(*ingest.Rebalancing); ok && run.WhileUnsettled {
				return false
			}
		}
		return tell(in)
	}
}

// runsAt are the re-balancings that were declared at the moment.
func runsAt(in *invariants.Input, at schemas.Instant) []*ingest.Rebalancing {
	var runs []*ingest.Rebalancing
	for _, o := range in.Operations {
		if run, ok := o.Body.(*ingest.Rebalancing); ok && o.ReceivedAt == at {
			runs = append(runs, run)
		}
	}
	return runs
}

// ofStaying tells a lie of the first outcome that a pot tells which is not to leave: what is under way of one that is, no amount tells.
func ofStaying(code schemas.Code, change func(*invariants.Input, *status.InstructionStatus)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, s := range in.Statuses {
			if s.Source == "!rebalance" && s.Code == code && !isToLeave(in, s.Pot) {
				change(in, s)
				return true
			}
		}
		return false
	}
}

// isToLeave says whether the pot is asked to be transferred out, or to be closed.
func isToLeave(in *invariants.Input, pot schemas.PotID) bool {
	return slices.ContainsFunc(in.Instructions, func(r invariants.Received) bool {
		switch r.Instruction.Body.(type) {
		case *ingest.TransferOut, *ingest.TransferOutInSpecie, *ingest.Close:
			return r.Instruction.Pot == pot
		}
		return false
	})
}

// tellsNothing takes away what one pot told of a run, of which another pot tells as well. It has made one choice: before the run, or it would tell nothing.
func tellsNothing(in *invariants.Input) bool {
	for n, s := range in.Statuses {
		if s.Source != "!rebalance" || s.State != "untraded" || !isLeftAlone(in, s.Pot) {
			continue
		}
		for _, other := range in.Statuses {
			if other.Source == s.Source && other.ID == s.ID && other.Pot != s.Pot {
				in.Statuses = append(in.Statuses[:n:n], in.Statuses[n+1:]...)
				return true
			}
		}
	}
	return false
}

// isLeftAlone says whether the pot has made one choice, and is not to leave.
func isLeftAlone(in *invariants.Input, pot schemas.PotID) bool {
	choices := 0
	for _, r := range in.Instructions {
		if _, chooses := r.Instruction.Body.(*ingest.InvestmentChoice); chooses && r.Instruction.Pot == pot {
			choices++
		}
	}
	return choices == 1 && !isToLeave(in, pot)
}

func liesOfRuns() []lie {
	return []lie{
		{24, "a trade is a quantum larger than it should be", inRun(func(_ *invariants.Input, j *ledger.Journal, _ *ingest.Rebalancing) {
			j.Postings[0].Quantity += schemas.Quantity(schemas.Power10(schemas.QuantityScale - int(j.Postings[0].Scale)))
		})},
		{24, "a trade is below the minimum", inRun(func(_ *invariants.Input, _ *ledger.Journal, run *ingest.Rebalancing) { run.Minimum = 1_000_000_00 })},
		{24, "a pot trades within its bands", inRun(func(_ *invariants.Input, _ *ledger.Journal, run *ingest.Rebalancing) {
			whole := schemas.WeightOne
			run.Absolute, run.Relative = &whole, nil
		})},
		{24, "a pot trades another asset", inRun(func(_ *invariants.Input, j *ledger.Journal, _ *ingest.Rebalancing) { j.Postings[0].Asset = "XX00" })},
		{24, "an order is missing", inRun(func(_ *invariants.Input, j *ledger.Journal, _ *ingest.Rebalancing) { j.Postings = j.Postings[1:] })},
		{24, "what is sold was never there", inRun(func(in *invariants.Input, j *ledger.Journal, _ *ingest.Rebalancing) {
			for _, other := range in.Journals {
				if other.Pot != nil && *other.Pot == *j.Pot && other.Shard == j.Shard && other.Sequence < j.Sequence {
					other.Postings = nil
				}
			}
		})},
		{24, "nobody declared the run", inRun(func(_ *invariants.Input, j *ledger.Journal, _ *ingest.Rebalancing) { j.Offset += 1 << 20 })},
		{24, "a pot trades and says that it does not", inOutcome("accepted", "", func(_ *invariants.Input, s *status.InstructionStatus) { s.State, s.Code = "untraded", "pot/unsettled" })},
		{24, "a pot says that it trades and does not", inOutcome("untraded", "pot/within-bands", func(_ *invariants.Input, s *status.InstructionStatus) { s.State, s.Code = "accepted", "" })},
		{24, "a pot that has something says that there is nothing", ofSettled(inOutcome("untraded", "pot/within-bands", func(_ *invariants.Input, s *status.InstructionStatus) {
			s.Code = "pot/nothing-to-trade"
		}))},
		{24, "a pot does not say why it trades nothing", inOutcome("untraded", "pot/below-minimum", func(_ *invariants.Input, s *status.InstructionStatus) { s.Code = "" })},
		{24, "a pot tells of a run twice", inOutcome("untraded", "pot/unsettled", func(in *invariants.Input, s *status.InstructionStatus) { in.Statuses = append(in.Statuses, s) })},
		{24, "a pot tells of a second run on the same day", inOutcome("untraded", "pot/unsettled", func(in *invariants.Input, s *status.InstructionStatus) {
			second := *s
			second.ID = "1000"
			in.Statuses = append(in.Statuses, &second)
		})},
		{24, "a pot with a choice tells nothing of a run", tellsNothing},
		{24, "a pot of which nothing is unsettled says that something is", ofSettled(ofStaying("pot/within-bands", func(_ *invariants.Input, s *status.InstructionStatus) {
			s.Code = "pot/unsettled"
		}))},
		{24, "a pot says that it is unsettled in a run that allows for that", ofStaying("pot/unsettled", func(in *invariants.Input, s *status.InstructionStatus) {
			for _, run := range runsAt(in, s.ReceivedAt) {
				run.WhileUnsettled = true
			}
		})},
		{24, "a pot is below the minimum in a run whose bands it is within, as it would be in another run", ofSettled(func(in *invariants.Input) bool {
			return inOutcome("untraded", "pot/below-minimum", func(in *invariants.Input, s *status.InstructionStatus) {
				whole := schemas.WeightOne
				for _, run := range runsAt(in, s.ReceivedAt) {
					other := *run
					run.Absolute, run.Relative = &whole, nil
					in.Operations = append(in.Operations, invariants.Operation{Offset: 1 << 20, ReceivedAt: s.ReceivedAt + 1, Operation: &ingest.Operation{Body: &other}})
				}
			})(in)
		})},
		{24, "a pot tells of a run at a time at which none was declared", inOutcome("untraded", "pot/within-bands", func(_ *invariants.Input, s *status.InstructionStatus) { s.ReceivedAt++ })},
	}
}

// TestTheJudgeOfRebalancingNoticesLies tells each lie of the first history that it can be told of.
func TestTheJudgeOfRebalancingNoticesLies(t *testing.T) { tellAll(t, liesOfRuns()) }
