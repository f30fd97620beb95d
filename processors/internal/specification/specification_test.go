package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../.."

// TestPageNamesEveryScenario writes the page from the tree.
func TestPageNamesEveryScenario(t *testing.T) {
	page, err := write(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "processors", "*", "testdata", "*.scenario"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".scenario")
		folder := filepath.Base(filepath.Dir(filepath.Dir(file)))
		if folder != "model" && !strings.Contains(page, "### "+folder+": "+name+"\n") {
			t.Errorf("the page does not tell of %s", file)
		}
	}
	for _, anchor := range regexp.MustCompile(`\]\(#([a-z0-9-]+)\)`).FindAllStringSubmatch(page, -1) {
		folder, name, _ := strings.Cut(anchor[1], "-")
		if !strings.Contains(page, "### "+folder+": "+name+"\n") {
			t.Errorf("the page links to %s, which is not on it", anchor[1])
		}
	}
}

// TestScenariosSayWhatTheyAreAbout keeps the page readable: each case begins with a comment.
func TestScenariosSayWhatTheyAreAbout(t *testing.T) {
	chapters, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chapters {
		for _, s := range c.scenarios {
			if s.says == "" {
				t.Errorf("%s/%s begins with no comment that says what it is about", c.folder, s.name)
			}
		}
	}
}

// TestEveryInvariantIsShownAndItsTestsExist reads the table of invariants: 1 to 29, each with a scenario and a test, and no test of a name
// that there is not.
func TestEveryInvariantIsShownAndItsTestsExist(t *testing.T) {
	text, err := os.ReadFile("invariants.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^(\d+) \| [^|]+ \|([^|]*)\|([^|\n]*)$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) != 29 {
		t.Errorf("there are %d invariants, want 29", len(rows))
	}
	for _, row := range rows {
		if strings.TrimSpace(row[2]) == "" || strings.TrimSpace(row[3]) == "" {
			t.Errorf("invariant %s is shown by the scenarios %q and tested by %q, want some of both", row[1], row[2], row[3])
		}
		if strings.Contains(row[3], "streams/sim.TestInvariantsHoldOverAnyHistory") && !isJudged(t, row[1], row[3]) {
			t.Errorf("invariant %s is judged over any history, and no judge of that number finds a lie", row[1])
		}
		for _, test := range strings.Fields(row[3]) {
			folder, name, _ := strings.Cut(test, ".Test")
			if !declares(t, folder, "Test"+name) {
				t.Errorf("invariant %s: there is no test %s", row[1], test)
			}
		}
	}
}

// isJudged says whether there is a judge of the number, and a lie that it is told: one among the others, or in a test of the judges that the row names. Invariant 1
// holds by the shape of a posting: no lie can break it.
func isJudged(t *testing.T, number, tests string) bool {
	t.Helper()
	judge, lie := regexp.MustCompile(`number: `+number+`\b`), regexp.MustCompile(`(?m)^\s*\{`+number+`, "`)
	told := number == "1" || strings.Contains(tests, "ops/invariants.Test") || contains(t, lie, "streams/sim/corrupt_test.go", "ops/invariants/*_test.go")
	return told && contains(t, judge, "ops/invariants/*.go")
}

func contains(t *testing.T, what *regexp.Regexp, patterns ...string) bool {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if what.Match(text) {
				return true
			}
		}
	}
	return false
}

func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	return contains(t, regexp.MustCompile("\nfunc "+regexp.QuoteMeta(name+"(t ")), folder+"/*_test.go")
}
