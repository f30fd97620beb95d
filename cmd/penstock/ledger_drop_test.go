package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/streams"
)

// dropDrill is a stack that lives through March, April and May 2008, with trades that begin in one month and are settled in the next.
type dropDrill struct {
	*stack
	t   *testing.T
	dir string
	// keys are the flags of what was signed at the end of March.
	folder string
	keys   []string
	// beside had reserved for orders in March that were dealt in April.
	beside string
}

func (d *dropDrill) at(args ...string) []string { return append(args, "--dir", d.dir) }

func (d *dropDrill) close(days ...string) {
	for _, day := range days {
		must(d.t, "", d.at("day", "close", day)...)
	}
}

// contributes opens a pot and has it buy.
func (d *dropDrill) contributes(number, pot, day string) {
	lines := strings.NewReplacer("open-1", "open-"+number, "c-1", "c-"+number, `"p1"`, `"`+pot+`"`, "2008-03-20", day).Replace(tour)
	must(d.t, lines, d.at("produce", "ingest.instruction.v1")...)
}

// export keeps a month in a folder.
func (d *dropDrill) export(month string) (folder string) {
	folder = filepath.Join(d.folder, "ledger-"+month)
	must(d.t, "", d.at("ledger", "export", "--format", "csv", "--from", month, "--output", folder)...)
	return folder
}

func startDropDrill(t *testing.T) *dropDrill {
	t.Helper()
	d := &dropDrill{t: t, dir: stackDir(t), folder: t.TempDir()}
	d.stack, _ = testStack(t, testConfig(t, d.dir))
	d.contributes("1", "p1", "2008-03-20")
	d.close("2008-03-20", "2008-03-25", "2008-03-28")
	d.contributes("2", "p2", "2008-03-28")
	d.close("2008-03-31")
	settleBooks(t, d.stack)
	must(t, "", d.at("trace", "portal/p2/c-2")...)
	d.keys = anchored(t, d.at, d.folder)
	// In a shard of which something is signed: an archive is refused if the anchors say nothing of a shard that has journals.
	d.beside = "p5"
	for n := 6; streams.PartitionOf(d.beside, 4) != streams.PartitionOf("p1", 4); n++ {
		d.beside = fmt.Sprint("p", n)
	}
	d.contributes("5", d.beside, "2008-03-31")
	d.close("2008-04-01", "2008-04-02", "2008-04-03", "2008-04-04", "2008-04-30", "2008-05-01")
	d.contributes("3", "p3", "2008-05-01")
	d.close("2008-05-02", "2008-05-06", "2008-05-07", "2008-05-08", "2008-06-02", "2008-06-03")
	settleBooks(t, d.stack)
	return d
}

// TestMonthsAreDroppedAndAllStaysKnown keeps March and April in folders, and drops them from a running ledger, which goes on.
func TestMonthsAreDroppedAndAllStaysKnown(t *testing.T) {
	d := startDropDrill(t)
	march, april := d.export("2008-03"), d.export("2008-04")
	must(t, "", d.at("ledger", "verify", "--at-rest")...)
	hash := must(t, "", d.at("ledger", "hash")...)
	looks := [][]string{
		{"ledger", "balances", "--by-pot", "--json"},
		{"ledger", "balances", "--by-pot", "--effective", "2008-04-30", "--json"},
		{"ledger", "balances", "--by-pot", "--effective", "2008-05-02", "--recorded", "2008-05-06T00:00:00Z", "--json"},
		{"trace", "portal/p3/c-3"},
	}
	before := make([]string, len(looks))
	for i, look := range looks {
		before[i] = must(t, "", d.at(look...)...)
	}
	ofMarch, ofBoth := d.frozen("portal/p1/c-1"), d.frozen("portal/"+d.beside+"/c-5")
	order := read[tracedJSON](t, d.at("trace", "portal/"+d.beside+"/c-5", "--json")...).Orders[0]
	d.dropBoth(march, april, func(acts int) {
		d.checkFrozen(ofMarch, acts, false)
		d.checkFrozen(ofBoth, acts, acts == 1)
	})
	for i, look := range looks {
		if now := must(t, "", d.at(look...)...); now != before[i] || now == "" {
			t.Errorf("%v was\n%s\nand is\n%s", look, before[i], now)
		}
	}
	d.checkVerified()
	d.checkRefused(order)
	copied := newDatabase(t, d.Endpoints.Postgres, "whole_again")
	must(t, "", "ledger", "load", "--database", copied, march, april, d.export("2008-05"))
	if got := must(t, "", "ledger", "hash", "--postgres", copied); got != hash {
		t.Errorf("the archives and what is left have the hash %s, all of it had %s", got, hash)
	}
	d.contributes("4", "p4", "2008-06-03")
	d.close("2008-06-04", "2008-06-05")
	settleBooks(t, d.stack)
	must(t, "", d.at("ledger", "verify")...)
	must(t, "", d.at("trace", "portal/p4/c-4")...)
}

// frozen is the trace of the trade of an instruction's first order, with what the shards told when they froze theirs.
func (d *dropDrill) frozen(instruction string) tracedJSON {
	d.t.Helper()
	found := read[tracedJSON](d.t, d.at("trace", instruction, "--json")...)
	if len(found.Orders) == 0 || len(found.Trades) == 0 {
		d.t.Fatalf("%s leads to %+v", instruction, found)
	}
	trade := found.Trades[0]
	whole := read[tracedJSON](d.t, d.at("trace", trade, "--frozen", "--json")...)
	if !slices.ContainsFunc(whole.Frozen, func(f frozenOrder) bool { return slices.Contains(found.Orders, f.Order) }) || len(whole.Journals) == 0 || len(whole.Dropped) != 0 {
		d.t.Fatalf("trade %s leads to %+v", trade, whole)
	}
	whole.Trades, whole.Events = []string{trade}, eventsOf(whole, trade)
	return whole
}

