// Package lifecycle holds the form in which processes declare how things may move from state to state. The rules check each move against what is
// declared, and the diagrams in the documents are written from the same declarations.
package lifecycle

import (
	"fmt"
	"strings"
)

// Edge is a move that may happen.
type Edge struct {
	// From is the state before; empty is the beginning.
	From string
	To   string
	// When says what makes it happen, in a few words.
	When string
}

// Cycle is all the moves of one kind of thing.
type Cycle []Edge

// Declares says whether the move is declared.
func (c Cycle) Declares(from, to string) bool {
	for i := range c {
		if c[i].From == from && c[i].To == to {
			return true
		}
	}
	return false
}

// Check panics where the move is not declared: a promise of the rules is broken then. To stay in a state is no move.
func (c Cycle) Check(what, from, to string) {
	if from != to && !c.Declares(from, to) {
		panic(fmt.Sprintf("%s may not go from %q to %q", what, from, to))
	}
}

// Name writes an edge: accepted -> priced.
func (e Edge) Name() string {
	if e.From == "" {
		return "(new) -> " + e.To
	}
	return e.From + " -> " + e.To
}

// Mermaid writes the cycle as a state diagram. States without a way out end.
func (c Cycle) Mermaid() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, e := range c {
		from := identifier(e.From)
		if e.From == "" {
			from = "[*]"
		}
		fmt.Fprintf(&b, "    %s --> %s: %s\n", from, identifier(e.To), e.When)
	}
	seen := make(map[string]bool)
	for _, e := range c {
		if !seen[e.To] && c.ends(e.To) {
			fmt.Fprintf(&b, "    %s --> [*]\n", identifier(e.To))
		}
		seen[e.To] = true
	}
	b.WriteString("```\n")
	return b.String()
}

func (c Cycle) ends(state string) bool {
	for i := range c {
		if c[i].From == state {
			return false
		}
	}
	return true
}

// identifier makes a state's name one that diagrams take.
func identifier(state string) string { return strings.ReplaceAll(state, "-", "_") }
