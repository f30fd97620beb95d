package archive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// chains are journals of two shards, after some that were written earlier; the third shard has none.
func chains() [][]ledger.Journal {
	pot, order, trade, left := schemas.PotID("p,\"1\""), schemas.ID{1}, schemas.ID{2}, schemas.Quantity(40_000_000)
	all := make([][]ledger.Journal, 3)
	for shard := range int32(2) {
		previous := ledger.Hash{byte(shard + 1)}
		for n := range int64(4) {
			j := ledger.Journal{
				ID: schemas.DeriveID("archive", fmt.Sprint(shard), fmt.Sprint(n)), Shard: shard, Source: "portal", Cause: "c 1\nnext, line",
				RecordedAt: schemas.Instant(1_206_000_000_123 + n), Topic: "ingest.instruction.v1", Partition: 3, Offset: 17 + n, Rules: "pot/4",
				Postings: []ledger.Posting{
					{Leg: 1, Stage: "contributed", Asset: "GBP", Scale: 2, Quantity: 100_000_000, From: "bank:client-money", To: "pot:available", EffectiveOn: 13958, ToBalance: &left},
					{Leg: 2, Stage: "priced", Asset: "GB00X", Scale: 4, Quantity: 1_234_500, From: "custodian/C:units-owed", To: "pot:pending", EffectiveOn: 13958, Order: &order, Trade: &trade, CounterOrder: &trade, Reverses: &order},
				},
			}
			if n > 0 {
				j.Pot = &pot
			}
			previous = j.Link(6+n, previous)
			all[shard] = append(all[shard], j)
		}
	}
	return all
}

// written writes an archive of the journals from one index on up to another.
func written(t *testing.T, all [][]ledger.Journal, from, to int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "archive")
	w, err := archive.Create(dir, "2008-03", "2008-03")
	if err != nil {
		t.Fatal(err)
	}
	for shard, journals := range all {
		before, previous := int64(0), ledger.Hash{}
		if len(journals) > 0 {
			before, previous = journals[from].Sequence-1, journals[from].Previous
			journals = journals[from:to]
		}
		if err := w.Begin(int32(shard), before, previous); err != nil {
			t.Fatal(err)
		}
		for i := range journals {
			if err := w.Add(&journals[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := w.Close("cluster"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	all := chains()
	got := make([][]ledger.Journal, 3)
	m, err := archive.Read(written(t, all, 0, 4), func(j *ledger.Journal) error {
		got[j.Shard] = append(got[j.Shard], *j)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, all) {
		t.Errorf("read %+v\nwant %+v", got, all)
	}
	want := []archive.Total{{Asset: "GB00X", Postings: 8, Quantity: "9.876000"}, {Asset: "GBP", Postings: 8, Quantity: "800.000000"}}
	if !reflect.DeepEqual(m.Totals, want) || len(m.Files) != 6 || m.Cluster != "cluster" {
		t.Errorf("the manifest is %+v", m)
	}
}

func TestArchivesFollowEachOther(t *testing.T) {
	all := chains()
	manifests := make([]*archive.Manifest, 0, 3)
	for _, part := range [][2]int{{0, 2}, {2, 3}, {3, 4}} {
		m, err := archive.Read(written(t, all, part[0], part[1]), nil)
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, m)
	}
	for i := range manifests {
		for k := range manifests {
			if err := manifests[k].Follows(manifests[i]); (err == nil) != (k == i+1) || err != nil && !errors.Is(err, archive.ErrNotIntact) {
				t.Errorf("part %d after part %d: %v", k, i, err)
			}
		}
	}
}

// TestEveryChangeIsFound changes each file in every place where it can be changed by a digit, and takes away and doubles each of its rows.
func TestEveryChangeIsFound(t *testing.T) {
	dir := written(t, chains(), 0, 2)
	for _, name := range []string{"journals-0.csv", "postings-1.csv", "postings-2.csv", "manifest.json"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, changed := range changes(string(text)) {
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Read(dir, nil); err == nil {
				t.Errorf("%s: %s, and nobody notices", name, what)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Read(dir, nil); err == nil {
			t.Errorf("%s is missing, and nobody notices", name)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := archive.Read(dir, nil); err != nil {
		t.Errorf("put right again: %v", err)
	}
}

// freeText is what of a manifest the files do not show: nothing follows from it but what the reader is told.
func freeText(line string) bool {
	return strings.Contains(line, `"cluster"`) || strings.Contains(line, `"first"`) || strings.Contains(line, `"last"`)
}

func changes(text string) map[string]string {
	all := make(map[string]string)
	lines := strings.SplitAfter(text, "\n")
	at := 0
	for i, line := range lines {
		for k := range line {
			if c := line[k]; c >= '0' && c <= '9' && !freeText(line) {
				all["the digit "+string(c)+" of "+line[:k]+"|"+line[k:]] = text[:at+k] + string('0'+(c-'0'+1)%10) + text[at+k+1:]
			}
		}
		at += len(line)
		if strings.HasSuffix(line, "}\n") || strings.HasSuffix(line, "{\n") || !strings.Contains(line, ",") || strings.Contains(line, `": "`) || strings.Contains(line, `": [`) {
			continue
		}
		all["no line "+line] = strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
		if !strings.Contains(line, `": `) {
			all["twice "+line] = strings.Join(append(append([]string{}, lines[:i+1]...), lines[i:]...), "")
		}
	}
	return all
}

// TestAForgerWhoWritesTheManifestAnewIsFoundByTheChain changes a quantity and all that the manifest says of the file.
func TestAForgerWhoWritesTheManifestAnewIsFoundByTheChain(t *testing.T) {
	all := chains()
	all[0][1].Postings[0].Quantity++
	_, err := archive.Read(written(t, all, 0, 4), nil)
	if !errors.Is(err, archive.ErrNotIntact) || !strings.Contains(err.Error(), "journal 7 has the hash") {
		t.Errorf("got %v", err)
	}
	all = chains()
	all[0] = append(all[0][:1], all[0][2:]...)
	if _, err = archive.Read(written(t, all, 0, 3), nil); !errors.Is(err, archive.ErrNotIntact) {
		t.Errorf("without a journal: %v", err)
	}
}

func TestAnArchiveIsWrittenOnceAndWhole(t *testing.T) {
	dir := written(t, chains(), 0, 4)
	if _, err := archive.Create(dir, "2008-03", "2008-03"); err == nil {
		t.Error("an archive was written over another one")
	}
	half := filepath.Join(t.TempDir(), "half")
	w, err := archive.Create(half, "2008-03", "2008-03")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Begin(0, 0, ledger.Hash{}), w.Abandon()); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Read(half, nil); err == nil || !strings.Contains(err.Error(), "no manifest") {
		t.Errorf("half an archive: %v", err)
	}
	other, err := json.Marshal(archive.Manifest{Format: "penstock-archive/9"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "manifest.json"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Read(half, nil); err == nil || !strings.Contains(err.Error(), "penstock-archive/9") {
		t.Errorf("another format: %v", err)
	}
}