// eventsOf returns the events of one trade. Where settlements come together, a shard books its side of them in one journal, and a trace leads from one trade to the other.
func eventsOf(found tracedJSON, trade string) []tracedEvent {
	return slices.DeleteFunc(slices.Clone(found.Events), func(e tracedEvent) bool { return e.Trade != trade })
}

// checkFrozen goes from a trade to its orders again: what shards froze is on a topic and leads there whatever has left the ledger, and the trace names the archives
// that have the rest. Where anything of the trade is left, its orders lead back to it, too.
func (d *dropDrill) checkFrozen(was tracedJSON, acts int, left bool) {
	d.t.Helper()
	trade := was.Trades[0]
	now := read[tracedJSON](d.t, d.at("trace", trade, "--frozen", "--json")...)
	if !slices.Equal(now.Frozen, was.Frozen) || len(eventsOf(now, trade)) != len(was.Events) || len(now.Dropped) != acts || (len(now.Journals) > 0) != left {
		d.t.Errorf("after %d acts trade %s leads to %+v, before it was %+v", acts, trade, now, was)
	}
	if out := must(d.t, "", d.at("trace", trade, "--frozen")...); !strings.Contains(out, "was frozen into trade "+trade) || !strings.Contains(out, "ledger-2008-03") {
		d.t.Errorf("after %d acts the trace says %s", acts, out)
	}
	for _, f := range was.Frozen {
		if !left {
			refused(d.t, "archive ledger-2008-03", "", d.at("trace", f.Order, "--frozen")...)
			continue
		}
		order := read[tracedJSON](d.t, d.at("trace", f.Order, "--frozen", "--json")...)
		if !slices.Contains(order.Frozen, f) || !slices.Contains(order.Trades, f.Trade) || len(order.Dropped) != acts || len(eventsOf(order, trade)) != len(was.Events) {
			d.t.Errorf("after %d acts order %s leads to %+v", acts, f.Order, order)
		}
	}
}

// dropBoth drops March, held against what was signed, and April, and calls after with how many acts there are.
func (d *dropDrill) dropBoth(march, april string, after func(acts int)) {
	t := d.t
	act := []string{"--operator", "anna", "--reason", "kept in two vaults"}
	refused(t, "only the oldest months", "", d.at(append([]string{"ledger", "drop", april}, act...)...)...)
	marchAct := append(append([]string{"ledger", "drop", march}, act...), d.keys...)
	if out := must(t, "", d.at(marchAct...)...); !strings.Contains(out, "nothing was done; add --execute") {
		t.Errorf("the plan says %s", out)
	}
	for n, act := range [][]string{marchAct, append([]string{"ledger", "drop", april}, act...)} {
		out := must(t, "", d.at(append(act, "--execute")...)...)
		if !strings.Contains(out, "done; it is act") || strings.Contains(out, "\n0 orders") != (act[2] == april) {
			t.Errorf("%v says %s", act, out)
		}
		after(n + 1)
	}
	if acts := execute(t, d.Endpoints.Postgres, "select count(*) from report.openings where operator = 'anna'"); acts != 2 {
		t.Errorf("%d acts are kept", acts)
	}
}

// checkVerified verifies with what was signed before and since.
func (d *dropDrill) checkVerified() {
	t := d.t
	if out := must(t, "", d.at("ledger", "verify", "--at-rest")...); !strings.Contains(out, "ok    opening: ") {
		t.Errorf("the verification says %s", out)
	}
	must(t, "", d.at(append([]string{"ledger", "verify"}, d.keys...)...)...)
	must(t, "", d.at("ledger", "anchor", "--file", filepath.Join(d.folder, "heads.jws"), "--key", filepath.Join(d.folder, "anchor.key"))...)
	if out := must(t, "", d.at(append([]string{"ledger", "verify", "--incremental"}, d.keys...)...)...); !strings.Contains(out, "ok    signed-openings: ") {
		t.Errorf("the verification says %s", out)
	}
}

// checkRefused asks for what only the archives know.
func (d *dropDrill) checkRefused(order string) {
	corrected := 0
	for _, p := range read[[]roles.PriceView](d.t, d.at("prices", "list", "--json")...) {
		if days := []string{"2008-03-20", "2008-03-31", "2008-04-01"}; p.Asset == "GOOG" && slices.Contains(days, p.Date) {
			refused(d.t, "archive ledger-2008-03", "", d.at("correct", "price", "GOOG", p.Date, p.Price, "1.23", "--operator", "anna", "--reason", "x")...)
			corrected++
		}
	}
	if corrected != 3 {
		d.t.Errorf("of 3 days %d have a price to correct", corrected)
	}
	for _, asked := range [][]string{
		{"ledger", "balances", "--effective", "2008-03-25"},
		{"ledger", "balances", "--recorded", "2008-03-25T00:00:00Z"},
		{"trace", "portal/p1/c-1"},
		{"trace", "0/1"},
		{"prove", order},
		{"ledger", "hash"},
		{"ledger", "export"},
		{"ledger", "export", "--format", "csv", "--from", "2008-03", "--output", filepath.Join(d.folder, "again")},
	} {
		refused(d.t, "archive ledger-2008-03", "", d.at(asked...)...)
	}
}
