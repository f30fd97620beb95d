package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
)

// tracedOrders is what these tests want of a trace.
type tracedOrders struct {
	Kind     string   `json:"kind"`
	Orders   []string `json:"orders"`
	Trades   []string `json:"trades"`
	Records  []tailed `json:"records"`
	Journals []struct {
		ID       string `json:"id"`
		Shard    int32  `json:"shard"`
		Sequence int64  `json:"sequence"`
		Topic    string `json:"topic"`
		Offset   int64  `json:"offset"`
		Rules    string `json:"rules"`
	} `json:"journals"`
}

// checkTraces goes from an instruction to all that is known of it, and from each of these back to the instruction.
func checkTraces(t *testing.T, at func(...string) []string, pot string) {
	t.Helper()
	whole := read[tracedOrders](t, at("trace", "portal/"+pot+"/c-1", "--json", "--records")...)
	if len(whole.Orders) != 2 || len(whole.Trades) != 2 || len(whole.Journals) < 3 || len(whole.Records) < 3 {
		t.Fatalf("the trace is %+v", whole)
	}
	first := whole.Journals[0]
	ids := map[string]string{first.ID: "journal", fmt.Sprintf("%d/%d", first.Shard, first.Sequence): "journal", fmt.Sprintf("%d/%d/2", first.Shard, first.Sequence): "posting"}
	for i := range whole.Orders {
		ids[whole.Orders[i]], ids[whole.Trades[i]] = "order", "trade"
	}
	for id, kind := range ids {
		trace := read[tracedOrders](t, at("trace", id, "--json", "--records")...)
		caused := slices.ContainsFunc(trace.Records, func(r tailed) bool {
			return r.Topic == first.Topic && r.Offset == first.Offset && r.Key == pot && r.Schema > 0 && strings.Contains(string(r.Value), `"c-1"`)
		})
		if trace.Kind != kind || !slices.Contains(trace.Journals, first) || first.Rules == "" || !caused {
			t.Errorf("%s %s leads to %+v, not to %+v and the record that caused it", kind, id, trace, first)
		}
	}
	if out := must(t, "", at("trace", "portal/"+pot+"/c-1", "--records")...); !strings.Contains(out, "key "+pot+", by schema ") {
		t.Errorf("the records are printed as %s", out)
	}
}

// checkFrozen goes from the instruction c-2 to the trade that waits for a price, and back.
func checkFrozen(t *testing.T, at func(...string) []string, trade string) {
	t.Helper()
	await(t, "the booked trade", func() bool {
		_, err := penstock(t, "", at("trace", trade)...)
		return err == nil
	})
	plain := read[tracedOrders](t, at("trace", "portal/p1/c-2", "--json")...)
	if len(plain.Orders) != 1 || len(plain.Trades) != 0 {
		t.Fatalf("without --frozen the instruction leads to %+v", plain)
	}
	for _, id := range []string{"portal/p1/c-2", plain.Orders[0], plain.Journals[0].ID, trade} {
		found := read[tracedJSON](t, at("trace", id, "--frozen", "--json")...)
		if !slices.Equal(found.Trades, []string{trade}) || !slices.Equal(found.Orders, plain.Orders) || len(found.Journals) != len(plain.Journals) ||
			!slices.Equal(found.Frozen, []frozenOrder{{plain.Orders[0], trade}}) || len(found.Events) == 0 || found.Events[0].Event != "batched" {
			t.Errorf("%s leads to %+v", id, found)
		}
	}
	if out := must(t, "", at("trace", trade, "--frozen")...); !strings.Contains(out, "was frozen into trade "+trade) || !strings.Contains(out, "caused by c-2") {
		t.Errorf("the trace of the trade says %s", out)
	}
}

// checkProofs proves every order of the contributions of the tour, and verifies each proof against the record that published its trade, and against the root.
func checkProofs(t *testing.T, at func(...string) []string, pots ...string) {
	t.Helper()
	dir := t.TempDir()
	record := publishedTrades(t, at, dir)
	proven := 0
	for _, pot := range pots {
		for _, order := range read[tracedOrders](t, at("trace", "portal/"+pot+"/c-1", "--json")...).Orders {
			file := filepath.Join(dir, order+".json")
			must(t, "", at("prove", order, "--output", file)...)
			p := readProof(t, file)
			if p.Order.ID != order || len(p.Order.Derivation) != 1 || p.Order.Derivation[0][2] != pot {
				t.Errorf("the proof of an order of %s is of %+v", pot, p.Order)
			}
			v := read[verdict](t, "prove", "--verify", file, "--published", record[p.Trade.ID], "--json")
			if v.Order != order || v.Compared != "published" {
				t.Errorf("the verdict is %+v", v)
			}
			verifyByPython(t, file, record[p.Trade.ID], order)
			must(t, "", "prove", "--verify", file, "--root", p.Trade.Root, "--trade", p.Trade.ID)
			if out := must(t, "", "prove", "--verify", file); !strings.Contains(out, "if "+p.Trade.Root+" is its root") {
				t.Errorf("held against nothing it says %q", out)
			}
			refused(t, "not proven", "", "prove", "--verify", file, "--root", strings.Repeat("0", 64))
			for trade, other := range record {
				if trade != p.Trade.ID {
					refused(t, "not proven", "", "prove", "--verify", file, "--published", other)
					refused(t, "it is not in trade "+trade, "", at("prove", order, "--trade", trade)...)
				}
			}
			proven++
		}
	}
	if proven != 2*len(pots) || len(record) != 2 {
		t.Errorf("%d orders in %d trades were proven", proven, len(record))
	}
}

