package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/sinks/custodian"
)

// outOfTheOrdinary lets custodians report ten digits, deal a half of what a gated fund is asked for, and sell in two pieces.
const outOfTheOrdinary = `
digits: 10
rules:
  - {asset: IBM, day: "2008-03-20", pieces: ["0.5"], gate: the fund is gated}
  - {asset: MSFT, day: "2008-03-26", pieces: ["0.333333", "0.666667"]}
`

// Sixty millions buy 2,056,202.87868 units of MSFT at 29.18, of which ten digits are told.
const rich = `{"source":"portal","id":"open-1","pot":"p1","instructedOn":"2008-03-20","body":{"PotOpened":{}}}
{"source":"portal","id":"c-1","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"60000000.00","split":[{"asset":"MSFT","weight":"1"}]}}}
{"source":"portal","id":"c-2","pot":"p1","instructedOn":"2008-03-20","body":{"Contribution":{"cash":"100.00","split":[{"asset":"IBM","weight":"1"}]}}}
`

const sellsAll = `{"source":"portal","id":"s-1","pot":"p1","instructedOn":"2008-03-25","body":{"Sell":{"asset":"MSFT","all":true}}}
`

func TestWhatSimulatedCustodiansRoundOrDeferIsTakenAsItIsMeant(t *testing.T) {
	config := testConfig(t, stackDir(t))
	var err error
	if config.Behaviour, err = custodian.ParseBehaviour([]byte(outOfTheOrdinary)); err != nil {
		t.Fatal(err)
	}
	testStack(t, config)
	at := []string{"--dir", config.Dir}
	run := func(input string, args ...string) string { return must(t, input, append(args, at...)...) }
	run(rich, "produce", "ingest.instruction.v1")
	run("", "day", "close", "2008-03-20")
	// The half of 50.00 that was dealt at 118.33, and the other one at 117.97 on the next day.
	holds(t, at, "IBM", "0.000", "0.422")
	holds(t, at, "MSFT", "0.00000", "2056202.87900")
	run("", "day", "close", "2008-03-25")
	holds(t, at, "IBM", "0.422", "0.423")
	holds(t, at, "MSFT", "2056202.87900", "0.00000")
	run(sellsAll, "produce", "ingest.instruction.v1")
	run("", "day", "close", "2008-03-26")
	run("", "day", "close", "2008-03-28")
	holds(t, at, "IBM", "0.845", "0.000")
	if pot := run("", "pot", "show", "p1", "--json"); strings.Contains(pot, "MSFT") {
		t.Errorf("after all of it was sold there is MSFT in %s", pot)
	}
	if open := run("", "breaks", "list", "--json"); strings.TrimSpace(open) != "[]" {
		t.Errorf("of the sell in two pieces, of which the last takes what is left, there are breaks: %s", open)
	}
	run("", "ledger", "verify", "--at-rest")
}

// holds checks what the pot p1 has of an asset.
func holds(t *testing.T, at []string, asset, settled, pending string) {
	t.Helper()
	pot := read[roles.PotView](t, append([]string{"pot", "show", "p1", "--json"}, at...)...)
	n := slices.IndexFunc(pot.Holdings, func(h roles.HoldingView) bool { return string(h.Asset) == asset })
	if n < 0 {
		t.Fatalf("the pot has no %s: %+v", asset, pot.Holdings)
	}
	if h := pot.Holdings[n]; h.Settled != settled || h.Pending != pending {
		t.Errorf("of %s %s is settled and %s pending, must be %s and %s", asset, h.Settled, h.Pending, settled, pending)
	}
}
