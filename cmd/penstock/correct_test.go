package main

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

// TestTheCloseOfASellIsCorrected sells what was bought, corrects the close at which it was sold, by the plan that was shown, and has the ledger verified. The
// same correction again is refused before it is sent.
func TestTheCloseOfASellIsCorrected(t *testing.T) {
	o := operate(t)
	for _, day := range []string{"2008-03-25", "2008-03-26"} {
		o.do("", "day", "close", day)
	}
	o.do(`{"source":"portal","id":"s-1","pot":"p1","instructedOn":"2008-03-26","body":{"Sell":{"asset":"GOOG","units":null,"cash":null,"all":true}}}`+"\n", "produce", "ingest.instruction.v1")
	o.do("", "day", "close", "2008-03-27")
	o.settle()
	before := read[roles.PotView](t, "pot", "show", "p1", "--json", "--dir", o.dir)
	var closed schemas.Price
	for _, p := range read[[]roles.PriceView](t, "prices", "list", "--json", "--dir", o.dir) {
		if p.Asset == "GOOG" && p.Date == "2008-03-27" {
			closed, _ = schemas.ParsePrice(p.Price)
		}
	}
	right := closed - schemas.Price(100_00000000)
	args := []string{"correct", "price", "GOOG", "2008-03-27", closed.String(), right.String()}
	plan := o.do("", append(args, "--operator", "anna", "--reason", "misread")...)
	if !strings.Contains(plan, "cash brought") || !strings.Contains(plan, "1 pots, 1 orders") {
		t.Fatalf("the plan is %s; the pot is %+v", plan, before)
	}
	o.act(args...)
	o.settle()
	after := read[roles.PotView](t, "pot", "show", "p1", "--json", "--dir", o.dir)
	if after.Pending == before.Pending || !strings.Contains(plan, before.Pending) || !strings.Contains(plan, after.Pending) {
		t.Errorf("%s is pending, before it was %s, and the plan said %s", after.Pending, before.Pending, plan)
	}
	refused(t, "the close of GOOG on 2008-03-27 is", "", append(append(args, "--dir", o.dir), word()...)...)
	o.do("", "day", "close", "2008-03-28")
	o.do("", "ledger", "verify", "--at-rest")
}

func TestAPlanThatIsCutSaysSo(t *testing.T) {
	line := postgres.PlannedPot{Pot: "p1", What: "units bought", Orders: 1, Postings: 3, Was: "2", Would: "1", Missing: "0.5"}
	plan := &postgres.CorrectionPlan{Lines: []postgres.PlannedPot{line}, LinesInAll: 3, Pots: 2, Orders: 4, Postings: 9, MissingUnits: "0.75", MissingCash: "1.2"}
	var out strings.Builder
	if err := printCorrection(&out, plan); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the first 1 of 3 lines", "2 pots, 4 orders, 9 postings", "0.75 units, 1.2 in cash"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q: %s", want, &out)
		}
	}
	plan.LinesInAll = 1
	out.Reset()
	if err := printCorrection(&out, plan); err != nil || strings.Contains(out.String(), "first") {
		t.Errorf("a whole plan: %s (%v)", &out, err)
	}
}
