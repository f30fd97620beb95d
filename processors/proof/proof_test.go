package proof_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
)

// traded is an external trade over shards with orders, and the record that publishes it.
type traded struct {
	id        schemas.ID
	shards    map[int32][]audit.FrozenOrder
	published *proof.Published
}

// order is what the orders of these tests are derived from.
func order(shard, n int) []string {
	return []string{"order", "payroll", fmt.Sprintf("pot-%d-%d", shard, n), "c1", "2008-03-17", "a"}
}

// trade makes a trade: shard s has as many orders as are given at place s.
func trade(orders ...int) *traded {
	day := schemas.DateOf(2008, 3, 17)
	t := &traded{id: batch.Trade(day, "CREST", "GB00X", batch.Kind{Side: inbox.SideBuy}), shards: make(map[int32][]audit.FrozenOrder), published: &proof.Published{}}
	p := t.published
	p.Topic, p.Offset = "ledger.trade.v1", 17
	v := &p.Value
	v.Trade, v.Event, v.RecordedAt, v.Day = t.id.String(), "batched", "2008-03-17T12:00:00.000Z", day.String()
	v.Custodian, v.Asset, v.UnitsScale, v.Side, v.Basis, v.Ordered = "CREST", "GB00X", 4, "BUY", "CASH", "606.000000"
	var roots []merkle.Hash
	for s, count := range orders {
		var leaves []merkle.Hash
		for n := range count {
			o := audit.FrozenOrder{ID: schemas.DeriveID(order(s, n)...), Weight: int64(1000 + n), Salt: audit.FrozenSalt{byte(s), byte(n), 7, 0xab}}
			t.shards[int32(s)] = append(t.shards[int32(s)], o)
			leaves = append(leaves, merkle.Leaf(merkle.Salt(o.Salt), o.ID, o.Weight))
		}
		root := merkle.RootOf(leaves)
		if count > 0 {
			roots = append(roots, root)
		}
		v.Shards = append(v.Shards, proof.Part{Shard: int32(s), Orders: int64(count), Root: hex.EncodeToString(root[:])})
		v.Orders += int64(count)
	}
	root := merkle.RootOf(roots)
	v.Root = hex.EncodeToString(root[:])
	return t
}

