package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/ops/archive"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
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
	if out := must(t, "", at("ledger", "export", "--format", "csv", "--from", "2008-03", "--output", march)...); !strings.Contains(out, "journals of 2008-03 to 2008-03 in 10 files, and ") {
		t.Errorf("the export says %q", out)
	}
	refused(t, "not complete yet", "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", april)...)
	refused(t, "no manifest in", "", "ledger", "verify", "--archive", april)
	for _, day := range []string{"2008-04-03", "2008-04-30", "2008-05-01", "2008-05-02"} {
		must(t, "", at("day", "close", day)...)
	}
	refused(t, "is not empty", "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", march)...)
	april += "-2"
	must(t, "", at("ledger", "export", "--format", "csv", "--from", "2008-04", "--output", april)...)
	keys := anchored(t, at, folder)
	found := read[archive.Verified](t, append([]string{"ledger", "verify", "--archive", march, "--archive", april, "--json"}, keys...)...)
	if found.Journals == 0 || found.Anchored == 0 || found.Events == 0 || found.AnchoredEvents != 1 || found.UnsignedEvents != 0 || len(found.Archives) != 2 {
		t.Errorf("verified were %+v", found)
	}
	refused(t, "goes on in 2008-03", "", "ledger", "verify", "--archive", april, "--archive", march)
	checkLoaded(t, at, s.Endpoints.Postgres, march, april)
	checkInterrupted(t, s.Endpoints.Postgres, march, april)
	checkOthersRefused(t, s.Endpoints.Postgres, march)

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
	checkOnlyVerifiedIsSigned(t, at, s.Endpoints.Postgres, folder)
}

// checkOnlyVerifiedIsSigned signs the ledger again, and then has somebody with every right change what a trade was dealt at.
func checkOnlyVerifiedIsSigned(t *testing.T, at func(...string) []string, live, folder string) {
	t.Helper()
	file := filepath.Join(folder, "heads.jws")
	sign := at("ledger", "anchor", "--verify", "--file", file, "--key", filepath.Join(folder, "anchor.key"))
	must(t, "", sign...)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, live, `alter table ledger.trade_event disable trigger append_only; update ledger.trade_event set price = price + 1 where price is not null;
		alter table ledger.trade_event enable always trigger append_only`)
	refused(t, "nothing was signed", "", sign...)
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) || strings.Count(string(after), "\n") != 2 {
		t.Errorf("the file was\n%sand is\n%s, %v", before, after, err)
	}
}

// anchored signs the heads of the chains, and returns the flags that hold something against them.
func anchored(t *testing.T, at func(...string) []string, folder string) []string {
	t.Helper()
	makeKeys(t, folder)
	file := filepath.Join(folder, "heads.jws")
	must(t, "", at("ledger", "anchor", "--file", file, "--key", filepath.Join(folder, "anchor.key"))...)
	return []string{"--anchors", file, "--public-key", filepath.Join(folder, "anchor.pub")}
}

// makeKeys makes anchor.key and anchor.pub.
func makeKeys(t *testing.T, folder string) {
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
}

// newDatabase makes a database beside the live one, and returns its address.
func newDatabase(t *testing.T, live, name string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(t.Context()) }()
	address, err := url.Parse(live)
	if err != nil {
		t.Fatal(err)
	}
	address.Path += "_" + name // other tests have databases on the same server
	if _, err := connection.Exec(t.Context(), "create database "+pgx.Identifier{strings.TrimPrefix(address.Path, "/")}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	return address.String()
}

// execute runs a statement in a database, and returns the number that it answers with, if it does.
func execute(t *testing.T, database, statement string) (number int64) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(t.Context()) }()
	if strings.HasPrefix(statement, "select") {
		err = connection.QueryRow(t.Context(), statement).Scan(&number)
	} else {
		_, err = connection.Exec(t.Context(), statement)
	}
	if err != nil {
		t.Fatal(err)
	}
	return number
}

var errBroken = errors.New("broken off")

