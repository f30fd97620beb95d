package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAMemberChooses loads a glide path, chooses it and contributes by it. The target date, which tells of an age, goes nowhere else.
func TestAMemberChooses(t *testing.T) {
	o := operate(t)
	file := filepath.Join(t.TempDir(), "paths.yaml")
	const path = `- GlidePath:
    code: LIFESTYLE
    effectiveFrom: "2008-01-01"
    rows:
      - {years: 10, split: [{asset: AAPL, weight: "1"}]}
      - {years: 0, split: [{asset: AAPL, weight: "0.5"}, {asset: MSFT, weight: "0.5"}]}`
	if err := os.WriteFile(file, []byte(path), 0o600); err != nil {
		t.Fatal(err)
	}
	o.do("", "reference", "apply", file, "--execute")
	o.settle()
	if out := o.do("", "reference", "show"); !strings.Contains(out, `"GlidePath"`) || !strings.Contains(out, `"LIFESTYLE"`) {
		t.Fatalf("the reference data are %s", out)
	}
	o.do(`{"source":"portal","id":"choice-1","pot":"p1","instructedOn":"2008-03-20","body":{"InvestmentChoice":{"path":"LIFESTYLE","target":"2017-06-30"}}}`+"\n", "produce", "ingest.instruction.v1")
	o.do(`{"source":"portal","id":"c-3","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"100.01","split":[],"byChoice":true}}}`+"\n", "produce", "ingest.instruction.v1")
	o.settle()
	tail := func(topic string) string { return o.do("", "tail", topic, "--from-start", "--no-follow", "--json") }
	journals := tail("ledger.journal.v1")
	if at := strings.Index(journals, `"cause":"c-3"`); at < 0 || !strings.Contains(journals[at:], `"50.000000"`) || !strings.Contains(journals[at:], `"50.010000"`) {
		t.Errorf("the contribution was booked by %s", journals)
	}
	if got := o.available(); got != "200.00" {
		t.Errorf("%s is available", got)
	}
	for _, topic := range []string{"ledger.journal.v1", "instruction.status.v1", "audit.rejection.v1", "custodian.order.v1", "dealing.inbox.v1"} {
		if strings.Contains(tail(topic), "2017-06-30") {
			t.Errorf("%s tells the target date", topic)
		}
	}
	if !strings.Contains(tail("ingest.instruction.v1"), "2017-06-30") {
		t.Error("the target date is not found where it was sent")
	}
	o.do("", "ledger", "verify", "--at-rest")
}
