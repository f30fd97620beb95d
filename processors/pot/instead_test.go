package pot_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/pot"
)

// declaredStages are the stages of postings that the package's source declares: its constants that begin with that word.
func declaredStages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var stages []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "stage") {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				stages = append(stages, value)
			}
			return true
		})
	}
	slices.Sort(stages)
	return stages
}

var stageRow = regexp.MustCompile("(?m)^\\| `([a-z]+)`((?:, `[a-z]+`)*) \\| (yes|no) \\|")

// TestEveryStageSaysWhatUndoesIt holds that each kind of booking has one answer to who would undo it: the rules', and the page's.
func TestEveryStageSaysWhatUndoesIt(t *testing.T) {
	page, err := os.ReadFile("../../ops/docs/a-booking-was-wrong.md")
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[string]string)
	for _, row := range stageRow.FindAllStringSubmatch(string(page), -1) {
		for _, stage := range append([]string{row[1]}, strings.FieldsFunc(row[2], func(r rune) bool { return strings.ContainsRune(", `", r) })...) {
			if told[stage] != "" {
				t.Errorf("the page has two rows for %s", stage)
			}
			told[stage] = row[3]
		}
	}
	stages := declaredStages(t)
	if len(stages) < 20 {
		t.Fatalf("only %d stages were found: %v", len(stages), stages)
	}
	for _, stage := range stages {
		act, known := pot.Instead(stage)
		want := "no"
		if act == "" {
			want = "yes"
		}
		if !known {
			t.Errorf("a posting of stage %s has no answer: say in Instead, and on the page, what undoes it", stage)
		} else if told[stage] != want {
			t.Errorf("whether %s is reversed: the rules say %s, the page %q", stage, want, told[stage])
		}
		delete(told, stage)
	}
	for stage := range told {
		t.Errorf("the page has a row for %s, which is no stage", stage)
	}
}
