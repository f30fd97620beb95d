package history

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	rareShards     = 2
	rareHistories  = 60
	rareDays       = 5
	rareActionsMax = 24
)

// TestWhatIsRareKeepsTheBooksRight plays a fixed set of histories in which, beside all that operators do, settlements are given up, units are split or merged, income is
// reinvested, units are sold for charges and another version of a rule starts. Each must keep every invariant and come to its end.
func TestWhatIsRareKeepsTheBooksRight(t *testing.T) {
	reached := make(map[string]int)
	for seed := range uint64(rareHistories) {
		w := playRare(t, seed)
		in := w.Input()
		for _, result := range invariants.Check(in) {
			if !result.OK {
				t.Errorf("seed %d: invariant %d, %s: %s", seed, result.Number, result.Name, result.Detail)
			}
			if strings.HasSuffix(result.CheckedOn, " worked out again") && !strings.HasSuffix(result.CheckedOn, " 0 worked out again") {
				reached["re-balancing worked out again"]++
			}
		}
		for _, s := range in.Statuses {
			reached[string(s.Code)]++
			if s.Source == "!rebalance" {
				reached["re-balancing "+string(s.State)]++
			}
			if strings.HasPrefix(string(s.ID), "give-") {
				reached["in specie "+string(s.State)]++
			}
		}
		countChoices(in, reached)
		for _, j := range in.Journals {
			for i := range j.Postings {
				reached[j.Postings[i].Stage]++
				reached[madeBy(j, &j.Postings[i])]++
				if j.Topic == streams.IngestReference {
					reached["by the calendar"]++
				}
			}
		}
		for _, e := range in.Trades {
			reached[e.Policy]++
			if strings.HasPrefix(e.Reason, "its settlement was given up") {
				reached[e.Side.String()]++
			}
		}
	}
	for _, what := range []string{"split", "merged", "BUY", "SELL", "reinvested", "sold for a charge", "by the calendar", "pot/no-choice", "by a fixed split", "by a path", secondPolicy, "announced", "promised", "delivered", "undelivered", "pot/delivery-refused", "in specie delivered", "in specie cancelled", "re-balancing accepted", "re-balancing untraded", "re-balancing worked out again", "pot/within-bands", "pot/below-minimum", "pot/unsettled"} {
		if reached[what] == 0 {
			t.Errorf("in no history something of the kind %q came up", what)
		}
	}
}

// countChoices counts the contributions that were accepted after a choice of each sort.
func countChoices(in invariants.Input, reached map[string]int) {
	bodies := make(map[schemas.InstructionID]ingest.InstructionBody)
	for _, r := range in.Instructions {
		bodies[r.Instruction.ID] = r.Instruction.Body
	}
	stands := make(map[schemas.PotID]string)
	for _, s := range in.Statuses {
		if s.State != "accepted" || s.Duplicate {
			continue
		}
		switch body := bodies[s.ID].(type) {
		case *ingest.InvestmentChoice:
			stands[s.Pot] = "by a fixed split"
			if body.Path != nil {
				stands[s.Pot] = "by a path"
			}
		case *ingest.Contribution:
			if body.ByChoice {
				reached[stands[s.Pot]]++
			}
		}
	}
}

// madeBy says of a posting that serves an order which an event has made what that is for.
func madeBy(j *ledger.Journal, p *ledger.Posting) string {
	switch {
	case p.Stage == "reserved" && j.Postings[0].Stage == "distributed":
		return "reinvested"
	case p.Stage == "settled" && p.To == ledger.SchemeCharges:
		return "sold for a charge"
	}
	return ""
}

func playRare(t *testing.T, seed uint64) *World {
	t.Helper()
	h := Draw(seed, rareDays, rareActionsMax)
	pipeline, err := sim.New(rareShards, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(rareShards))...)
	if err != nil {
		t.Fatal(err)
	}
	w := New(&h, rareShards, pipeline)
	w.Operators, w.Rare = true, true
	w.Done = func() bool { return w.AtRest() && !w.Announced() && ordersOf(pipeline) == 0 }
	if err := w.Play(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if n := ordersOf(pipeline); n > 0 {
		t.Errorf("seed %d: %d orders never came to their end", seed, n)
	}
	return w
}

// ordersOf counts the orders that pots still have.
func ordersOf(pipeline *sim.Pipeline) int {
	count := 0
	for p := range Pots {
		name := string(PotName(p))
		if table, ok := Decode(pot.Process().Table.Name, pipeline.State(pot.Name, streams.PartitionOf(name, rareShards), name), new(state.PotTable)); ok {
			held, _ := table.Body.(*state.PotState)
			count += len(held.Orders)
		}
	}
	return count
}

// TestAnOrderOfWhichNothingIsDealtGoesOn plays histories in which a trade is dealt in part, one of its orders gets nothing of it, and all that the order has goes on to another day.
func TestAnOrderOfWhichNothingIsDealtGoesOn(t *testing.T) {
	for _, seed := range []uint64{583, 859, 1494} {
		w := playRare(t, seed)
		for _, result := range invariants.Check(w.Input()) {
			if !result.OK {
				t.Errorf("seed %d: invariant %d, %s: %s", seed, result.Number, result.Name, result.Detail)
			}
		}
	}
}
