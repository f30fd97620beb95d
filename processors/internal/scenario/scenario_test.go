package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// notes keeps what is reported instead of failing.
type notes struct{ reported []string }

func (*notes) Helper() {}

func (n *notes) Errorf(format string, args ...any) {
	n.reported = append(n.reported, fmt.Sprintf(format, args...))
}

type stopped struct{}

func (n *notes) Fatalf(format string, args ...any) {
	n.Errorf(format, args...)
	panic(stopped{})
}

// scripted answers each kind of step with outputs that are known.
type scripted struct{}

func (scripted) Play(_ scenario.Reporter, _ schemas.Instant, steps []scenario.Step, _ bool) []streams.Out {
	pot := schemas.PotID("p1")
	move := ledger.Posting{Stage: "reserved", Asset: schemas.Cash, Scale: 2, Quantity: 60_000_000, From: ledger.PotAvailable, To: ledger.PotReserved}
	switch steps[0].Kind {
	case "Buy":
		return []streams.Out{
			{Value: &ledger.Journal{Pot: &pot, Cause: "b1", Postings: []ledger.Posting{move}}},
			{Value: &status.InstructionStatus{ID: "b1", Pot: pot, State: "accepted", Duplicate: steps[0].Args.Has("again")}},
		}
	case "Refused":
		return []streams.Out{
			{Value: &status.InstructionStatus{ID: "b1", Pot: pot, State: "rejected", Code: "pot/not-open"}},
			{Value: &audit.Rejection{Code: "pot/not-open"}},
		}
	}
	return nil
}

func (scripted) Is(scenario.Reporter, scenario.Step) scenario.Args {
	return scenario.Args{{Key: "available", Value: "40.00"}, {Key: "priced", Value: "X:1"}, {Key: "priced", Value: "X:2"}}
}

func run(text string) (reported []string) {
	n := &notes{}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
		reported = n.reported
	}()
	scenario.Run(n, text, scripted{})
	return n.reported
}

const told = `
when    Buy      id=b1
then    Journal  pot=p1 pot:available->pot:reserved=60.00
then    Status   id=b1 state=accepted
`

func TestAScenarioThatTellsAllIsFine(t *testing.T) {
	for _, text := range []string{
		told,
		"when Refused\nreject pot/not-open id=b1",
		"# only a comment\nat 2008-03-17 10:00\ngiven Buy\nis Pot available=40.00\nis Pot priced=X:1 priced=X:2",
		"when Nothing\nwhen Nothing times=3",
	} {
		if reported := run(text); len(reported) > 0 {
			t.Errorf("%s\nreported %q", text, reported)
		}
	}
}

// TestAScenarioThatDoesNotFitIsReported breaks a scenario in one place at a time.
func TestAScenarioThatDoesNotFitIsReported(t *testing.T) {
	for name, text := range map[string]string{
		"another amount":             strings.Replace(told, "60.00", "60.01", 1),
		"another account":            strings.Replace(told, "pot:reserved", "pot:payable", 1),
		"a posting left out":         strings.Replace(told, " pot:available->pot:reserved=60.00", "", 1),
		"a posting more":             strings.Replace(told, "=60.00", "=60.00 pot:available->pot:reserved=60.00", 1),
		"an output left out":         strings.Replace(told, "then    Status   id=b1 state=accepted", "", 1),
		"an output more":             told + "then Status id=b1",
		"another order":              "when Buy\nthen Status id=b1\nthen Journal pot=p1 pot:available->pot:reserved=60.00",
		"another value":              strings.Replace(told, "state=accepted", "state=settled", 1),
		"a value that there isn't":   strings.Replace(told, "state=accepted", "state=accepted day=2008-03-17", 1),
		"a flag left out":            strings.Replace(told, "id=b1\nthen", "id=b1 again\nthen", 1),
		"a flag too many":            strings.Replace(told, "state=accepted", "state=accepted duplicate", 1),
		"refused after all":          strings.Replace(told, "Buy", "Refused", 1),
		"not refused after all":      "when Buy\nreject pot/not-open",
		"refused for another code":   "when Refused\nreject pot/not-ready",
		"given, and refused":         "given Refused",
		"what is so is not":          "is Pot available=41.00",
		"repeated, in another order": "is Pot priced=X:2 priced=X:1",
		"repeated too often":         "is Pot priced=X:1 priced=X:2 priced=X:3",
		"an outcome of nothing":      "then Status id=b1",
		"an outcome of a given":      "given Buy\nthen Status id=b1",
		"no step":                    "maybe Buy",
		"no time":                    "at noon",
		"too many":                   "given Buy times=9999",
	} {
		t.Run(name, func(t *testing.T) {
			if reported := run(text); len(reported) == 0 {
				t.Errorf("nothing was reported of\n%s", text)
			}
		})
	}
}
