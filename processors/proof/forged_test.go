package proof_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/processors/proof"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// alone is a trade of one order, whose id is that of the derivation's last step, and its proof with that derivation. Nothing but the steps can be wrong
// with the proof.
func alone(t *testing.T, derivation [][]string) (*proof.Proof, *proof.Published) {
	t.Helper()
	frozen := audit.FrozenOrder{ID: schemas.DeriveID(derivation[len(derivation)-1]...), Weight: 5, Salt: audit.FrozenSalt{0xab, 1}}
	p, record := aloneWith(t, &frozen)
	p.Order.Derivation = derivation
	return p, record
}

// aloneWith is a trade of just that order, and its proof.
func aloneWith(t *testing.T, frozen *audit.FrozenOrder) (*proof.Proof, *proof.Published) {
	t.Helper()
	tr := trade(1)
	leaf := merkle.Leaf(merkle.Salt(frozen.Salt), frozen.ID, frozen.Weight)
	tr.published.Value.Root = hex.EncodeToString(leaf[:])
	tr.published.Value.Shards[0].Root = tr.published.Value.Root
	p, err := proof.Make(frozen.ID, 0, []audit.FrozenOrder{*frozen}, tr.published, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, tr.published
}

// idOf is the id that the words give, as it stands in the next step.
func idOf(words ...string) string { return schemas.DeriveID(words...).String() }

// derivations returns those that an order can have, and those that look like one but show nobody, or another member.
func derivations() (genuine, forged map[string][][]string) {
	victims, buy, sell := order(0, 0), order(0, 1), idOf(order(0, 2)...)
	rest, part := []string{"rest", idOf(buy...)}, []string{"part", idOf(buy...), sell}
	second := []string{"rest", idOf(rest...)}
	genuine = map[string][][]string{
		"an instruction": {buy}, "a rest": {buy, rest}, "a rest of a rest": {buy, rest, second}, "a part": {buy, part},
		"a part of a rest": {buy, rest, {"part", idOf(rest...), sell}}, "a rest of a part": {buy, part, {"rest", idOf(part...)}},
		// A sender may name its instruction like another's order. It is its own all the same.
		"an instruction with an order's id": {{"order", "payroll", "mine", idOf(victims...), "2008-03-17", "a"}},
	}
	forged = map[string][][]string{
		"an instruction with an order's id, as if it came of that": {victims, {"order", "payroll", "mine", idOf(victims...), "2008-03-17", "a"}},
		"a pot with an order's id, as if it came of that":          {victims, {"order", "payroll", idOf(victims...), "c1", "2008-03-17", "a"}},
		"a part as if it came of its sell":                         {victims, {"part", idOf(buy...), idOf(victims...)}},
		"a step put before the first":                              {victims, buy, rest},
		"a step twice":                                             {buy, rest, rest},
		"the first step away":                                      {rest},
		"the first step of a part away":                            {part},
		"the first step of three away":                             {rest, second},
		"a step between away":                                      {buy, second},
		"a step without words":                                     {{}, buy},
		"no word at all":                                           {{}},
		"an instruction of fewer words":                            {buy[:5]},
		"an instruction of more words":                             {append(order(0, 1), "a")},
		"a payment":                                                {append([]string{"payment"}, buy[1:]...)},
		"a rest of more words":                                     {buy, append(rest[:2:2], sell)},
		"a part of fewer words":                                    {buy, part[:2]},
		"a part of more words":                                     {buy, append(part[:3:3], sell)},
		"a step of another name":                                   {buy, {"order", idOf(buy...)}},
	}
	return genuine, forged
}

func TestOnlyStepsThatOrdersAreMadeByAreADerivation(t *testing.T) {
	genuine, forged := derivations()
	for name, derivation := range genuine {
		p, record := alone(t, derivation)
		if err := errors.Join(p.Check(), p.Compare(record)); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	for name, derivation := range forged {
		if p, _ := alone(t, derivation); !errors.Is(p.Check(), proof.ErrNotProven) {
			t.Errorf("taken: %s, %q", name, derivation)
		}
	}
}

// TestAForeignVerifierTakesTheSameDerivations as Check does.
func TestAForeignVerifierTakesTheSameDerivations(t *testing.T) {
	folder := t.TempDir()
	run := func(derivation [][]string) (string, error) {
		p, record := alone(t, derivation)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return verify(t, folder, string(text), record)
	}
	genuine, forged := derivations()
	for name, derivation := range genuine {
		if out, err := run(derivation); err != nil {
			t.Errorf("%s is refused: %s", name, out)
		}
	}
	for name, derivation := range forged {
		if out, err := run(derivation); err == nil {
			t.Errorf("taken: %s, %q: %s", name, derivation, out)
		}
	}
}

// reformed writes the proof of one of two orders anew, in ways that a careless reader takes for the same: the bytes that are hashed stay as they are.
func reformed(t *testing.T) (texts map[string]string, published *proof.Published) {
	t.Helper()
	tr := trade(2)
	p := tr.prove(t, 0, 1)
	p.Order.Derivation = nil
	whole, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	id, salt, hash := p.Order.ID, p.Order.Salt, p.Shard.Path[0].Hash
	texts = make(map[string]string)
	for name, change := range map[string][]string{
		"an id in capitals":               {id, strings.ToUpper(id)},
		"an id without dashes":            {id, strings.ReplaceAll(id, "-", "")},
		"an id with its dashes elsewhere": {id, "-" + strings.Replace(id, "-", "", 1)},
		"an id with a space":              {id, strings.Replace(id, "-", "- ", 1)},
		"an id with a line's end":         {id, id + `\n`},
		"a byte of the id in the salt":    {salt, salt + id[:2], id, id[2:]},
		"a byte of the salt in the id":    {salt, salt[:30], id, salt[30:] + id},
		"all of the salt in the id":       {salt, "", id, salt + id},
		"a salt in capitals":              {salt, strings.ToUpper(salt)},
		"a salt with a space":             {salt, salt[:2] + " " + salt[2:]},
		"a salt with dashes":              {salt, salt[:8] + "-" + salt[8:]},
		"a hash in capitals":              {hash, strings.ToUpper(hash)},
		"a hash with a space":             {hash, hash[:2] + " " + hash[2:]},
		"a pot":                           {`"weight":`, `"pot":"victim","weight":`},
		"a pot beside a hash":             {`"hash":`, `"pot":"victim","hash":`},
		"a weight that is no integer":     {`"weight":1001`, `"weight":1001.0`},
		"a weight in words":               {`"weight":1001`, `"weight":"1001"`},
	} {
		if text := strings.NewReplacer(change...).Replace(string(whole)); text != string(whole) {
			texts[name] = text
			continue
		}
		t.Errorf("%s changes nothing", name)
	}
	return texts, tr.published
}

func TestAProofIsWrittenInOneForm(t *testing.T) {
	texts, published := reformed(t)
	folder := t.TempDir()
	for name, text := range texts {
		p, err := proof.Parse([]byte(text))
		if err == nil {
			err = errors.Join(p.Check(), p.Compare(published))
		}
		if err == nil {
			t.Errorf("taken: %s", name)
		}
		if out, err := verify(t, folder, text, published); err == nil {
			t.Errorf("taken by the foreign verifier: %s: %s", name, out)
		}
	}
}

// TestAWeightIsANumber has the one weight that a foreign verifier could take for something else.
func TestAWeightIsANumber(t *testing.T) {
	buy := order(0, 1)
	frozen := audit.FrozenOrder{ID: schemas.DeriveID(buy...), Weight: 1}
	p, record := aloneWith(t, &frozen)
	whole, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := verify(t, t.TempDir(), string(whole), record); err != nil {
		t.Fatal(out)
	}
	text := strings.Replace(string(whole), `"weight":1`, `"weight":true`, 1)
	if _, err := proof.Parse([]byte(text)); err == nil {
		t.Error("taken: true")
	}
	if out, err := verify(t, t.TempDir(), text, record); err == nil {
		t.Errorf("taken by the foreign verifier: %s", out)
	}
}
