package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/archive"
)

// rewritten changes a file of an archive, and the manifest to fit it.
func rewritten(t *testing.T, name string, change func(text string) string) string {
	t.Helper()
	dir := written(t, chains(), 0, 4)
	path := filepath.Join(dir, name)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := []byte(change(string(before)))
	if bytes.Equal(after, before) {
		t.Fatal("nothing was changed")
	}
	m, err := archive.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Files {
		if sum := sha256.Sum256(after); m.Files[i].Name == name {
			m.Files[i].Bytes, m.Files[i].SHA256 = int64(len(after)), hex.EncodeToString(sum[:])
		}
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, after, 0o600), os.WriteFile(filepath.Join(dir, "manifest.json"), append(manifest, '\n'), 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestRowsOfAnotherFormAreFound writes rows anew that say the same to this program, and something else perhaps to another one.
func TestRowsOfAnotherFormAreFound(t *testing.T) {
	all := chains()
	hash := hex.EncodeToString(all[0][0].Hash[:])
	const journals, postings = "journals-0.csv", "postings-0.csv"
	for name, c := range map[string]struct{ file, old, changed string }{
		"a hash in capitals":      {journals, hash, strings.ToUpper(hash)},
		"a longer hash":           {journals, hash, hash + "00"},
		"an id in capitals":       {journals, all[0][0].ID.String(), strings.ToUpper(all[0][0].ID.String())},
		"another time zone":       {journals, "T08:00:00.123Z", "T09:00:00.123+01:00"},
		"a part of a millisecond": {journals, "T08:00:00.123Z", "T08:00:00.1234Z"},
		"a number with a sign":    {journals, "ingest.instruction.v1,3,", "ingest.instruction.v1,+3,"},
		"a number with a zero":    {postings, "\n0,6,1,", "\n0,06,1,"},
		"fewer decimals":          {postings, "100.000000", "100.00"},
		"a balance with more":     {postings, "40.000000", "040.0000000"},
		"quotes":                  {postings, "contributed", `"contributed"`},
		"other ends of lines":     {postings, "\n", "\r\n"},
		"an empty line":           {postings, "\n0,6,2,", "\n\n0,6,2,"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := rewritten(t, c.file, func(text string) string { return strings.ReplaceAll(text, c.old, c.changed) })
			if _, err := archive.Read(dir, nil); !errors.Is(err, archive.ErrNotIntact) {
				t.Errorf("got %v", err)
			}
		})
	}
	cut := rewritten(t, postings, func(text string) string { return strings.TrimSuffix(text, "\n") })
	if _, err := archive.Read(cut, nil); !errors.Is(err, archive.ErrNotIntact) {
		t.Errorf("without the last end of a line: %v", err)
	}
}
