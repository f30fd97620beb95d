package processors_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/streams"
)

const catalogueFile = "../ops/docs/reference/catalogue.md"

// wordsOf returns the words by which the catalogue explains a field of a record.
func wordsOf(t *testing.T, catalogue, record, field string) []string {
	t.Helper()
	_, section, found := strings.Cut(catalogue, "\n### "+record+"\n")
	if !found {
		t.Fatalf("the catalogue has no record %s", record)
	}
	section, _, _ = strings.Cut(section, "\n### ")
	row := regexp.MustCompile("(?m)^\\| `" + field + "` \\|([^|]*)\\|").FindStringSubmatch(section)
	if row == nil {
		t.Fatalf("the catalogue has no field %s of %s", field, record)
	}
	return regexp.MustCompile("[a-z]+(-[a-z]+)*").FindAllString(row[1], -1)
}

// TestTheCatalogueNamesEveryInstructionEventStageAndState holds the reference to what the rules can say: readers of the topics look their words up there.
func TestTheCatalogueNamesEveryInstructionEventStageAndState(t *testing.T) {
	text, err := os.ReadFile(catalogueFile)
	if err != nil {
		t.Fatal(err)
	}
	catalogue := string(text)
	for _, topic := range []string{streams.IngestInstruction, streams.IngestConfirmation, streams.IngestOperator, streams.PotInbox, streams.DealingInbox} {
		for _, body := range bodiesOf(t, streams.TopicNamed(topic).Schema) {
			if !regexp.MustCompile(`(?m)^### [a-z]+\.` + body + `$`).MatchString(catalogue) {
				t.Errorf("the catalogue has no record %s, which is on %s", body, topic)
			}
		}
	}
	for _, list := range []struct{ record, field, files, word string }{
		{"ledger.Trade", "event", "dealing/*.go", "event"},
		{"ledger.Posting", "stage", "pot/*.go", "stage"},
		{"status.InstructionStatus", "state", "pot/*.go", "state"},
	} {
		words, said := wordsOf(t, catalogue, list.record, list.field), constantsIn(t, list.files, list.word)
		if len(said) < 10 {
			t.Errorf("only %d words of %s in %s were found: %v", len(said), list.field, list.record, said)
		}
		for _, word := range said {
			if word != "" && !slices.Contains(words, word) {
				t.Errorf("the catalogue does not name %q among what %s of %s may be", word, list.field, list.record)
			}
		}
	}
}
