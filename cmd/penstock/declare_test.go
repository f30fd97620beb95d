package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
)

// operating is a stack with a pot, and an operator who acts on it.
type operating struct {
	t   *testing.T
	s   *stack
	dir string
}

// operate runs a stack in which pot p1 has 200.00 and two orders that are priced.
func operate(t *testing.T) *operating {
	t.Helper()
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	o := &operating{t, s, dir}
	o.do(tour+`{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"200.00","split":[]}}}`+"\n", "produce", "ingest.instruction.v1")
	o.do("", "day", "close", "2008-03-20")
	return o
}

func (o *operating) do(input string, args ...string) string {
	o.t.Helper()
	return must(o.t, input, append(args, "--dir", o.dir)...)
}

func (o *operating) settle() {
	o.t.Helper()
	settleBooks(o.t, o.s)
}

// word is what every act of the operator's ends with.
func word() []string { return []string{"--operator", "anna", "--reason", "as announced", "--execute"} }

func (o *operating) act(args ...string) string {
	o.t.Helper()
	return o.do("", append(args, word()...)...)
}

func (o *operating) available() string {
	o.t.Helper()
	return read[roles.PotView](o.t, "pot", "show", "p1", "--json", "--dir", o.dir).Available
}

// TestAnOperatorChargesAndReverses goes the way of charges: what is charged leaves the pot, once, and comes back, once.
func TestAnOperatorChargesAndReverses(t *testing.T) {
	o := operate(t)
	if out := o.do("", "declare", "fee", "1.50", "100.00", "2008-03-20", "--id", "fee-1", "--operator", "anna", "--reason", "as announced"); !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	for range 2 { // the second time changes nothing
		o.act("declare", "fee", "1.50", "100.00", "2008-03-20", "--id", "fee-1")
	}
	o.settle()
	if got := o.available(); got != "198.50" {
		t.Errorf("after the fee %s is available", got)
	}
	o.act("declare", "accrual", "2008-03-01", "2008-03-20", "0.1", "--id", "accrual-1")
	o.act("declare", "collection", "2008-03-20", "--by-units", "--id", "collection-1")
	o.settle()
	// 298.49 or 298.50 at a tenth a year for 20 days: 1.63 and a part of a penny.
	if got := o.available(); got != "196.87" {
		t.Errorf("after the annual charge %s is available", got)
	}

	journals := o.do("", "tail", "ledger.journal.v1", "--from-start", "--no-follow", "--json")
	at := strings.Index(journals, `"stage":"charged"`)
	if at < 0 {
		t.Fatalf("no charge among %s", journals)
	}
	line := journals[strings.LastIndex(journals[:at], "\n")+1 : at]
	id := regexp.MustCompile(`"id":"([0-9a-f-]{36})"`).FindStringSubmatch(line)
	if id == nil {
		t.Fatalf("no id in %s", line)
	}
	if out := o.do("", "reverse", id[1], "--operator", "anna", "--reason", "charged twice"); !strings.Contains(out, "negated  charged") || !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	for range 2 { // the second time is refused
		o.act("reverse", id[1])
	}
	o.settle()
	if got := o.available(); got != "198.37" {
		t.Errorf("after the fee was reversed %s is available", got)
	}
	if out := o.do("", "tail", "audit.rejection.v1", "--from-start", "--no-follow", "--json"); strings.Count(out, `"code"`) != 1 || !strings.Contains(out, "pot/already-reversed") {
		t.Errorf("refused was %s", out)
	}
	o.do("", "ledger", "verify", "--at-rest")
}

// TestTheCalendarCharges applies a row of the annual charge as reference data, and lets days pass.
func TestTheCalendarCharges(t *testing.T) {
	o := operate(t)
	file := filepath.Join(t.TempDir(), "charge.yaml")
	const row = `- AnnualCharge: {effectiveFrom: "2008-03-21", rate: "0.1", dayCount: ACTUAL_365, collectionDay: 25, byUnits: false}`
	if err := os.WriteFile(file, []byte(row), 0o600); err != nil {
		t.Fatal(err)
	}
	o.do("", "reference", "apply", file, "--execute")
	o.settle()
	if out := o.do("", "reference", "show"); !strings.Contains(out, `"AnnualCharge"`) || !strings.Contains(out, `"0.100000"`) {
		t.Errorf("the reference data are %s", out)
	}
	for range 2 { // one tick for all of the weekend; the same time again changes nothing
		o.do("", "day", "advance", "2008-03-25T01:00:00Z")
	}
	o.settle()
	// 300.00, or a penny less, at a tenth a year for 4 days: 0.32 and a part of a penny.
	if got := o.available(); got != "199.68" {
		t.Errorf("after the annual charge %s is available", got)
	}
	journals := o.do("", "tail", "ledger.journal.v1", "--from-start", "--no-follow", "--json")
	if strings.Count(journals, `"stage":"charged"`) != 1 || strings.Count(journals, `"topic":"ingest.reference.v1"`) != 1 {
		t.Fatalf("what was charged does not name the row: %s", journals)
	}
	line, _, _ := strings.Cut(journals, `"topic":"ingest.reference.v1"`)
	id := regexp.MustCompile(`"id":"([0-9a-f-]{36})"`).FindStringSubmatch(line[strings.LastIndex(line, "\n")+1:])
	if trace := o.do("", "trace", id[1], "--records"); !strings.Contains(trace, "collectionDay") {
		t.Errorf("what was charged does not lead to the row: %s", trace)
	}
	o.do("", "ledger", "verify", "--at-rest")
}

