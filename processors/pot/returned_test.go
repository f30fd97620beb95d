package pot_test

import (
	"fmt"
	"maps"
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

// returnedText is a switch whose buy gives something back, in the words of scenarios. Its news comes in any order that custodians may tell it in.
type returnedText struct {
	opening string
	// buy is what is told of the buy, in its order; settled is what is told of the sell at some point of it.
	buy     []string
	settled string
	closing string
}

// drawReturned draws a switch of 40 units, which bring 104.00, on 2008-03-19. The sell settles between then and 2008-03-26, the buy is for 2008-03-20 or the
// next open day, and may be dealt in part, carried forward and given up. The close of the sell is corrected up to once before all that, or other cash leaves the
// pot; and up to twice after it.
func drawReturned(random *rand.Rand) returnedText {
	days, told, cash := []string{"2008-03-20", "2008-03-25", "2008-03-26"}, []string{"07:00", "13:00"}, 1+random.IntN(20)
	first := random.IntN(2)
	text := &strings.Builder{}
	fmt.Fprintf(text, `at 2008-03-17 09:00
given Settings from=2008-01-01
given Calendar name=platform from=2008-01-01 through=2008-12-31 closed=2008-03-21,2008-03-24
given Asset asset=GB00X from=2008-01-01 cut-off=12:00 lag=0 closed-through=2008-03-14
given Asset asset=GB00Y from=2008-01-01 cut-off=12:00 closed-through=2008-03-14
given PotOpened pot=p1
given Contribution pot=p1 id=c1 cash=100.00 split=GB00X:1
given Contribution pot=p1 id=c2 cash=%d.00
given DayClosed day=2008-03-17 assets=GB00X,GB00Y
given Priced day=2008-03-17 id=bought of=100.00 piece=1 final cash=100.00 units=40.000 price=2.50
given Settled day=2008-03-17 id=delivered of=100.00 on=2008-03-17
at 2008-03-19 08:00
given Switch pot=p1 id=w1 asset=GB00X all into=GB00Y
at 2008-03-19 12:30
given DayClosed day=2008-03-19 assets=GB00X,GB00Y
at 2008-03-20 %s
given Priced day=2008-03-19 sell=units id=f1 of=40.000 piece=1 final cash=104.00 units=40.000 price=2.60
at 2008-03-27 07:00
given DayClosed day=%s assets=GB00X,GB00Y
`, cash, told[first], days[first])
	b := returnedText{settled: fmt.Sprintf("given Settled day=2008-03-19 sell=units id=e1 of=40.000 on=2008-03-%d\n", 19+random.IntN(8))}
	b.buy = drawBuy(random, days[first], days[first+1])
	switch random.IntN(3) {
	case 0:
		text.WriteString(drawCorrection(random))
	case 1:
		b.buy = append([]string{fmt.Sprintf("given Withdraw pot=p1 id=x1 cash=%d.00 payee=jo\n", cash)}, b.buy...)
	}
	b.opening = text.String()
	for range random.IntN(3) {
		b.closing += drawCorrection(random)
	}
	return b
}

// drawCorrection draws what the sell brings at another price. Versions are numbered as they come.
func drawCorrection(random *rand.Rand) string {
	return fmt.Sprintf("given Corrected day=2008-03-19 sell=units price=1 version=? cash=%s\n", schemas.Money(4000+random.Int64N(8000)))
}

// drawBuy draws what becomes of the buy. In the end nothing is left of its reservation, or it is put off to another day, which may be closed by then.
func drawBuy(random *rand.Rand, day, next string) []string {
	dealt := fmt.Sprintf("given Priced day=%s asset=GB00Y id=f2 of=104.00 piece=1 final cash=%d.00 units=10.000 price=5.00\n", day, 30+random.IntN(60))
	rejected := fmt.Sprintf("given Rejected day=%s asset=GB00Y id=r1 reason=suspended\n", day)
	givenUp := fmt.Sprintf("given Rejected day=%s asset=GB00Y id=g1 given-up reason=failed\n", day)
	carried := fmt.Sprintf("given Rejected day=%s asset=GB00Y id=q1 reason=closed to=%s\n", day, next)
	carriedOn := fmt.Sprintf("given Rejected day=%s asset=GB00Y id=g2 given-up reason=failed to=%s\n", day, next)
	later := fmt.Sprintf("given DayClosed day=%s assets=GB00X,GB00Y\n", next)
	again := fmt.Sprintf("given Rejected day=%s asset=GB00Y id=r2 reason=suspended\n", next)
	all := [][]string{
		{rejected},
		{dealt},
		{dealt, givenUp},
		{carried, later, again},
		{dealt, carriedOn, later, again},
		{carried},
		{dealt, carriedOn},
		{carried, later},
		{dealt, carriedOn, later},
	}
	return all[random.IntN(len(all))]
}

// text is the scenario in which the settlement is told after so many of the news of the buy.
func (b *returnedText) text(after int) string {
	return numbered(b.opening + strings.Join(b.buy[:after], "") + b.settled + strings.Join(b.buy[after:], "") + b.closing)
}

// late is the scenario in which it is told after so many of the news of the buy and the corrections after them.
func (b *returnedText) late(after int) string {
	news := append(slices.Clone(b.buy), slices.Collect(strings.Lines(b.closing))...)
	return numbered(b.opening + strings.Join(news[:after], "") + b.settled + strings.Join(news[after:], ""))
}

// numbered gives the corrections of a scenario their versions.
func numbered(text string) string {
	for version := 2; strings.Contains(text, "version=?"); version++ {
		text = strings.Replace(text, "version=?", fmt.Sprintf("version=%d", version), 1)
	}
	return text
}

// canonicalOf plays a scenario and returns the canonical lines of its journals, sorted. What negates a posting must name the journal in which it stands.
func canonicalOf(t *testing.T, text string) []string {
	t.Helper()
	p := &canonicalPlayer{booked: make(map[schemas.ID]map[string]int)}
	p.shard = scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)
	scenario.Run(t, text, p)
	slices.Sort(p.lines)
	return p.lines
}

