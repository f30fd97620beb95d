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