func (tr *traded) prove(t *testing.T, shard int32, n int) *proof.Proof {
	t.Helper()
	p, err := proof.Make(tr.shards[shard][n].ID, shard, tr.shards[shard], tr.published, [][]string{order(int(shard), n)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryOrderOfATradeIsProven(t *testing.T) {
	tr := trade(3, 0, 1, 6)
	for shard, orders := range tr.shards {
		for n := range orders {
			text, err := json.Marshal(tr.prove(t, shard, n))
			if err != nil {
				t.Fatal(err)
			}
			p, err := proof.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(p.Check(), p.Compare(tr.published), p.CompareRoot(tr.published.Value.Root)); err != nil {
				t.Errorf("order %d of shard %d: %v", n, shard, err)
			}
		}
	}
}

// TestAProofRevealsNoNeighbour looks for anything of another order in a proof: its id, its salt, its leaf without the salt. None of them is a rest or a part
// of the order that is proven: the salts of those follow from its own.
func TestAProofRevealsNoNeighbour(t *testing.T) {
	tr := trade(5, 4)
	text, err := json.Marshal(tr.prove(t, 0, 2))
	if err != nil {
		t.Fatal(err)
	}
	for shard, orders := range tr.shards {
		for n, o := range orders {
			unsalted := merkle.Leaf(merkle.Salt{}, o.ID, o.Weight)
			for _, secret := range []string{o.ID.String(), hex.EncodeToString(o.Salt[:]), hex.EncodeToString(unsalted[:])} {
				if strings.Contains(string(text), secret) && (shard != 0 || n != 2) {
					t.Errorf("the proof of another order has %s of order %d of shard %d", secret, n, shard)
				}
			}
		}
	}
}

func TestAProofIsNotMadeFromAListThatIsNotWhole(t *testing.T) {
	tr := trade(3, 2)
	id := tr.shards[0][1].ID
	for name, orders := range map[string][]audit.FrozenOrder{"without its last": tr.shards[0][:2], "without the order": tr.shards[0][2:], "empty": nil} {
		if _, err := proof.Make(id, 0, orders, tr.published, nil); !errors.Is(err, proof.ErrNotProven) {
			t.Errorf("from a list %s: %v", name, err)
		}
	}
	if _, err := proof.Make(id, 1, tr.shards[0], tr.published, nil); !errors.Is(err, proof.ErrNotProven) {
		t.Errorf("from a list of another shard: %v", err)
	}
}

// forged returns every text that a proof becomes by a change of one value: a digit of a number or of a text, a hash more or less in a path.
func forged(t *testing.T, p *proof.Proof) map[string]string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	var root any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&root); err != nil {
		t.Fatal(err)
	}
	write := func(name string) {
		changed, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(changed)
	}
	var walk func(name string, node any, set func(any))
	walk = func(name string, node any, set func(any)) {
		switch v := node.(type) {
		case map[string]any:
			for key, child := range v {
				walk(name+"/"+key, child, func(to any) { v[key] = to })
			}
		case []any:
			for i, child := range v {
				walk(fmt.Sprintf("%s/%d", name, i), child, func(to any) { v[i] = to })
			}
			if strings.HasSuffix(name, "path") && len(v) > 0 {
				set(v[:len(v)-1])
				write(name + " less")
				set(append(v[:len(v):len(v)], v[0]))
				write(name + " more")
			}
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				t.Fatal(err)
			}
			set(n + 1)
			write(name)
		case string:
			to := "7" + v[1:]
			if v[0] == '7' {
				to = "8" + v[1:]
			}
			set(to)
			write(name)
		}
		set(node)
	}
	walk("", root, func(any) {})
	return all
}

func TestNoFieldCanBeChanged(t *testing.T) {
	tr := trade(3, 0, 2, 6)
	forgeries := forged(t, tr.prove(t, 3, 1))
	if len(forgeries) < 35 {
		t.Errorf("only %d forgeries were tried", len(forgeries))
	}
	for name, text := range forgeries {
		p, err := proof.Parse([]byte(text))
		if err == nil {
			err = errors.Join(p.Check(), p.Compare(tr.published))
		}
		if !errors.Is(err, proof.ErrNotProven) {
			t.Errorf("changed at %s it is taken: %v", name, err)
		}
	}
}