// TestAnOperatorRefundsAndEndsABreak lets an operator pay back what nobody claims, and dismiss a confirmation that contradicts its trade.
func TestAnOperatorRefundsAndEndsABreak(t *testing.T) {
	o := operate(t)
	const receipt = `{"custodian":"BANK","id":"r1","trade":"00000000-0000-0000-0000-000000000001","body":{"CashReceived":{"reference":"R2","cash":"9.00","on":"2008-03-20"}}}` + "\n"
	o.do(receipt, "produce", "ingest.confirmation.v1")
	o.settle()
	o.act("refund", "R2", "9.00", "sender-17")
	o.settle()
	if out := o.do("", "tail", "payment.order.v1", "--from-start", "--no-follow", "--json"); !strings.Contains(out, "sender-17") || !strings.Contains(out, "9.00") {
		t.Errorf("the payments are %s", out)
	}

	trade := read[roles.DayStatus](t, "day", "status", "--json", "--dir", o.dir).Trades[0]
	const fill = `{"custodian":%q,"id":"f-late","trade":%q,"body":{"FillPriced":{"piece":2,"cash":"1.00","units":"1","price":"1.00","final":true}}}` + "\n"
	o.do(fmt.Sprintf(fill, trade.Custodian, trade.Trade), "produce", "ingest.confirmation.v1")
	o.settle()
	if open := read[[]roles.OpenBreak](t, "breaks", "list", "--json", "--dir", o.dir); len(open) != 1 || open[0].Confirmation != "f-late" {
		t.Fatalf("the open breaks are %+v", open)
	}
	refused(t, "is no open break", "", append([]string{"breaks", "dismiss", trade.Trade, "f-none", "--dir", o.dir}, word()...)...)
	o.act("breaks", "dismiss", trade.Trade, "f-late")
	o.settle()
	if open := read[[]roles.OpenBreak](t, "breaks", "list", "--json", "--dir", o.dir); len(open) != 0 {
		t.Errorf("dismissed, the open breaks are %+v", open)
	}
	if out := o.do("", "tail", "audit.rejection.v1", "--from-start", "--no-follow", "--json"); strings.Count(out, `"code"`) != 1 {
		t.Errorf("refused was %s", out)
	}
	o.do("", "ledger", "verify", "--at-rest")
}

// TestAnOperatorGivesUpASettlement lets a settlement fail, and gives it up: the pot has its cash back.
func TestAnOperatorGivesUpASettlement(t *testing.T) {
	o := operate(t)
	trade := read[roles.DayStatus](t, "day", "status", "--json", "--dir", o.dir).Trades[0]
	const failed = `{"custodian":%q,"id":"x1","trade":%q,"body":{"SettlementFailed":{"reason":"no units"}}}` + "\n"
	o.do(fmt.Sprintf(failed, trade.Custodian, trade.Trade), "produce", "ingest.confirmation.v1")
	o.settle()
	if out := o.do("", "settlement", "give-up", trade.Trade, "--operator", "anna", "--reason", "insolvent"); !strings.Contains(out, "it failed: no units") || !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	o.act("settlement", "give-up", trade.Trade)
	o.settle()
	pot := read[roles.PotView](t, "pot", "show", "p1", "--json", "--dir", o.dir)
	if len(pot.Orders) != 1 || pot.Available == "200.00" || len(pot.Holdings) != 1 {
		t.Errorf("the pot is %+v", pot)
	}
	refused(t, "is not under way", "", append([]string{"settlement", "give-up", trade.Trade, "--dir", o.dir}, word()...)...)
	const settled = `{"custodian":%q,"id":"s1","trade":%q,"body":{"TradeSettled":{"settledOn":%q}}}` + "\n"
	o.do(fmt.Sprintf(settled, trade.Custodian, trade.Trade, trade.SettlesOn), "produce", "ingest.confirmation.v1")
	o.settle()
	if open := read[roles.DayStatus](t, "day", "status", "--json", "--dir", o.dir).Breaks; len(open) != 1 || open[0].Class != "settlement" {
		t.Errorf("it is said to settle after all, and the breaks are %+v", open)
	}
	if out := o.do("", "day", "status"); !strings.Contains(out, "settlement") {
		t.Errorf("the break is not in %s", out)
	}
	o.do("", "ledger", "verify", "--at-rest")
}