// verifyByPython has the verifier of the proofs' page take what the commands wrote, where there is an interpreter.
func verifyByPython(t *testing.T, file, record, order string) {
	t.Helper()
	python := cmp.Or(os.Getenv("PENSTOCK_PYTHON"), "python3")
	if _, err := exec.LookPath(python); err != nil {
		t.Log("SKIPPED foreign-verifier: there is no python3, and PENSTOCK_PYTHON names none")
		return
	}
	const verifier = "../../processors/proof/testdata/verify.py"
	out, err := exec.CommandContext(t.Context(), python, "-I", "-S", verifier, file, record).CombinedOutput() //nolint:gosec // an interpreter that the developer names
	if err != nil || !strings.Contains(string(out), order) {
		t.Errorf("the verifier in Python says %q of the order %s: %v", out, order, err)
	}
}

func readProof(t *testing.T, file string) *proof.Proof {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proof.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// publishedTrades writes the record that published each trade into a file, by trade.
func publishedTrades(t *testing.T, at func(...string) []string, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for line := range strings.Lines(must(t, "", at("tail", "ledger.trade.v1", "--no-follow", "--json")...)) {
		published, err := proof.ParsePublished([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if !published.IsRoot() {
			continue
		}
		file := filepath.Join(dir, published.Value.Trade+".record.json")
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		files[published.Value.Trade] = file
	}
	return files
}

func TestWhatCannotBeProvenSaysWhy(t *testing.T) {
	_, s, at := parkedStack(t)
	must(t, tour, at("produce", "ingest.instruction.v1")...)
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	// What is settled in the shards is booked in Postgres a little later.
	await(t, "the booked instruction", func() bool {
		_, err := penstock(t, "", at("trace", "portal/p1/c-1")...)
		return err == nil
	})
	traced := read[tracedOrders](t, at("trace", "portal/p1/c-1", "--json")...)
	refused(t, "its dealing day is not closed", "", at("prove", traced.Orders[0])...)
	refused(t, "the ledger knows nothing", "", at("prove", "00000000-0000-0000-0000-000000000000")...)
	refused(t, "penstock trace shows the orders", "", at("prove", "portal/p1/c-1")...)
	refused(t, "name an order to prove", "", at("prove")...)
	refused(t, "go with --verify", "", at("prove", traced.Orders[0], "--root", "0")...)
	for text, says := range map[string]string{"{": "reading the proof", `{"format":"other"}`: "not proven", `{"pot":"p1"}`: "unknown field"} {
		file := filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, says, "", "prove", "--verify", file)
	}
}

// TestARootAloneShowsNoTrade changes of a proof all that a root does not bind: the trade that it is said to be of.
func TestARootAloneShowsNoTrade(t *testing.T) {
	const order, id, shown = "663004f8-a1ff-5323-9bd1-f0683f832fdd", "663004f8a1ff53239bd1f0683f832fdd", "is not shown: name the trade"
	salt := strings.Repeat("ab", 16)
	leaf, err := hex.DecodeString("00" + salt + id + "0000000000000005")
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(leaf)
	root := hex.EncodeToString(hash[:])
	write := func(custodian string) (file, trade string) {
		trade = schemas.DeriveID("trade", "2008-03-17", custodian, "GB00X", "BUY").String()
		text, err := json.Marshal(proof.Proof{
			Format: proof.Format, Order: proof.Order{ID: order, Weight: 5, Salt: salt}, Shard: proof.Shard{Orders: 1, Root: root},
			Trade: proof.Trade{ID: trade, Day: "2008-03-17", Custodian: custodian, Asset: "GB00X", Side: "BUY", Basis: "CASH", Orders: 1, Root: root},
		})
		if err != nil {
			t.Fatal(err)
		}
		file = filepath.Join(t.TempDir(), "proof.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file, trade
	}
	genuine, trade := write("CREST")
	changed, other := write("NOWHERE")
	for file, named := range map[string]string{genuine: trade, changed: other} {
		out := must(t, "", "prove", "--verify", file, "--root", root)
		if !strings.Contains(out, order) || !strings.Contains(out, shown) || strings.Contains(out, named) || strings.Contains(out, "2008-03-17") {
			t.Errorf("held against a root alone it says %q", out)
		}
		if v := read[verdict](t, "prove", "--verify", file, "--root", root, "--json"); v != (verdict{Order: order, Weight: 5, Root: root, Compared: "root"}) {
			t.Errorf("held against a root alone it says %+v", v)
		}
		refused(t, "not proven", "", "prove", "--verify", file, "--root", strings.Repeat("0", 64), "--trade", named)
	}
	if out := must(t, "", "prove", "--verify", genuine, "--root", root, "--trade", trade); !strings.Contains(out, "by CASH at CREST\n    whose id and root") {
		t.Errorf("held against the trade too it says %q", out)
	}
	if v := read[verdict](t, "prove", "--verify", genuine, "--root", root, "--trade", trade, "--json"); v.Trade != trade || v.Compared != "root and trade" {
		t.Errorf("held against the trade too it says %+v", v)
	}
	for _, held := range [][]string{{"--root", root, "--trade", trade}, {"--trade", trade}} {
		refused(t, "not proven", "", append([]string{"prove", "--verify", changed}, held...)...)
	}
}