func TestAProofWithFieldsThatNobodyChecksIsRefused(t *testing.T) {
	tr := trade(2)
	text, err := json.Marshal(tr.prove(t, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{`{"pot":"p1",` + string(text[1:]), string(text) + "{}"} {
		if _, err := proof.Parse([]byte(more)); err == nil {
			t.Errorf("taken: %s", more)
		}
	}
}

func TestCompareRefusesAnotherRecord(t *testing.T) {
	tr, other := trade(3, 1), trade(3, 2)
	p := tr.prove(t, 0, 1)
	if err := p.Compare(other.published); !errors.Is(err, proof.ErrNotProven) {
		t.Errorf("the record of another trade is taken: %v", err)
	}
	if err := p.CompareRoot(other.published.Value.Root); !errors.Is(err, proof.ErrNotProven) {
		t.Errorf("another root is taken: %v", err)
	}
	placed := *tr.published
	placed.Value.Event = "placed"
	if err := p.Compare(&placed); !errors.Is(err, proof.ErrNotProven) {
		t.Errorf("a record that publishes no root is taken: %v", err)
	}
}

// TestOnlyTheTradesIDSaysOfWhichTradeARootIs says of a genuine order that it was in a trade at another custodian.
func TestOnlyTheTradesIDSaysOfWhichTradeARootIs(t *testing.T) {
	tr := trade(3, 1)
	p := tr.prove(t, 0, 1)
	if err := p.CompareTrade(tr.id.String()); err != nil {
		t.Error(err)
	}
	p.Trade.Custodian = "NOWHERE"
	if err := p.Check(); !errors.Is(err, proof.ErrNotProven) {
		t.Errorf("the id of another custodian's trade is taken: %v", err)
	}
	p.Trade.ID = idOf("trade", p.Trade.Day, p.Trade.Custodian, p.Trade.Asset, "BUY")
	if err := errors.Join(p.Check(), p.CompareRoot(tr.published.Value.Root)); err != nil {
		t.Errorf("a root binds no trade, but says %v", err)
	}
	for what, err := range map[string]error{"trade": p.CompareTrade(tr.id.String()), "record": p.Compare(tr.published)} {
		if !errors.Is(err, proof.ErrNotProven) {
			t.Errorf("held against the %s it is taken: %v", what, err)
		}
	}
}

// TestADerivationLeadsFromTheInstructionToTheOrder has an order that goes on with the rest of another one.
func TestADerivationLeadsFromTheInstructionToTheOrder(t *testing.T) {
	first := schemas.DeriveID(order(0, 0)...)
	tr := trade(1)
	rest := []string{"rest", first.String()}
	leaf := merkle.Leaf(merkle.Salt{1}, schemas.DeriveID(rest...), 5)
	text := hex.EncodeToString(leaf[:])
	tr.published.Value.Root, tr.published.Value.Shards[0].Root = text, text
	orders := []audit.FrozenOrder{{ID: schemas.DeriveID(rest...), Weight: 5, Salt: audit.FrozenSalt{1}}}
	if _, err := proof.Make(orders[0].ID, 0, orders, tr.published, [][]string{order(0, 0), rest}); err != nil {
		t.Error(err)
	}
	for name, derivation := range map[string][][]string{
		"of another order": {order(0, 1)}, "with a gap": {order(0, 1), rest}, "that ends too early": {order(0, 0)},
	} {
		if _, err := proof.Make(orders[0].ID, 0, orders, tr.published, derivation); !errors.Is(err, proof.ErrNotProven) {
			t.Errorf("a derivation %s is taken: %v", name, err)
		}
	}
}

func TestTheDerivationOfAnOrderIsFound(t *testing.T) {
	origin := proof.Origin{Source: "payroll", Pot: "pot-0-1", Instruction: "c1", BookedOn: schemas.DateOf(2008, 4, 20)}
	words := order(0, 1)
	words[5] = "b"
	buy, sell := schemas.DeriveID(words...), schemas.ID{9}
	rest := schemas.RestOf(buy)
	part := schemas.DeriveID("part", rest.String(), sell.String())
	steps := [][]string{words, {"rest", buy.String()}, {"part", rest.String(), sell.String()}}
	known := []schemas.ID{sell, rest, buy}
	for n, id := range []schemas.ID{buy, rest, part} {
		if got := proof.Derivation(id, []proof.Origin{origin}, known); !reflect.DeepEqual(got, steps[:n+1]) {
			t.Errorf("order %s is derived from %q, want %q", id, got, steps[:n+1])
		}
	}
	second := schemas.RestOf(rest)
	want := [][]string{words, {"rest", buy.String()}, {"rest", rest.String()}}
	if got := proof.Derivation(second, []proof.Origin{origin}, []schemas.ID{second, buy}); !reflect.DeepEqual(got, want) {
		t.Errorf("the second rest is derived from %q while the first one waits, want %q", got, want)
	}
	for _, id := range []schemas.ID{{1}, schemas.RestOf(schemas.ID{1})} {
		if got := proof.Derivation(id, []proof.Origin{origin}, known); got != nil {
			t.Errorf("order %s is derived from %q", id, got)
		}
	}
}
