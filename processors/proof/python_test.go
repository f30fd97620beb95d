package proof_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/proof"
)

const (
	verifier = "testdata/verify.py"
	// proofsPage shows it to those who write one of their own.
	proofsPage = "../../ops/docs/proofs.md"
	// verifierLinesMax keeps it short enough to be read: all lines count.
	verifierLinesMax = 40
)

// python returns an interpreter: the verifier needs nothing but what comes with one.
func python(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("PENSTOCK_PYTHON"); named != "" {
		return named
	}
	found, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("SKIPPED foreign-verifier: PENSTOCK_PYTHON names no interpreter, and there is no python3")
	}
	return found
}

// verify runs the verifier on a proof and a record.
func verify(t *testing.T, folder string, proven string, published *proof.Published) (string, error) {
	t.Helper()
	record, err := json.Marshal(published)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"proof.json": []byte(proven), "record.json": record} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), python(t), "-I", "-S", verifier, filepath.Join(folder, "proof.json"), filepath.Join(folder, "record.json")).CombinedOutput() //nolint:gosec // an interpreter that the developer names
	return string(out), err
}

func TestAForeignVerifierTakesProofsAndRefusesEveryForgery(t *testing.T) {
	tr := trade(3, 0, 2, 6)
	folder := t.TempDir()
	for shard, orders := range tr.shards {
		for n := range orders {
			text, err := json.Marshal(tr.prove(t, shard, n))
			if err != nil {
				t.Fatal(err)
			}
			if out, err := verify(t, folder, string(text), tr.published); err != nil || !strings.Contains(out, orders[n].ID.String()) {
				t.Fatalf("order %d of shard %d: %v\n%s", n, shard, err, out)
			}
		}
	}
	for name, text := range forged(t, tr.prove(t, 3, 1)) {
		if out, err := verify(t, folder, text, tr.published); err == nil {
			t.Errorf("changed at %s it is taken: %s", name, out)
		}
	}
}

func TestTheProofsPageShowsTheVerifierAsItIs(t *testing.T) {
	page, err := os.ReadFile(proofsPage)
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(verifier)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```python\n"+string(code)+"```") {
		t.Errorf("%s does not show %s as it is", proofsPage, verifier)
	}
	lines := strings.Count(string(code), "\n")
	if lines > verifierLinesMax {
		t.Errorf("the verifier has %d lines, it should have at most %d", lines, verifierLinesMax)
	}
}
