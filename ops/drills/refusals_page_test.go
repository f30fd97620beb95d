package drills_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// refusalsPage lists the messages with which Penstock refuses to go on.
const refusalsPage = "../docs/refusals.md"

// TestTheRefusalsPageQuotesTheProgram looks for every message of the page among the texts of the program.
func TestTheRefusalsPageQuotesTheProgram(t *testing.T) {
	page, err := os.ReadFile(refusalsPage)
	if err != nil {
		t.Fatal(err)
	}
	program := textsOf(t, "../../streams", "../../sinks", "../roles", "../../cmd")
	quoted := regexp.MustCompile("`([^`]+)`")
	messages := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || strings.HasPrefix(line, "| what") {
			continue
		}
		for _, message := range quoted.FindAllStringSubmatch(cells[1], -1) {
			messages++
			for part := range strings.SplitSeq(message[1], "…") {
				if part = strings.TrimSpace(part); len(part) > 1 && !strings.Contains(program, part) {
					t.Errorf("the program never says %q, which the page quotes in %q", part, message[1])
				}
			}
		}
	}
	if messages < 25 {
		t.Errorf("only %d messages were found on the page", messages)
	}
}

// textsOf returns the texts in the Go files below some folders, tests aside: those that are put together put together, verbs for values taken out.
func textsOf(t *testing.T, folders ...string) string {
	t.Helper()
	var all strings.Builder
	files := token.NewFileSet()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				expression, ok := node.(ast.Expr)
				if text, constant := textOf(expression); ok && constant {
					all.WriteString(text + "\n")
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return regexp.MustCompile(`%[+#]?[a-z]`).ReplaceAllString(all.String(), "\x00")
}

// textOf returns the value of a text, or of a sum of texts.
func textOf(expression ast.Expr) (string, bool) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, leftIs := textOf(e.X)
		right, rightIs := textOf(e.Y)
		return left + right, leftIs && rightIs && e.Op == token.ADD
	}
	return "", false
}
