package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/streams"
)

// TestMonthsAreDroppedAndAllStaysKnown has trades that begin in one month and are settled in the next, keeps March and April 2008 in folders, and drops them from a
// running ledger, which goes on.
func TestMonthsAreDroppedAndAllStaysKnown(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	at := func(args ...string) []string { return append(args, "--dir", dir) }
	closed := func(days ...string) {
		for _, day := range days {
			must(t, "", at("day", "close", day)...)
		}
	}
	again := func(number, pot, day string) string {
		return strings.NewReplacer("open-1", "open-"+number, "c-1", "c-"+number, `"p1"`, `"`+pot+`"`, "2008-03-20", day).Replace(tour)
	}
	must(t, tour, at("produce", "ingest.instruction.v1")...)
	closed("2008-03-20", "2008-03-25", "2008-03-28")
	must(t, again("2", "p2", "2008-03-31"), at("produce", "ingest.instruction.v1")...)
	closed("2008-03-31")
	settleBooks(t, s)
	folder := t.TempDir()
	keys := anchored(t, at, folder)
	// In a shard of which something is signed, for an archive is refused whose anchors say nothing of a shard.
	beside := "p5"
	for n := 6; streams.PartitionOf(beside, 4) != streams.PartitionOf("p1", 4); n++ {
		beside = fmt.Sprint("p", n)
	}
	must(t, again("5", beside, "2008-03-31"), at("produce", "ingest.instruction.v1")...)
	closed("2008-04-01", "2008-04-02", "2008-04-03", "2008-04-04", "2008-04-30", "2008-05-01")
	must(t, again("3", "p3", "2008-05-01"), at("produce", "ingest.instruction.v1")...)
	closed("2008-05-02", "2008-05-06", "2008-05-07", "2008-05-08", "2008-06-02", "2008-06-03")

	settleBooks(t, s)
	march, april, may := filepath.Join(folder, "march"), filepath.Join(folder, "april"), filepath.Join(folder, "may")
	exported := func(month, to string) {
		must(t, "", at("ledger", "export", "--format", "csv", "--from", month, "--output", to)...)
	}
	exported("2008-03", march)
	exported("2008-04", april)
	must(t, "", at("ledger", "verify", "--at-rest")...)
	hash := must(t, "", at("ledger", "hash")...)
	looks := [][]string{
		{"ledger", "balances", "--by-pot", "--json"},
		{"ledger", "balances", "--by-pot", "--effective", "2008-04-30", "--json"},
		{"ledger", "balances", "--by-pot", "--effective", "2008-05-02", "--recorded", "2008-05-06T00:00:00Z", "--json"},
		{"trace", "portal/p3/c-3"},
	}
	before := make([]string, len(looks))
	for i, look := range looks {
		before[i] = must(t, "", at(look...)...)
	}

	act := []string{"--operator", "anna", "--reason", "kept in two vaults"}
	refused(t, "only the oldest months", "", at(append([]string{"ledger", "drop", april}, act...)...)...)
	marchAct := append(append([]string{"ledger", "drop", march}, act...), keys...)
	if out := must(t, "", at(marchAct...)...); !strings.Contains(out, "nothing was done; add --execute") {
		t.Errorf("the plan says %s", out)
	}
	for _, act := range [][]string{marchAct, append([]string{"ledger", "drop", april}, act...)} {
		if out := must(t, "", at(append(act, "--execute")...)...); !strings.Contains(out, "journals with") || !strings.Contains(out, "done; it is act") {
			t.Errorf("%v says %s", act, out)
		}
	}
	for i, look := range looks {
		if now := must(t, "", at(look...)...); now != before[i] || now == "" {
			t.Errorf("%v was\n%s\nand is\n%s", look, before[i], now)
		}
	}
	must(t, "", at("ledger", "verify", "--at-rest")...)
	must(t, "", at(append([]string{"ledger", "verify"}, keys...)...)...)
	must(t, "", at("ledger", "anchor", "--file", filepath.Join(folder, "heads.jws"), "--key", filepath.Join(folder, "anchor.key"))...)
	must(t, "", at(append([]string{"ledger", "verify", "--incremental"}, keys...)...)...)
	for _, asked := range [][]string{
		{"ledger", "balances", "--effective", "2008-03-25"}, {"ledger", "balances", "--recorded", "2008-03-25T00:00:00Z"}, {"trace", "portal/p1/c-1"},
		{"ledger", "hash"}, {"ledger", "export"}, {"ledger", "export", "--format", "csv", "--from", "2008-03", "--output", filepath.Join(folder, "again")},
	} {
		refused(t, "archive march", "", at(asked...)...)
	}
	exported("2008-05", may)
	copied := newDatabase(t, s.Endpoints.Postgres, "whole_again")
	must(t, "", "ledger", "load", "--database", copied, march, april, may)
	if got := must(t, "", "ledger", "hash", "--postgres", copied); got != hash {
		t.Errorf("the archives and what is left have the hash %s, all of it had %s", got, hash)
	}
	must(t, again("4", "p4", "2008-06-03"), at("produce", "ingest.instruction.v1")...)
	closed("2008-06-04", "2008-06-05")
	settleBooks(t, s)
	must(t, "", at("ledger", "verify")...)
	must(t, "", at("trace", "portal/p4/c-4")...)
	if acts := execute(t, s.Endpoints.Postgres, "select count(*) from report.openings where operator = 'anna'"); acts != 2 {
		t.Errorf("%d acts are kept", acts)
	}
}
