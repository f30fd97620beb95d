package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/ops/archive"
)

// TestMonthsAreExportedVerifiedAndReadBack closes March and April 2008, keeps each in a folder, and makes a ledger of the folders.
func TestMonthsAreExportedVerifiedAndReadBack(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	at := func(args ...string) []string { return append(args, "--dir", dir) }
	must(t, tour, at("produce", "ingest.instruction.v1")...)
	for _, day := range []string{"2008-03-20", "2008-03-25", "2008-03-26", "2008-04-01", "2008-04-02"} {
		must(t, "", at("day", "close", day)...)
	}
	later := strings.NewReplacer("open-1", "open-2", "c-1", "c-2", `"p1"`, `"p2"`, "2008-03-20", "2008-04-02").Replace(tour)
	must(t, later, at("produce", "ingest.instruction.v1")...)
	folder := t.TempDir()
	march, april := filepath.Join(folder, "march"), filepath.Join(folder, "april")
	if out := must(t, "", at("ledger", "export", "--format", "csv", "--from", "2008-03", "--output", march)...); !strings.Contains(out, "journals of 2008-03 to 2008-03 in 8 files") {
		t.Errorf("the export says %q", out)
	}
	refused(t, "not complete yet", "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", april)...)
	refused(t, "no manifest", "", "ledger", "verify", "--archive", april)
	for _, day := range []string{"2008-04-03", "2008-04-30", "2008-05-01", "2008-05-02"} {
		must(t, "", at("day", "close", day)...)
	}
	refused(t, "is not empty", "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", march)...)
	april += "-2"
	must(t, "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", april)...)
	keys := anchored(t, at, folder)
	found := read[archive.Verified](t, append([]string{"ledger", "verify", "--archive", march, "--archive", april, "--json"}, keys...)...)
	if found.Journals == 0 || found.Anchored == 0 || len(found.Archives) != 2 {
		t.Errorf("verified were %+v", found)
	}
	refused(t, "goes on in 2008-03", "", "ledger", "verify", "--archive", april, "--archive", march)
	checkLoaded(t, at, s.Endpoints.Postgres, march, april)

	path := filepath.Join(march, "postings-0.csv")
	for shard := 0; found.Archives[0].Files[2*shard+1].Rows == 0; shard++ {
		path = filepath.Join(march, found.Archives[0].Files[2*shard+3].Name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "100.000000", "900.000000", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, archive.ErrNotIntact.Error(), "", "ledger", "verify", "--archive", march)
}

// anchored signs the heads of the chains, and returns the flags that hold something against them.
func anchored(t *testing.T, at func(...string) []string, folder string) []string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"anchor.key": {Type: "PRIVATE KEY", Bytes: key}, "anchor.pub": {Type: "PUBLIC KEY", Bytes: pub}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "heads.jws")
	must(t, "", at("ledger", "anchor", "--file", file, "--key", filepath.Join(folder, "anchor.key"))...)
	return []string{"--anchors", file, "--public-key", filepath.Join(folder, "anchor.pub")}
}

// checkLoaded reads the folders back into a database of their own, and compares it with the live one.
func checkLoaded(t *testing.T, at func(...string) []string, live, march, april string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(t.Context()) }()
	if _, err := connection.Exec(t.Context(), "create database read_back"); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(live)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/read_back"
	copied := []string{"--postgres", address.String()}
	refused(t, "load the archives from the first on", "", "ledger", "load", "--database", address.String(), april)
	must(t, "", "ledger", "load", "--database", address.String(), march)
	refused(t, "load the archives from the first on", "", "ledger", "load", "--database", address.String(), march)
	must(t, "", "ledger", "load", "--database", address.String(), april)
	must(t, "", append([]string{"ledger", "verify"}, copied...)...)
	for _, look := range [][]string{
		{"ledger", "hash"},
		{"ledger", "balances", "--by-pot", "--json"},
		{"trace", "portal/p1/c-1"},
		{"ledger", "balances", "--effective", "2008-03-25", "--recorded", "2008-04-10T00:00:00Z", "--json"},
	} {
		want, got := must(t, "", at(look...)...), must(t, "", append(look, copied...)...)
		if look[0] == "trace" {
			want, _, _ = strings.Cut(want, "  trade ") // the events of trades are not in the folders
			want = want[:strings.LastIndex(want, "\n")+1]
		}
		if got != want || got == "" {
			t.Errorf("%v of the copy:\n%s\nof the live one:\n%s", look, got, want)
		}
	}
}
