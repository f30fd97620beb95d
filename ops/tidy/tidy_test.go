package tidy

import (
	"os"
	"slices"
	"testing"
)

// root is the tree as seen from this package.
const root = "../.."

func TestTheHouseIsTidy(t *testing.T) {
	tree, err := Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("waivers.txt")
	if err != nil {
		t.Fatal(err)
	}
	waivers, err := ParseWaivers(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, finding := range Waive(rule.Name, rule.Check(tree), waivers) {
				t.Error(finding)
			}
		})
	}
	for _, waiver := range waivers {
		if !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.Name == waiver.Rule }) {
			t.Errorf("waivers.txt names the rule %q, which does not exist", waiver.Rule)
		}
	}
}
