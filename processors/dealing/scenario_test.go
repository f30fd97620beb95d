package dealing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// player plays scenarios against dealing.
type player struct {
	shard *scenario.Shard[
		inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
		*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
	]
}

func (p *player) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	key := tradeOf(r, steps[0].Args)
	switch steps[0].Kind {
	case "Parked":
		p.shard.Park(key)
		return nil
	case "Released":
		return p.shard.Release(r, at, key)
	case "Dropped":
		return p.shard.Drop(r, key)
	}
	message := scenario.DealingMessage(r, at, steps[0])
	if !prove {
		return p.shard.Apply(r, message)
	}
	outs := p.shard.Prove(r, message)
	if total, ok := message.Body.(*inbox.ShardTotal); ok && total.Orders == 0 {
		return outs // a batch of nothing is forgotten; shards give each total once
	}
	if _, operated := message.Body.(*inbox.Operated); operated && len(outs) == 1 && outs[0].Topic == streams.PotInbox {
		return outs // an operator's word is passed on as often as it is said
	}
	if c, confirmed := message.Body.(*inbox.Confirmed); confirmed {
		if _, units := specie.Of(&c.Confirmation); units {
			return outs // so is what a custodian says of units in specie: the pot knows what it was told before
		}
	}
	for _, out := range p.shard.Again(r, message) {
		if out.Topic != streams.AuditRejection {
			r.Errorf("the same again writes to %s", out.Topic)
		}
	}
	return outs
}

// tradeOf is the trade that a step about a parked one names.
func tradeOf(r scenario.Reporter, args scenario.Args) string {
	r.Helper()
	day, err := schemas.ParseDate(args.Get("day", "2008-03-17"))
	if err != nil {
		return ""
	}
	return batch.Trade(day, "CREST", "GB00X", scenario.KindOf(r, args)).String()
}

func (p *player) Is(r scenario.Reporter, _ scenario.Step) scenario.Args {
	r.Helper()
	r.Fatalf("dealing is asked for nothing")
	return nil
}

// shardsOf is the number of shards of pots that a scenario is for: it stands in the file's name, as in trade-3-shards.scenario.
func shardsOf(file string) int32 {
	if strings.HasSuffix(file, "-3-shards.scenario") {
		return 3
	}
	return 1
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			shard := scenario.NewShard[
				inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
				*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
			](dealing.Machine(shardsOf(file)), 0, 1)
			scenario.Run(t, string(text), &player{shard})
		})
	}
}
