package proof_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
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
	tr := trade(1)
	leaf := merkle.Leaf(merkle.Salt(frozen.Salt), frozen.ID, frozen.Weight)
	tr.published.Value.Root = hex.EncodeToString(leaf[:])
	tr.published.Value.Shards[0].Root = tr.published.Value.Root
	p, err := proof.Make(frozen.ID, 0, []audit.FrozenOrder{frozen}, tr.published, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.Order.Derivation = derivation
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
