package drills_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// clientsPage tells those who write clients how to.
const clientsPage = "../docs/clients.md"

func TestTheClientsPageShowsWhatTheseTestsRun(t *testing.T) {
	page, err := os.ReadFile(clientsPage)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```python\n")[1:]
	shown := map[string]bool{}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		shown[code] = true
	}
	scripts := []string{produceScript, consumeScript}
	for _, name := range scripts {
		code, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if !shown[string(code)] {
			t.Errorf("%s does not show %s as it is", clientsPage, name)
		}
	}
	if len(blocks) != len(scripts) {
		t.Errorf("%s shows %d programs in Python, these tests run %d", clientsPage, len(blocks), len(scripts))
	}
	for code, at := range refusals() {
		if at != "intake/not-positive" && !strings.Contains(string(page), string(at)) {
			t.Errorf("%s does not name %s, which %q gets", clientsPage, at, code)
		}
	}
}
