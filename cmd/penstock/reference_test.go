package main

import (
	"encoding/json"
	"testing"
)

// TestAFileSentAgainHasTheSameIDs shows what lets dealing know it again, and what makes it another sending.
func TestAFileSentAgainHasTheSameIDs(t *testing.T) {
	row := json.RawMessage(`{"Settings":{}}`)
	first := referenceID("operations", "", row)
	if again := referenceID("operations", "", row); again != first {
		t.Errorf("the same entry has the ids %s and %s", first, again)
	}
	if named := referenceID("operations", "restored", row); named == first {
		t.Errorf("an entry of another sending has the id %s, too", named)
	}
}
