package drills_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promisesPage says which drill proves what.
const promisesPage = "../docs/promises.md"

// TestEveryDrillOfThePromisesPageExists looks for each test that the page names, by its whole name or, before an ellipsis, by how it begins.
func TestEveryDrillOfThePromisesPageExists(t *testing.T) {
	page, err := os.ReadFile(promisesPage)
	if err != nil {
		t.Fatal(err)
	}
	declared := declaredTests(t, "../..")
	named := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, name := range regexp.MustCompile("`(Test[A-Za-z0-9]+)(…)?").FindAllStringSubmatch(line, -1) {
			named++
			beginning := "func " + name[1] + "("
			if name[2] != "" {
				beginning = "func " + name[1]
			}
			if !strings.Contains(declared, beginning) {
				t.Errorf("there is no %s%s: %s", name[1], name[2], line)
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d drills were found on the page", named)
	}
}

// declaredTests returns the lines that declare tests below a folder.
func declaredTests(t *testing.T, root string) string {
	t.Helper()
	var all strings.Builder
	declares := regexp.MustCompile(`(?m)^func Test.*$`)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, line := range declares.FindAll(text, -1) {
			all.Write(append(line, '\n'))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
