package dealing_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

var updateEdges = flag.Bool("update-edges", false, "write testdata/edges.txt")

// teller is a player who sees what trades tell.
type teller struct {
	player
	told func(*ledger.Trade)
}

func (p *teller) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	outs := p.player.Play(r, at, steps, prove)
	for _, out := range outs {
		if trade, ok := out.Value.(*ledger.Trade); ok {
			p.told(trade)
		}
	}
	return outs
}

// TestEveryEventOfATradeIsMadeInOnePlace looks for others than the one that holds each event against the life cycle.
func TestEveryEventOfATradeIsMadeInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			made += strings.Count(string(text), "ledger.Trade{") + strings.Count(string(text), ".Event = ") + strings.Count(string(text), "new(ledger.Trade)")
		}
	}
	if made != 1 {
		t.Errorf("events of trades are made in %d places, want 1", made)
	}
}

// TestEveryEdgeHasAScenario plays all scenarios and looks which moves of the life cycle they make.
func TestEveryEdgeHasAScenario(t *testing.T) {
	edges := scenario.NewEdges(dealing.LifeCycle())
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shard := scenario.NewShard[
			inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
			*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
		](dealing.Machine(shardsOf(file)), 0, 1)
		last := make(map[schemas.ID]string)
		scenario.Run(t, string(text), &teller{player{shard}, func(trade *ledger.Trade) {
			if !dealing.IsStep(trade.Event) {
				return
			}
			if from := last[trade.Trade]; from != "" && !dealing.LifeCycle().Declares(from, trade.Event) {
				t.Errorf("%s: a trade goes from %s to %s, which is not declared", file, from, trade.Event)
			}
			edges.Show(filepath.Base(file), last[trade.Trade], trade.Event)
			last[trade.Trade] = trade.Event
		}})
	}
	for _, edge := range edges.Missing() {
		t.Errorf("no scenario shows the move %s of a trade", edge)
	}
	if *updateEdges {
		if err := os.WriteFile("testdata/edges.txt", []byte(edges.Text()), 0o644); err != nil { //nolint:gosec // everybody may read it
			t.Fatal(err)
		}
	}
}
