package pot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// held is a balance as of an effective date: of a pot's account, or of the shard's where the pot is empty.
type held struct {
	pot     schemas.PotID
	account schemas.Account
	asset   schemas.AssetCode
	on      schemas.Date
}

// effects plays a scenario and returns what its journals moved on each effective date, but for postings of the stages that are named.
func effects(t *testing.T, text string, but ...string) map[held]int64 {
	t.Helper()
	p := &recorder{moved: make(map[held]int64), but: but}
	p.shard = scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)
	scenario.Run(t, text, p)
	for at, amount := range p.moved {
		if amount == 0 {
			delete(p.moved, at)
		}
	}
	return p.moved
}

// recorder is a player that adds up what journals move.
type recorder struct {
	player
	moved map[held]int64
	but   []string
}

func (p *recorder) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	outs := p.player.Play(r, at, steps, prove)
	for _, out := range outs {
		j, ok := out.Value.(*ledger.Journal)
		if !ok {
			continue
		}
		for i := range j.Postings {
			if slices.Contains(p.but, j.Postings[i].Stage) {
				continue
			}
			p.add(j, &j.Postings[i], j.Postings[i].From, -int64(j.Postings[i].Quantity))
			p.add(j, &j.Postings[i], j.Postings[i].To, int64(j.Postings[i].Quantity))
		}
	}
	return outs
}

func (p *recorder) add(j *ledger.Journal, posting *ledger.Posting, account schemas.Account, amount int64) {
	at := held{account: account, asset: posting.Asset, on: posting.EffectiveOn}
	if ledger.IsPotAccount(account) {
		at.pot = *j.Pot
	}
	p.moved[at] += amount
}

// TestACorrectedBatchIsTheOneThatTheRightPriceWouldHaveMade plays random batches twice: once at a wrong price that is corrected before or after the
// settlement, once or twice, and once at the right price from the beginning. On the effective axis nothing may tell them apart.
func TestACorrectedBatchIsTheOneThatTheRightPriceWouldHaveMade(t *testing.T) {
	for seed := range uint64(300) {
		b := drawBatch(rand.New(rand.NewPCG(seed, 25)))
		right, corrected := effects(t, b.right()), effects(t, b.corrected())
		for at, amount := range right {
			if corrected[at] != amount {
				t.Errorf("seed %d: %v is %d after the correction, %d at the right price", seed, at, corrected[at], amount)
			}
		}
		if len(right) != len(corrected) {
			t.Errorf("seed %d: %d balances moved after the correction, %d at the right price", seed, len(corrected), len(right))
		}
	}
}

// batchText is a random batch, in the words of scenarios.
type batchText struct {
	opening           string
	whole             schemas.Money
	cash              []schemas.Money
	wrong, other, now []int64 // units of each piece, in quanta, at each price
	settles, twice    bool
	late              bool // whether the correction comes after the settlement
}

func drawBatch(random *rand.Rand) batchText {
	b := batchText{settles: random.IntN(4) > 0, twice: random.IntN(3) == 0, late: random.IntN(2) == 0}
	text := &strings.Builder{}
	text.WriteString(`at 2008-03-17 09:00
given Settings from=2008-01-01
given Calendar name=platform from=2008-01-01 through=2008-12-31
given Asset asset=GB00X from=2008-01-01 cut-off=12:00 closed-through=2008-03-14
`)
	for n := range 1 + random.IntN(6) {
		amount := schemas.Money(1 + random.Int64N(20_000))
		b.whole += amount
		fmt.Fprintf(text, "given PotOpened pot=p%d\ngiven Contribution pot=p%d id=c%d cash=%s split=GB00X:1\n", n, n, n, amount)
	}
	text.WriteString("given DayClosed day=2008-03-17\n")
	b.opening = text.String()
	price := func() int64 { return 1 + random.Int64N(500) }
	wrong, other, now := price(), price(), price()
	left := b.whole
	for n := range 1 + random.IntN(3) {
		part := left
		if n < 2 {
			part = schemas.Money(random.Int64N(int64(left) + 1))
		}
		left -= part
		b.cash = append(b.cash, part)
		b.wrong, b.other, b.now = append(b.wrong, int64(part)*1000/wrong), append(b.other, int64(part)*1000/other), append(b.now, int64(part)*1000/now)
	}
	return b
}

func (b batchText) dealt(text *strings.Builder, units []int64) {
	for n, cash := range b.cash {
		final := ""
		if n == len(b.cash)-1 {
			final = " final"
		}
		fmt.Fprintf(text, "given Priced day=2008-03-17 id=s%d of=%s piece=%d%s cash=%s units=%s price=1\n", n, b.whole, n+1, final, cash, schemas.Units(units[n]).Text(3))
	}
}

func (b batchText) settled(text *strings.Builder) {
	if b.settles {
		fmt.Fprintf(text, "at 2008-03-19 16:00\ngiven Settled day=2008-03-17 id=e of=%s on=2008-03-19\n", b.whole)
	}
}

func (b batchText) right() string {
	text := &strings.Builder{}
	text.WriteString(b.opening)
	b.dealt(text, b.now)
	b.settled(text)
	return text.String()
}

func (b batchText) corrected() string {
	text := &strings.Builder{}
	text.WriteString(b.opening)
	b.dealt(text, b.wrong)
	correct := func(units []int64, version int) {
		texts := make([]string, len(units))
		for n := range units {
			texts[n] = schemas.Units(units[n]).Text(3)
		}
		fmt.Fprintf(text, "given Corrected day=2008-03-17 price=1 version=%d units=%s\n", version, strings.Join(texts, ","))
	}
	if b.late {
		b.settled(text)
	}
	if b.twice {
		correct(b.other, 2)
	}
	correct(b.now, 3)
	if !b.late {
		b.settled(text)
	}
	return text.String()
}
