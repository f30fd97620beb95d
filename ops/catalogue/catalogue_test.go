package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/streams"
)

func TestTheCatalogueIsWhatTheSchemasSay(t *testing.T) {
	const path = "../docs/reference/catalogue.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := write(&want, streams.Topics()); err != nil {
		t.Fatal(err)
	}
	if string(text) != want.String() {
		t.Errorf("%s is out of date; run: make generate", path)
	}
	for _, topic := range streams.Topics() {
		if n := strings.Count(want.String(), "| `"+topic.Name+"` |"); n != 1 {
			t.Errorf("topic %s stands in it %d times", topic.Name, n)
		}
	}
}

func TestEachRecordStandsInTheCatalogueOnce(t *testing.T) {
	var page bytes.Buffer
	if err := write(&page, streams.Topics()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(page.String()) {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			if seen[name] {
				t.Errorf("%s stands in it twice", strings.TrimSpace(name))
			}
			seen[name] = true
		}
	}
	for link := range strings.SplitSeq(page.String(), "](#") {
		target, _, _ := strings.Cut(link, ")")
		found := false
		for name := range seen {
			found = found || anchor(strings.TrimSpace(name)) == target
		}
		if !found && link[0] != '<' {
			t.Errorf("nothing stands at #%s", target)
		}
	}
}

// TestExamplesAreWhatTheirFieldsHold looks at fields whose type alone would give them an example of something else.
func TestExamplesAreWhatTheirFieldsHold(t *testing.T) {
	var page bytes.Buffer
	if err := write(&page, streams.Topics()); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"`rules`": pot.Rules, "`operator`": "sam", "`state`": "accepted"}
	found := map[string]int{}
	for line := range strings.Lines(page.String()) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || want[strings.TrimSpace(cells[1])] == "" {
			continue
		}
		field := strings.TrimSpace(cells[1])
		found[field]++
		if example := strings.TrimSpace(cells[4]); example != want[field] {
			t.Errorf("the example of %s is %s, want %s", field, example, want[field])
		}
	}
	if len(found) != len(want) {
		t.Errorf("found are %v", found)
	}
}

// TestATargetDateGoesNoFurtherThanItMust names the topics that may have one: it tells of an age. The changelog of pots, which nobody else reads, has it too.
func TestATargetDateGoesNoFurtherThanItMust(t *testing.T) {
	var found []string
	for _, topic := range streams.Topics() {
		if strings.Contains(topic.Schema, `"InvestmentChoice"`) {
			found = append(found, topic.Name)
		}
	}
	slices.Sort(found)
	if want := []string{streams.IngestInstruction, streams.PotInbox}; !slices.Equal(found, want) {
		t.Errorf("choices are on %v, and should be on %v", found, want)
	}
}

// TestNothingIsReleasedThatNobodyClassed: a field with a name of its own and a record that is new must be told of before the page can be written.
func TestNothingIsReleasedThatNobodyClassed(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"record","name":"Price","namespace":"penstock.x","fields":[{"name":"colour","type":"string","doc":"d"}]}`:   "Price.colour: names has no term for it",
		`{"type":"record","name":"Price","namespace":"penstock.x","fields":[{"name":"reason","type":"int","doc":"d"}]}`:      "Price.reason is of type int",
		`{"type":"record","name":"Brand","namespace":"penstock.x","fields":[{"name":"reason","type":"string","doc":"d"}]}`:   "Brand: say in sensitivity.go who may see it",
		`{"type":"record","name":"Price","namespace":"penstock.x","fields":[{"name":"reason","type":"string"}]}`:             "does not say what it means",
		`{"type":"record","name":"Price","namespace":"penstock.x","fields":[{"name":"reason","type":"Elsewhere","doc":""}]}`: "used before it is defined",
	} {
		err := write(new(bytes.Buffer), []streams.Topic{{Name: "t", Schema: text}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
