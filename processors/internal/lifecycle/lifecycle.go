// Package lifecycle holds the form in which processes declare how things may move from state to state. The rules check each move against what is
// declared, and the diagrams in the documents are written from the same declarations.
package lifecycle

import (
	"cmp"
	"fmt"
	"strings"
)

// Edge is a move that may happen.
type Edge struct {
	// From is the state before; empty is the beginning.
	From string
	// To is the state after; empty is an end of it in a state that others may still leave.
	To string
	// When says what makes it happen, in a few words.
	When string
}

// Cycle is all the moves of one kind of thing.
type Cycle []Edge

// Declares says whether the move is declared. An end is none: nothing moves to a state without a name.
func (c Cycle) Declares(from, to string) bool {
	if to == "" {
		return false
	}
	for i := range c {
		if c[i].From == from && c[i].To == to {
			return true
		}
	}
	return false
}

// Check panics where the move is not declared: a promise of the rules is broken then. To stay in a state is no move.
func (c Cycle) Check(what, from, to string) {
	if from != to {
		c.MustDeclare(what, from, to)
	}
}

// MustDeclare panics where the move is not declared, from a state to itself too.
func (c Cycle) MustDeclare(what, from, to string) {
	if !c.Declares(from, to) {
		panic(fmt.Sprintf("%s may not go from %q to %q", what, from, to))
	}
}

// The ends of an edge that are no states.
const (
	beginning = "(new)"
	end       = "(end)"
)

// Name writes an edge: accepted -> priced.
func (e Edge) Name() string {
	return cmp.Or(e.From, beginning) + " -> " + cmp.Or(e.To, end)
}

// Named returns the edge of which Name writes so.
func Named(name, when string) Edge {
	from, to, _ := strings.Cut(name, " -> ")
	return Edge{From: strings.TrimSuffix(from, beginning), To: strings.TrimSuffix(to, end), When: when}
}

// Mermaid writes the cycle as a state diagram. States without a way out end, and those of which an end is declared.
func (c Cycle) Mermaid() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, e := range c {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", identifier(e.From), identifier(e.To), e.When)
	}
	seen := make(map[string]bool)
	for _, e := range c {
		if e.To != "" && !seen[e.To] && c.ends(e.To) {
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

// identifier makes a state's name one that diagrams take, also for what is before the first and after the last state.
func identifier(state string) string {
	if state == "" {
		return "[*]"
	}
	return strings.ReplaceAll(state, "-", "_")
}
