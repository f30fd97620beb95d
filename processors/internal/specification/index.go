package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/processors/internal/lifecycle"
)

// shownMax is how many scenarios a row of the index names; more do not help a reader.
const shownMax = 4

// cycle is a life cycle with the scenarios that show its moves, as a process's own test writes it down.
type cycle struct {
	folder, title string
	edges         lifecycle.Cycle
	shown         [][]string
}

func readCycles(root string) ([]cycle, error) {
	cycles := []cycle{{folder: "pot", title: "An instruction"}, {folder: "dealing", title: "An external trade"}}
	for i := range cycles {
		text, err := os.ReadFile(filepath.Join(root, "processors", cycles[i].folder, "testdata", "edges.txt"))
		if err != nil {
			return nil, fmt.Errorf("reading a life cycle: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			columns := strings.Split(strings.TrimSpace(line), "|")
			if strings.HasPrefix(line, "#") || len(columns) != 3 {
				continue
			}
			cycles[i].edges = append(cycles[i].edges, lifecycle.Named(strings.TrimSpace(columns[0]), strings.TrimSpace(columns[1])))
			cycles[i].shown = append(cycles[i].shown, strings.Fields(strings.ReplaceAll(columns[2], ".scenario", "")))
		}
	}
	return cycles, nil
}

func writeCycles(b *strings.Builder, cycles []cycle) {
	b.WriteString("\n## Life cycles\n\nEvery move is declared in the rules, which refuse to make any other, and is shown by a scenario.\nAn instruction shows neither that it was received nor that its orders were batched and placed: it is answered first with what became of it, and the others are events of the trade. What re-balancing tells of a pot that it leaves alone (`untraded`) is about no instruction.\n")
	for _, c := range cycles {
		fmt.Fprintf(b, "\n### %s\n\n%s\n| move | when | shown by |\n|---|---|---|\n", c.title, c.edges.Mermaid())
		for i, edge := range c.edges {
			if edge.To == "" {
				continue // that nothing follows is drawn, and is no move
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", edge.Name(), edge.When, links(c.folder, c.shown[i]))
		}
	}
}

func writeCodes(b *strings.Builder, chapters []chapter) {
	shown := make(map[string][]string)
	for _, c := range chapters {
		for _, s := range c.scenarios {
			for _, code := range s.codes {
				if link := link(c.folder, s.name); !slices.Contains(shown[code], link) {
					shown[code] = append(shown[code], link)
				}
			}
		}
	}
	b.WriteString("\n## Rejection codes\n\nWhat each code means and what to do about it is in [rejections.md](rejections.md).\n\n| code | shown by |\n|---|---|\n")
	for _, code := range slices.Sorted(maps.Keys(shown)) {
		fmt.Fprintf(b, "| `%s` | %s |\n", code, strings.Join(shown[code][:min(shownMax, len(shown[code]))], ", "))
	}
}

// writeInvariants lists what must always be so. A scenario can only show one case of it; most rows name the test that looks at all cases, too.
func writeInvariants(b *strings.Builder, root string, chapters []chapter) error {
	b.WriteString("\n## Invariants\n\nA scenario shows one case; the tests named look at any case that they can draw.\n\n| no. | what must be so | shown by | tested by |\n|---|---|---|---|\n")
	text, err := os.ReadFile(filepath.Join(root, "processors", "internal", "specification", "invariants.txt"))
	if err != nil {
		return fmt.Errorf("reading the invariants: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		columns := strings.Split(strings.TrimSpace(line), "|")
		if strings.HasPrefix(line, "#") || len(columns) != 4 {
			continue
		}
		var shown []string
		for _, name := range strings.Fields(columns[2]) {
			folder, file, _ := strings.Cut(name, "/")
			if !has(chapters, folder, file) {
				return fmt.Errorf("reading the invariants: there is no scenario %s", name)
			}
			shown = append(shown, link(folder, file))
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", strings.TrimSpace(columns[0]), strings.TrimSpace(columns[1]), strings.Join(shown, ", "), tests(columns[3]))
	}
	return nil
}

func has(chapters []chapter, folder, name string) bool {
	return slices.ContainsFunc(chapters, func(c chapter) bool {
		return c.folder == folder && slices.ContainsFunc(c.scenarios, func(s scenario) bool { return s.name == name })
	})
}

func tests(column string) string {
	names := strings.Fields(column)
	for i := range names {
		names[i] = "`" + names[i] + "`"
	}
	return strings.Join(names, " ")
}

func links(folder string, names []string) string {
	all := make([]string, len(names))
	for i := range names {
		all[i] = link(folder, names[i])
	}
	return strings.Join(all, ", ")
}

// link points to the scenario's heading.
func link(folder, name string) string {
	return fmt.Sprintf("[%s](#%s-%s)", name, folder, name)
}
