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
	"time"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// potIn returns a pot that belongs to the shard, of so many.
func potIn(shard, shards int32) schemas.PotID {
	for n := 0; ; n++ {
		if pot := fmt.Sprintf("p,\"%d\"", n); streams.PartitionOf(pot, shards) == shard {
			return schemas.PotID(pot)
		}
	}
}

// recorded is when the journal of that index is recorded: each in a month of its own, from March 2008 on.
func recorded(n int64) schemas.Instant {
	return schemas.InstantOf(time.Date(2008, time.March+time.Month(n), 20, 8, 0, 0, 123_000_000, time.UTC))
}

// chains are journals of two shards, after some that were written earlier; the third shard has none.
func chains() [][]ledger.Journal {
	order, trade, left := schemas.ID{1}, schemas.ID{2}, schemas.Quantity(40_000_000)
	all := make([][]ledger.Journal, 3)
	for shard := range int32(2) {
		pot, previous := potIn(shard, 3), ledger.Hash{byte(shard + 1)}
		for n := range int64(4) {
			j := ledger.Journal{
				ID: schemas.DeriveID("archive", fmt.Sprint(shard), fmt.Sprint(n)), Shard: shard, Source: "portal", Cause: "c 1\nnext, line",
				RecordedAt: recorded(n), Topic: "ingest.instruction.v1", Partition: 3, Offset: 17 + n, Rules: "pot/5",
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
	w, err := archive.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for shard, journals := range all {
		before, previous := int64(0), ledger.Hash{}
		if len(journals) > 0 {
			before, previous = journals[from].Sequence-1, journals[from].Previous
			journals = journals[from:min(to, len(journals))]
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
	if !reflect.DeepEqual(m.Totals, want) || len(m.Files) != 8 || m.Cluster != "cluster" {
		t.Errorf("the manifest is %+v", m)
	}
}

// TestArchivesFollowEachOtherInTheirMonths tells of archives whose numbers fit and whose months or cluster do not.
func TestArchivesFollowEachOtherInTheirMonths(t *testing.T) {
	all := chains()
	before, err := archive.Read(written(t, all, 0, 2), nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(m *archive.Manifest){
		"months":  func(m *archive.Manifest) { m.First = before.Last },
		"cluster": func(m *archive.Manifest) { m.Cluster = "another" },
	} {
		m, err := archive.Read(written(t, all, 2, 4), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Follows(before); err != nil {
			t.Error(err)
		}
		if change(m); m.Follows(before) == nil {
			t.Errorf("other %s follow", what)
		}
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

// freeText is what of a manifest the files do not show: nothing but signed heads has the name of the cluster too.
func freeText(line string) bool { return strings.Contains(line, `"cluster"`) }

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

// forged writes an archive of all journals, with a manifest that somebody wrote anew.
func forged(t *testing.T, change func(m *archive.Manifest)) string {
	t.Helper()
	return manifestChanged(t, written(t, chains(), 0, 4), change)
}

// manifestChanged changes the manifest of an archive, and returns its folder.
func manifestChanged(t *testing.T, dir string, change func(*archive.Manifest)) string {
	t.Helper()
	m, err := archive.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMonthsAndShardsAreThoseOfTheJournals changes in a manifest, each time with all that must fit to it, what no hash of a journal covers.
func TestMonthsAndShardsAreThoseOfTheJournals(t *testing.T) {
	doubled := func(m *archive.Manifest) {
		m.Shards, m.Files = append(m.Shards[:1:1], m.Shards...), append(m.Files[:2:2], m.Files...)
		m.Totals = []archive.Total{{Asset: "GB00X", Postings: 12, Quantity: "14.814000"}, {Asset: "GBP", Postings: 12, Quantity: "1200.000000"}}
	}
	half := []archive.Total{{Asset: "GB00X", Postings: 4, Quantity: "4.938000"}, {Asset: "GBP", Postings: 4, Quantity: "400.000000"}}
	for name, c := range map[string]struct {
		change func(m *archive.Manifest)
		says   string
	}{
		"a later last month":    {func(m *archive.Manifest) { m.Last = "2008-12" }, `the manifest says "2008-03" to "2008-12"`},
		"an earlier first":      {func(m *archive.Manifest) { m.First = "2007-12" }, `the manifest says "2007-12" to "2008-06"`},
		"an earlier last":       {func(m *archive.Manifest) { m.Last = "2008-05" }, "was recorded in 2008-06"},
		"a later first":         {func(m *archive.Manifest) { m.First = "2008-04" }, "was recorded in 2008-03"},
		"a shard twice":         {doubled, "shard 0 where shard 1 should be"},
		"no shard":              {func(m *archive.Manifest) { m.Shards, m.Files, m.Totals = nil, nil, nil }, "no shards"},
		"without the first":     {func(m *archive.Manifest) { m.Shards, m.Files, m.Totals = m.Shards[1:], m.Files[2:], half }, "shard 1 where shard 0 should be"},
		"without the last":      {func(m *archive.Manifest) { m.Shards, m.Files = m.Shards[:2], m.Files[:4] }, "of 2 shards"},
		"with one more":         {func(m *archive.Manifest) { m.Shards = append(m.Shards, m.Shards[2]) }, "shard 2 where shard 3 should be"},
		"a hash before nothing": {func(m *archive.Manifest) { m.Shards[2].Previous, m.Shards[2].Head = m.Shards[0].Head, m.Shards[0].Head }, "begins after journal 0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := archive.Read(forged(t, c.change), nil); !errors.Is(err, archive.ErrNotIntact) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnArchiveWithoutAJournalIsNotWritten(t *testing.T) {
	w, err := archive.Create(filepath.Join(t.TempDir(), "empty"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(0, 0, ledger.Hash{}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Close("cluster"); err == nil || !strings.Contains(err.Error(), "no journal") {
		t.Errorf("got %v", err)
	}
}

func TestAnArchiveIsWrittenOnceAndWhole(t *testing.T) {
	dir := written(t, chains(), 0, 4)
	if _, err := archive.Create(dir); err == nil {
		t.Error("an archive was written over another one")
	}
	half := filepath.Join(t.TempDir(), "half")
	w, err := archive.Create(half)
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
