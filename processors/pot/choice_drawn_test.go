package pot_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// drawnSplit draws a split over up to three assets, with weights down to a millionth.
func drawnSplit(t *rapid.T) string {
	assets := rapid.Permutation([]string{"GB00X", "GB00Y", "GB00Z"}).Draw(t, "assets")[:rapid.IntRange(1, 3).Draw(t, "parts")]
	var parts []string
	left := schemas.WeightOne
	for i, asset := range assets {
		weight := left
		if rest := schemas.Weight(len(assets) - 1 - i); rest > 0 {
			weight = schemas.Weight(rapid.Int64Range(1, int64(left-rest)).Draw(t, "weight"))
		}
		left -= weight
		parts = append(parts, asset+":"+weight.String())
	}
	return strings.Join(parts, ",")
}

// drawnPath is a path from a day on: its splits by years.
type drawnPath struct {
	from   schemas.Date
	splits map[int]string
}

func drawPath(t *rapid.T, from schemas.Date) drawnPath {
	p := drawnPath{from, map[int]string{0: drawnSplit(t)}}
	for _, years := range rapid.SliceOfNDistinct(rapid.IntRange(1, 8), 0, 4, rapid.ID[int]).Draw(t, "years") {
		p.splits[years] = drawnSplit(t)
	}
	return p
}

func (p *drawnPath) line() string {
	line := fmt.Sprintf("given GlidePath path=LIFESTYLE from=%s", p.from)
	for years := 8; years >= 0; years-- {
		if split := p.splits[years]; split != "" {
			line += fmt.Sprintf(" %d-years=%s", years, split)
		}
	}
	return line
}

// on looks the split up by writing dates down: that of a year without a 29 February stands where it would stand among the others.
func (p *drawnPath) on(target, day schemas.Date) string {
	for years := 8; years > 0; years-- {
		anniversary := fmt.Sprintf("%04d%s", target.Time().Year()-years, target.String()[4:])
		if split := p.splits[years]; split != "" && day.String() <= anniversary {
			return split
		}
	}
	return p.splits[0]
}

// twins are two pots of the same name: to one each contribution by choice says no more than that, to the other it says its split itself.
type twins struct {
	t        *rapid.T
	bySplit  *potShard
	byChoice *potShard
	day      schemas.Date
	paths    []drawnPath
	split    string
	target   *schemas.Date
	asked    int
}

func newTwins(t *rapid.T) *twins {
	fresh := func() *potShard {
		return scenario.NewShard[
			inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
			*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
		](pot.Machine(), 0, 1)
	}
	w := &twins{t: t, bySplit: fresh(), byChoice: fresh(), day: schemas.DateOf(2008, 3, 17) + schemas.Date(rapid.IntRange(0, 366).Draw(t, "first day"))} //nolint:gosec // few
	w.tellBoth("given Settings from=2008-01-01 backdating=30")
	w.tellBoth("given Calendar name=platform from=2008-01-01 through=2030-12-31")
	for _, asset := range []string{"GB00X", "GB00Y", "GB00Z"} {
		w.tellBoth("given Asset from=2008-01-01 cut-off=12:00 asset=" + asset)
	}
	for _, days := range []schemas.Date{-100, 1000} {
		p := drawPath(t, w.day+days)
		w.paths = append(w.paths, p)
		w.tellBoth(p.line())
	}
	w.tellBoth("given PotOpened pot=p1")
	return w
}

// tell plays one line to a shard, and proves that it is decided once and for all.
func (w *twins) tell(shard *potShard, line string) []streams.Out {
	steps, err := scenario.Parse(line)
	if err != nil {
		w.t.Fatal(err)
	}
	pots := scenario.Pots{}
	message := pots.Message(w.t, schemas.Instant(w.day)*24*60*60*1000+9*60*60*1000, steps)
	outs := shard.Prove(w.t, message)
	if _, instructed := message.Body.(*inbox.Instructed); instructed {
		shard.Again(w.t, message)
	}
	return outs
}

func (w *twins) tellBoth(line string) {
	w.same(w.tell(w.byChoice, line), w.tell(w.bySplit, line), line)
}

