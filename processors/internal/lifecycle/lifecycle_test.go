package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/lifecycle"
)

func cycle() lifecycle.Cycle {
	return lifecycle.Cycle{{From: "", To: "open", When: "it comes"}, {From: "open", To: "in-part", When: "half"}, {From: "in-part", To: "done", When: "the rest"}}
}

func TestDiagramHasEveryEdgeAndEndsWhereNothingLeads(t *testing.T) {
	want := `    [*] --> open: it comes
    open --> in_part: half
    in_part --> done: the rest
    done --> [*]
`
	if got := cycle().Mermaid(); !strings.Contains(got, want) {
		t.Errorf("the diagram is\n%swant\n%s", got, want)
	}
}

// TestDiagramEndsInStatesThatMostNeverLeave declares an end of a state that others leave.
func TestDiagramEndsInStatesThatMostNeverLeave(t *testing.T) {
	ends := append(cycle(), lifecycle.Edge{From: "in-part", When: "the rest never comes"})
	if got := ends.Mermaid(); !strings.Contains(got, "    in_part --> [*]: the rest never comes\n") || strings.Count(got, "--> [*]") != 2 {
		t.Errorf("the diagram is\n%s", got)
	}
	for _, edge := range ends {
		if edge.To == "" && ends.Declares(edge.From, "") {
			t.Errorf("%s is drawn, and taken for a move", edge.Name())
		}
		if again := lifecycle.Named(edge.Name(), edge.When); again != edge {
			t.Errorf("%s is read as %v", edge.Name(), again)
		}
	}
}

func TestMoveThatIsNotDeclaredIsABrokenPromise(t *testing.T) {
	cycle().Check("it", "open", "in-part")
	cycle().Check("it", "done", "done")
	defer func() {
		if recover() == nil {
			t.Error("a move that is not declared passed")
		}
	}()
	cycle().Check("it", "done", "open")
}

func TestAStateThatIsReachedTwiceMustBeDeclaredSo(t *testing.T) {
	cycle().MustDeclare("it", "", "open")
	defer func() {
		if recover() == nil {
			t.Error("what was done was done once more")
		}
	}()
	cycle().MustDeclare("it", "done", "done")
}
