package tidy

import (
	"fmt"
	"slices"
	"strings"
)

// Waiver excuses one file, or all files of a folder, from one rule.
type Waiver struct {
	Rule string
	Path string
	// Reason is for the reader; a waiver without one is refused.
	Reason string
}

// ParseWaivers reads lines of the form `rule path reason`; empty lines and lines that begin with # are comments.
func ParseWaivers(text string) ([]Waiver, error) {
	var waivers []Waiver
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("reading waiver %q: want a rule, a path and a reason", line)
		}
		waivers = append(waivers, Waiver{Rule: fields[0], Path: fields[1], Reason: strings.Join(fields[2:], " ")})
	}
	return waivers, nil
}

// Waive takes from the findings of a rule those that a waiver excuses, and adds one for each waiver of that rule that excuses
// nothing: the list must shrink when the code gets better.
func Waive(rule string, findings []Finding, waivers []Waiver) []Finding {
	var kept []Finding
	used := make([]bool, len(waivers))
	for _, finding := range findings {
		at := slices.IndexFunc(waivers, func(w Waiver) bool { return w.Rule == rule && within(finding.Path, w.Path) })
		if at < 0 {
			kept = append(kept, finding)
			continue
		}
		used[at] = true
	}
	for at, waiver := range waivers {
		if waiver.Rule == rule && !used[at] {
			kept = append(kept, Finding{Path: "ops/tidy/waivers.txt", Message: "the waiver of " + rule + " for " + waiver.Path + " excuses nothing any more: remove it"})
		}
	}
	return kept
}
