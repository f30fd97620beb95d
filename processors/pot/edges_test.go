package pot_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

var updateEdges = flag.Bool("update-edges", false, "write testdata/edges.txt")

// TestEveryEdgeHasAScenario plays all scenarios and looks which moves of the life cycle they make.
func TestEveryEdgeHasAScenario(t *testing.T) {
	edges := scenario.NewEdges(pot.LifeCycle())
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shard := scenario.NewShard[
			inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
			*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
		](watched(func(from, to schemas.Code) { edges.Show(filepath.Base(file), string(from), string(to)) }), 0, 1)
		scenario.Run(t, string(text), &player{shard: shard})
	}
	for _, edge := range edges.Missing() {
		t.Errorf("no scenario shows the move %s of an instruction", edge)
	}
	if *updateEdges {
		if err := os.WriteFile("testdata/edges.txt", []byte(edges.Text()), 0o644); err != nil { //nolint:gosec // everybody may read it
			t.Fatal(err)
		}
	}
}

// TestOnlyCheckedMovesMoveAnInstruction finds code that moves an instruction on without a look at the life cycle.
func TestOnlyCheckedMovesMoveAnInstruction(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	unchecked := regexp.MustCompile(`(?m)^.*Seen\[\w+\]\.State\b[^=\n]* = .*$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if line := unchecked.Find(text); line != nil {
			t.Errorf("%s: %s: use advance", file, line)
		}
	}
}

// watched returns the rules with somebody who sees how instructions move.
func watched(move func(from, to schemas.Code)) streams.Machine[inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally] {
	machine := pot.Machine()
	look := func(before, after *state.PotState) {
		if after == nil {
			return
		}
		known := make(map[schemas.ID]schemas.Code)
		for i := 0; before != nil && i < len(before.Seen); i++ {
			known[before.Seen[i].Key] = before.Seen[i].State
		}
		for i := range after.Seen {
			move(known[after.Seen[i].Key], after.Seen[i].State)
		}
	}
	decide, visit := machine.Decide, machine.Visit
	machine.Decide = func(place streams.Place, r *pot.Reference, key string, s *state.PotState, m *inbox.PotMessage) (*state.PotState, []streams.Out) {
		next, outs := decide(place, r, key, s, m)
		look(s, next)
		return next, outs
	}
	machine.Visit = func(place streams.Place, r *pot.Reference, key string, s *state.PotState, m *inbox.PotMessage, tally *state.PotTally) (*state.PotState, []streams.Out) {
		next, outs := visit(place, r, key, s, m, tally)
		look(s, next)
		return next, outs
	}
	return machine
}
