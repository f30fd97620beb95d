package pot_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestOnlyCheckedMovesMoveAnInstruction finds functions that move an instruction on, or give one its first state, without a look at the life cycle: whatever has a
// field State is suspected, by whichever name or pointer it is written.
func TestOnlyCheckedMovesMoveAnInstruction(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range tree.Decls {
			f, is := declared.(*ast.FuncDecl)
			switch moves, looks := moving(declared); {
			case moves && !looks:
				t.Errorf("%s moves an instruction on in %s without a look at its life cycle: use advance", file, f.Name)
			case moves && is:
				checked++
			}
		}
	}
	if checked != 2 {
		t.Errorf("%d functions give instructions their states, want 2: the one that answers first, and advance", checked)
	}
}

// moving says whether a declaration writes a state of an instruction, and whether it looks at the life cycle.
func moving(declared ast.Decl) (moves, looks bool) {
	written := func(to ast.Expr) bool {
		selected, field := to.(*ast.SelectorExpr)
		return field && selected.Sel.Name == "State"
	}
	ast.Inspect(declared, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			moves = moves || slices.ContainsFunc(n.Lhs, written)
		case *ast.UnaryExpr:
			moves = moves || n.Op == token.AND && written(n.X)
		case *ast.CompositeLit:
			made, is := n.Type.(*ast.SelectorExpr)
			moves = moves || is && made.Sel.Name == "Seen"
		case *ast.CallExpr:
			called, is := n.Fun.(*ast.Ident)
			looks = looks || is && called.Name == "mustMove"
		}
		return true
	})
	return moves, looks
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
