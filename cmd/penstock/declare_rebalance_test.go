package main

import (
	"strings"
	"testing"
)

// TestAnOperatorRebalances trades a pot back to its choice, with its cash, once a day.
func TestAnOperatorRebalances(t *testing.T) {
	o := operate(t)
	o.do(`{"source":"portal","id":"choice-1","pot":"p1","instructedOn":"2008-03-20","body":{"InvestmentChoice":{"split":[{"asset":"AAPL","weight":"0.5"},{"asset":"MSFT","weight":"0.5"}]}}}`+"\n", "produce", "ingest.instruction.v1")
	o.settle()
	run := []string{"declare", "rebalance", "2008-03-20", "--absolute", "0.01", "--minimum", "5.00", "--invest-cash", "--while-unsettled", "--id", "run-1"}
	if out := o.do("", append(run, "--operator", "anna", "--reason", "each quarter")...); !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	for range 2 { // the second time changes nothing
		o.act(run...)
	}
	o.settle()
	tail := func(topic string) string { return o.do("", "tail", topic, "--from-start", "--no-follow", "--json") }
	if out := tail("instruction.status.v1"); strings.Count(out, `"!rebalance"`) != 1 || !strings.Contains(out, `"accepted"`) {
		t.Errorf("the statuses are %s", out)
	}
	if got := o.available(); got != "0.00" {
		t.Errorf("%s is available", got)
	}
	run[len(run)-1] = "run-2"
	o.act(run...)
	o.settle()
	if out := tail("audit.rejection.v1"); !strings.Contains(out, "dealing/already-rebalanced") {
		t.Errorf("refused was %s", out)
	}
	refused(t, "no band", "", append([]string{"declare", "rebalance", "2008-03-20", "--id", "run-3", "--dir", o.dir}, word()...)...)
	o.do("", "ledger", "verify", "--at-rest")
}
