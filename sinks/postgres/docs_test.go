package postgres

import (
	"os"
	"regexp"
	"testing"
)

// TestTheQuestionsOfTheDocumentationHaveAnswers runs every SQL example of the ledger's page as an analyst.
func TestTheQuestionsOfTheDocumentationHaveAnswers(t *testing.T) {
	page, err := os.ReadFile("../../ops/docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(examples) < 10 {
		t.Fatalf("the page has only %d examples", len(examples))
	}
	test := openTestLedger(t)
	test.bookLives(t)
	analyst := openTestPool(t, test.url, "penstock_analyst")
	for _, example := range examples {
		if _, err := analyst.Exec(t.Context(), example[1]); err != nil {
			t.Errorf("%s: %v", example[1], err)
		}
	}
}
