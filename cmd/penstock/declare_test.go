package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
)

// TestAnOperatorChargesRefundsAndEndsABreak goes the way of each act that is sent by a command of its own: what is charged leaves the pot, once; what
// nobody claims is paid back; and a confirmation that contradicts its trade is listed, and dismissed.
func TestAnOperatorChargesRefundsAndEndsABreak(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	do := func(input string, args ...string) string { return must(t, input, append(args, "--dir", dir)...) }
	settle := func() {
		t.Helper()
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	word := []string{"--operator", "anna", "--reason", "as announced", "--execute"}
	act := func(args ...string) string { return do("", append(args, word...)...) }
	available := func() string {
		return read[roles.PotView](t, "pot", "show", "p1", "--json", "--dir", dir).Available
	}
	do(tour+`{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"200.00","split":[]}}}`+"\n", "produce", "ingest.instruction.v1")
	do("", "day", "close", "2008-03-20")
	if out := do("", "declare", "fee", "1.50", "100.00", "2008-03-20", "--id", "fee-1", "--operator", "anna", "--reason", "as announced"); !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	for range 2 { // the second time changes nothing
		act("declare", "fee", "1.50", "100.00", "2008-03-20", "--id", "fee-1")
	}
	settle()
	if got := available(); got != "198.50" {
		t.Errorf("after the fee %s is available", got)
	}
	act("declare", "accrual", "2008-03-01", "2008-03-20", "0.1", "--id", "accrual-1")
	act("declare", "collection", "2008-03-20", "--by-units", "--id", "collection-1")
	settle()
	// 298.49 or 298.50 at a tenth a year for 20 days: 1.63 and a part of a penny.
	if got := available(); got != "196.87" {
		t.Errorf("after the annual charge %s is available", got)
	}

	const receipt = `{"custodian":"BANK","id":"r1","trade":"00000000-0000-0000-0000-000000000001","body":{"CashReceived":{"reference":"R2","cash":"9.00","on":"2008-03-20"}}}` + "\n"
	do(receipt, "produce", "ingest.confirmation.v1")
	settle()
	act("refund", "R2", "9.00", "sender-17")
	settle()
	if out := do("", "tail", "payment.order.v1", "--from-start", "--no-follow", "--json"); !strings.Contains(out, "sender-17") || !strings.Contains(out, "9.00") {
		t.Errorf("the payments are %s", out)
	}

	trade := read[roles.DayStatus](t, "day", "status", "--json", "--dir", dir).Trades[0]
	const fill = `{"custodian":%q,"id":"f-late","trade":%q,"body":{"FillPriced":{"piece":2,"cash":"1.00","units":"1","price":"1.00","final":true}}}` + "\n"
	do(fmt.Sprintf(fill, trade.Custodian, trade.Trade), "produce", "ingest.confirmation.v1")
	settle()
	if open := read[[]roles.OpenBreak](t, "breaks", "list", "--json", "--dir", dir); len(open) != 1 || open[0].Confirmation != "f-late" {
		t.Fatalf("the open breaks are %+v", open)
	}
	refused(t, "is no open break", "", append([]string{"breaks", "dismiss", trade.Trade, "f-none", "--dir", dir}, word...)...)
	act("breaks", "dismiss", trade.Trade, "f-late")
	settle()
	if open := read[[]roles.OpenBreak](t, "breaks", "list", "--json", "--dir", dir); len(open) != 0 {
		t.Errorf("dismissed, the open breaks are %+v", open)
	}
	if out := do("", "tail", "audit.rejection.v1", "--from-start", "--no-follow", "--json"); strings.Count(out, `"code"`) != 1 {
		t.Errorf("refused was %s", out)
	}
	do("", "ledger", "verify", "--at-rest")
}