// canonicalPlayer keeps what journals say.
type canonicalPlayer struct {
	player
	lines  []string
	booked map[schemas.ID]map[string]int
	moved  map[moment]schemas.Quantity
}

func (p *canonicalPlayer) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	outs := p.player.Play(r, at, steps, prove)
	for _, out := range outs {
		j, ok := out.Value.(*ledger.Journal)
		if !ok {
			continue
		}
		p.booked[j.ID] = make(map[string]int)
		for i := range j.Postings {
			posting := &j.Postings[i]
			p.lines = append(p.lines, string(j.AppendCanonical(nil, i)))
			p.booked[j.ID][moveOf(posting, posting.From, posting.To)]++
			p.move(posting)
			if posting.Reverses == nil {
				continue
			}
			if negated := moveOf(posting, posting.To, posting.From); p.booked[*posting.Reverses][negated] == 0 {
				r.Errorf("journal %s has no posting %s to be negated", posting.Reverses, negated)
			} else {
				p.booked[*posting.Reverses][negated]--
			}
		}
	}
	return outs
}

// moment is an account's asset as of an effective date.
type moment struct {
	account schemas.Account
	asset   schemas.AssetCode
	on      schemas.Date
}

// move adds a posting to what moved in accounts of the pot and of the scheme, if that is asked for.
func (p *canonicalPlayer) move(posting *ledger.Posting) {
	for account, quantity := range map[schemas.Account]schemas.Quantity{posting.From: -posting.Quantity, posting.To: posting.Quantity} {
		if p.moved != nil && (strings.HasPrefix(string(account), "pot:") || strings.HasPrefix(string(account), "scheme:")) {
			p.moved[moment{account, posting.Asset, posting.EffectiveOn}] += quantity
		}
	}
}

func moveOf(p *ledger.Posting, from, to schemas.Account) string {
	return fmt.Sprintf("%s->%s=%s:%s on %s", from, to, p.Asset, p.Quantity, p.EffectiveOn)
}

// TestNewsOfASwitchMayComeInAnyOrder plays random switches whose buys give cash back before their sells are known to have settled, and after it. The postings
// are the same ones, corrections that come later negate what was booked, and as of no day is an account below zero.
func TestNewsOfASwitchMayComeInAnyOrder(t *testing.T) {
	early := 0
	for seed := range uint64(400) {
		b := drawReturned(rand.New(rand.NewPCG(seed, 23)))
		want := canonicalOf(t, b.text(len(b.buy)))
		for after := range b.buy {
			if got := canonicalOf(t, b.text(after)); !slices.Equal(got, want) {
				t.Errorf("seed %d: with the settlement after %d of the news:\n%s\nnot:\n%s", seed, after, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, b.text(0))
		}
		early += strings.Count(strings.Join(want, "\n"), "settled")
	}
	if early == 0 {
		t.Error("nothing ever settled: nothing was compared")
	}
}

// TestASwitchIsCorrectedToTheSameBeforeAndAfterItsSellSettles plays the corrections at the end before the settlement is known, between them, and after it. As of
// each day the pot comes to have the same, and what its buy is for is the same: only in which journal it stands may differ.
func TestASwitchIsCorrectedToTheSameBeforeAndAfterItsSellSettles(t *testing.T) {
	open := 0
	for seed := range uint64(1000) {
		b := drawReturned(rand.New(rand.NewPCG(seed, 25)))
		want := movedOf(t, b.text(len(b.buy)))
		for after := len(b.buy) + 1; after <= len(b.buy)+strings.Count(b.closing, "\n"); after++ {
			if got := movedOf(t, b.late(after)); !maps.Equal(got, want) {
				t.Fatalf("seed %d: with the settlement after %d of the news: %v, not %v\n%s", seed, after, got, want, b.late(after))
			}
		}
		reserved := schemas.Quantity(0)
		for at, moved := range want {
			if at.account == ledger.PotReserved && at.asset == schemas.Cash {
				reserved += moved
			}
		}
		if reserved > 0 && b.closing != "" {
			open++
		}
	}
	if open == 0 {
		t.Error("no buy was open when a correction came")
	}
}

// movedOf plays a scenario and returns by how much each account of the pot and of the scheme moved on each effective date.
func movedOf(t *testing.T, text string) map[moment]schemas.Quantity {
	t.Helper()
	p := &canonicalPlayer{booked: make(map[schemas.ID]map[string]int), moved: make(map[moment]schemas.Quantity)}
	p.shard = scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)
	scenario.Run(t, text, p)
	maps.DeleteFunc(p.moved, func(_ moment, moved schemas.Quantity) bool { return moved == 0 })
	return p.moved
}

// TestCorrectionsBetweenTheNewsOfASwitchAreSound corrects the close of such switches at any point of their news. What comes of it depends on what was known by
// then; but as of no day is an account below zero, and everything negates what stands where it says.
func TestCorrectionsBetweenTheNewsOfASwitchAreSound(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 24))
		b := drawReturned(random)
		for range 1 + random.IntN(2) {
			b.buy = slices.Insert(b.buy, 1+random.IntN(len(b.buy)), drawCorrection(random)) // what leaves the pot is there
		}
		for after := range len(b.buy) + 1 {
			canonicalOf(t, b.text(after))
			if t.Failed() {
				t.Fatalf("seed %d:\n%s", seed, b.text(after))
			}
		}
	}
}