// copying opens a ledger for copies of an archive, whose bookings fail at a step.
func copying(t *testing.T, database string, m *archive.Manifest, fails postgres.Step) *postgres.Ledger {
	t.Helper()
	pool, err := postgres.OpenPool(t.Context(), database, postgres.RoleSink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	to, err := postgres.OpenLedger(t.Context(), pool, postgres.LedgerOptions{
		Shards: int32(len(m.Shards)), Cluster: archive.CopyOf(m.Cluster), Process: "test", //nolint:gosec // a few
		Faults: func(_ int32, at postgres.Step) error {
			if at == fails {
				return errBroken
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// bookOne books the first journal of a shard that has more.
func bookOne(t *testing.T, to *postgres.Ledger, dir string) {
	t.Helper()
	var first []ledger.Journal
	_, err := archive.Read(dir, func(j *ledger.Journal) error {
		if len(first) == 0 || len(first) == 1 && first[0].Shard != j.Shard {
			first = []ledger.Journal{*j}
		} else {
			first = append(first, *j)
		}
		return nil
	})
	if err != nil || len(first) < 2 {
		t.Fatalf("no shard has two journals, or %v", err)
	}
	at, err := to.Claim(t.Context(), first[0].Shard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Book(t.Context(), at, postgres.Batch{Journals: first[:1], JournalOffset: 1}); err != nil {
		t.Fatal(err)
	}
}

// checkInterrupted breaks loads off, within a shard and before and after bookings, and goes on with the command.
func checkInterrupted(t *testing.T, live, march, april string) {
	t.Helper()
	m, err := archive.ReadManifest(march)
	if err != nil {
		t.Fatal(err)
	}
	database := newDatabase(t, live, "interrupted")
	if err := postgres.Migrate(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	bookOne(t, copying(t, database, m, ""), march)
	for _, step := range []postgres.Step{postgres.StepCopied, postgres.StepBooked, postgres.StepBooked, postgres.StepBooked} {
		err := archive.Load(t.Context(), copying(t, database, m, step), []string{march, april}, func(string, int64) {})
		if !errors.Is(err, errBroken) {
			t.Errorf("the load was not broken off at %s: %v", step, err)
		}
	}
	must(t, "", "ledger", "load", "--database", database, march, april)
	if want, got := must(t, "", "ledger", "hash", "--postgres", live), must(t, "", "ledger", "hash", "--postgres", database); got != want {
		t.Errorf("the hash of the copy is %s, that of the live ledger %s", got, want)
	}
	checkTradesOf(t, database, live)
	must(t, "", "ledger", "verify", "--postgres", database)
	execute(t, database, "update ledger.position set head = decode(repeat('ab', 32), 'hex') where topic = 'ledger.journal.v1' and sequence > 0")
	refused(t, "a copy of other journals", "", "ledger", "load", "--database", database, march, april)
}

// checkOthersRefused gives the command databases that have another ledger, one of them of a schema that it would migrate.
func checkOthersRefused(t *testing.T, live, march string) {
	t.Helper()
	refused(t, "a database of their own", "", "ledger", "load", "--database", live, march)
	old := newDatabase(t, live, "old")
	execute(t, old, "create schema ledger; create table ledger.system (shards integer, cluster text); insert into ledger.system values (8, 'another')")
	execute(t, old, "grant usage on schema ledger to penstock_auditor; grant select on ledger.system to penstock_auditor")
	refused(t, `of cluster "another" with 8 shards`, "", "ledger", "load", "--database", old, march)
	if tables := execute(t, old, "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname in ('ledger', 'report')"); tables != 1 {
		t.Errorf("it was migrated before it was refused: it has %d tables", tables)
	}
}

// checkLoaded reads the folders back into a database of their own, and compares it with the live one.
func checkLoaded(t *testing.T, at func(...string) []string, live, march, april string) {
	t.Helper()
	address := newDatabase(t, live, "read_back")
	copied := []string{"--postgres", address}
	refused(t, "load the archives from the first on", "", "ledger", "load", "--database", address, april)
	must(t, "", "ledger", "load", "--database", address, march)
	if out := must(t, "", "ledger", "load", "--database", address, march); !strings.Contains(out, ": 0 journals") {
		t.Errorf("loaded again: %s", out)
	}
	must(t, "", "ledger", "load", "--database", address, april)
	refused(t, "name the archives that go on", "", "ledger", "load", "--database", address, march)
	must(t, "", append([]string{"ledger", "verify"}, copied...)...)
	for _, look := range [][]string{
		{"ledger", "hash"},
		{"ledger", "balances", "--by-pot", "--json"},
		{"trace", "portal/p1/c-1"},
		{"ledger", "balances", "--effective", "2008-03-25", "--recorded", "2008-04-10T00:00:00Z", "--json"},
	} {
		want, got := must(t, "", at(look...)...), must(t, "", append(look, copied...)...)
		if got != want || got == "" {
			t.Errorf("%v of the copy:\n%s\nof the live one:\n%s", look, got, want)
		}
	}
	checkTradesOf(t, address, live)
}

// checkTradesOf compares all that a copy says of trades with what the live ledger says.
func checkTradesOf(t *testing.T, copied, live string) {
	t.Helper()
	for _, view := range []string{"report.trade_events", "report.trades", "(select record_offset, shard, weight, orders, root from ledger.trade_part)"} {
		said := "select coalesce(('x' || substr(md5(string_agg(x::text, '|' order by x::text)), 1, 15))::bit(60)::bigint, 0) from " + view + " x"
		if got, want := execute(t, copied, said), execute(t, live, said); got != want || got == 0 {
			t.Errorf("%s of the copy is another one than that of the live ledger (%x, %x)", view, got, want)
		}
	}
}