// same compares all that came of a line in both pots, but for what a refusal or a choice is remembered by.
func (w *twins) same(one, other []streams.Out, line string) {
	if !slices.EqualFunc(one, other, func(a, b streams.Out) bool {
		return a.Topic == b.Topic && a.Key == b.Key && bytes.Equal(a.Value.AppendAvro(nil), b.Value.AppendAvro(nil))
	}) {
		w.t.Fatalf("after %q the pots tell different things", line)
	}
	if a, b := w.byChoice.State("p1"), w.bySplit.State("p1"); a != nil && b != nil {
		left, right := *a, *b
		left.Choice, left.Seen, right.Choice, right.Seen = nil, nil, nil, nil
		if !bytes.Equal(left.AppendAvro(nil), right.AppendAvro(nil)) {
			w.t.Fatalf("after %q the pots have different states", line)
		}
	}
}

// choose makes a choice in one of the pots; the other is told of one that is taken back.
func (w *twins) choose(id string) {
	w.split, w.target = "", nil
	choice := ""
	switch rapid.IntRange(0, 5).Draw(w.t, "choice") {
	case 0:
	case 1, 2:
		w.split = drawnSplit(w.t)
		choice = " split=" + w.split
	default:
		// Mostly a year to it ends within the next days.
		soon := w.day + schemas.Date(rapid.SampledFrom([]int{0, 0, 1, 2, -1, 200}).Draw(w.t, "soon")) //nolint:gosec // few
		year, month, day := soon.Time().Date()
		target := schemas.DateOf(year+rapid.IntRange(-1, 9).Draw(w.t, "years"), month, day)
		if rapid.IntRange(0, 4).Draw(w.t, "leap") == 0 {
			target = schemas.DateOf(2012, 2, 29)
		}
		w.target, choice = &target, fmt.Sprintf(" path=LIFESTYLE target=%s", target)
	}
	line := "when InvestmentChoice pot=p1 id=" + id
	w.same(w.tell(w.byChoice, line+choice), w.tell(w.bySplit, line), line+choice)
}

// wanted is the split that the choice comes to today; empty where there is none.
func (w *twins) wanted() string {
	if w.target == nil {
		return w.split
	}
	path := &w.paths[0]
	if w.paths[1].from <= w.day {
		path = &w.paths[1]
	}
	return path.on(*w.target, w.day)
}

// contribute pays in by choice. Whatever it orders sums to what was paid in.
func (w *twins) contribute(id string) {
	cash := schemas.Money(rapid.Int64Range(1, 1_000_00).Draw(w.t, "cash"))
	line := fmt.Sprintf("when Contribution pot=p1 id=%s cash=%s", id, cash)
	split := w.wanted()
	outs := w.tell(w.byChoice, line+" by-choice")
	if split == "" {
		if s, ok := outs[0].Value.(*status.InstructionStatus); !ok || s.Code != "pot/no-choice" {
			w.t.Fatalf("after %q: %v", line, outs)
		}
		if before := w.tell(w.bySplit, line+" split=NONE:1"); len(before) != len(outs) {
			w.t.Fatalf("after %q the other pot says %v", line, before)
		}
		return
	}
	w.asked++
	w.same(outs, w.tell(w.bySplit, line+" split="+split), line)
	reserved := schemas.Quantity(0)
	for i := range outs {
		if j, ok := outs[i].Value.(*ledger.Journal); ok {
			for n := range j.Postings {
				if j.Postings[n].Stage == "reserved" {
					reserved += j.Postings[n].Quantity
				}
			}
		}
	}
	if want, _ := schemas.QuantityOf(int64(cash), schemas.MoneyScale); reserved != want {
		w.t.Fatalf("after %q %s is reserved", line, reserved)
	}
}

// TestAContributionByChoiceIsOneWithThatSplit draws paths, choices and contributions over some years. Each contribution by choice books, orders and answers what one does that
// says its split itself, to the byte; each decision is proved: it changes nothing that it was given, survives writing and reading, and the same again changes nothing.
func TestAContributionByChoiceIsOneWithThatSplit(t *testing.T) {
	asked := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newTwins(t)
		for n := range rapid.IntRange(5, 15).Draw(t, "steps") {
			id := fmt.Sprintf("i%d", n)
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				w.choose(id)
			case 1:
				w.tellBoth(fmt.Sprintf("when Contribution pot=p1 id=%s cash=%d.00", id, 1+n))
			case 2:
				w.tellBoth(fmt.Sprintf("when Cancel pot=p1 id=%s instruction=i%d", id, n-1))
			default:
				w.contribute(id)
			}
			w.day += schemas.Date(rapid.SampledFrom([]int{0, 0, 1, 1, 7, 180, 365, 366}).Draw(t, "days")) //nolint:gosec // few
		}
		asked += w.asked
	})
	if asked == 0 {
		t.Error("no contribution was invested by choice")
	}
}
