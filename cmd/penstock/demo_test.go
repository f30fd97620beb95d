package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/demo"
)

func TestTheDemoReportsThatEverythingHolds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stack")
	out := must(t, "", "demo", "--members", "20", "--days", "6", "--seed", "9", "--json", "--dir", dir)
	var report demo.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if !report.OK || report.Members != 20 || report.DealingDays != 6 || report.Seed != 9 || len(report.Cases) == 0 {
		t.Errorf("reported %+v", report)
	}
	planned, stored := 0, 0
	for _, day := range report.Days {
		for _, correction := range day.Corrections {
			planned += len(correction.Plan)
		}
	}
	if planned < 2 {
		t.Errorf("a correction was planned of %d pots", planned)
	}
	for _, check := range report.Checks {
		if !check.OK {
			t.Errorf("%s: %s", check.Name, check.Detail)
		}
		if strings.HasPrefix(check.Name, "in Postgres: ") {
			stored++
		}
	}
	if stored == 0 {
		t.Error("nothing was checked in Postgres")
	}
	if _, err := os.Stat(filepath.Join(dir, stackFoundation)); err != nil {
		t.Errorf("the stack's folder is gone: %v", err)
	}
}

func TestTheDemoRefusesAFolderWithSomethingInIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "something"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := penstock(t, "", "demo", "--dir", dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("answered %v", err)
	}
}
