package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/ageing"
	"github.com/penstock-ledger/penstock/ops/roles"
)

// TestAHeldInstructionIsReleasedAndABatchKeepsItsRule goes the whole way of a review and of a rule that changes: settings that hold what is large from the
// next day on, an instruction that is held, released, and dealt on the next day by the version that was started meanwhile.
func TestAHeldInstructionIsReleasedAndABatchKeepsItsRule(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	at := []string{"--dir", dir}
	do := func(input string, args ...string) string { return must(t, input, append(args, at...)...) }
	file := dir + "/policy.yaml"
	const policy = "- Settings: {effectiveFrom: 2008-03-25, platformCalendar: XLON, zone: Europe/London, backdatingDays: 90, reviewAbove: \"40.00\", reviewDays: 5}\n"
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	do("", "reference", "apply", file, "--execute")
	do(tour, "produce", "ingest.instruction.v1")
	do("", "day", "close", "2008-03-20")
	do("", "day", "close", "2008-03-25")
	do(`{"source":"portal","id":"c-9","pot":"p1","instructedOn":"2008-03-25","body":{"Contribution":{"cash":"90.00","split":[{"asset":"IBM","weight":"1"}]}}}`+"\n",
		"produce", "ingest.instruction.v1")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	held := read[roles.PotView](t, append([]string{"pot", "show", "p1", "--json"}, at...)...)
	if len(held.Held) != 1 || held.Held[0].Instruction != "c-9" || held.Held[0].ExpiresOn != "2008-03-31" || held.Available != "90.00" {
		t.Fatalf("the pot is %+v", held)
	}
	if out := do("", "pot", "show", "p1"); !strings.Contains(out, "HELD FOR REVIEW") {
		t.Errorf("the pot shows %s", out)
	}
	open := read[[]ageing.Item](t, append([]string{"ageing", "--json"}, at...)...)
	heldAt := slices.IndexFunc(open, func(i ageing.Item) bool { return i.Instruction == "c-9" })
	if len(open) != 2 || heldAt < 0 || open[heldAt].State != "held" || open[heldAt].GivenOn != "2008-03-25" || open[heldAt].WaitsFor != "a person to release it; it expires on 2008-03-31" {
		t.Errorf("under way are %+v", open)
	}
	if out := do("", "ageing", "--on", "2008-03-26", "--days", "3"); strings.Contains(out, "c-9") || !strings.Contains(out, "c-1") {
		t.Errorf("of what is three days old the report says %s", out)
	}
	word := []string{"--operator", "anna", "--reason", "called back"}
	if out := do("", append([]string{"review", "release", "p1", "portal", "c-9"}, word...)...); !strings.Contains(out, "release Contribution c-9 of portal") || !strings.Contains(out, "nothing was done") {
		t.Errorf("the plan is %s", out)
	}
	do("", append([]string{"rules", "activate", "allocation", "floor-and-box/2", "--execute"}, word...)...)
	do("", append([]string{"review", "release", "p1", "portal", "c-9", "--execute"}, word...)...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := read[roles.PotView](t, append([]string{"pot", "show", "p1", "--json"}, at...)...)
	at9 := slices.IndexFunc(after.Orders, func(o roles.OrderView) bool { return o.Instruction == "c-9" })
	if len(after.Held) != 0 || at9 < 0 || after.Orders[at9].DealingDay != "2008-03-26" {
		t.Fatalf("released, the pot is %+v", after)
	}
	do("", "day", "close", "2008-03-26")
	trades := do("", "tail", "ledger.trade.v1", "--from-start", "--no-follow", "--json")
	for _, policy := range []string{"floor-and-box/1", "floor-and-box/2"} {
		if !strings.Contains(trades, policy) {
			t.Errorf("no trade says that it is allocated by %s: %s", policy, trades)
		}
	}
	do("", "ledger", "verify", "--at-rest")
}
