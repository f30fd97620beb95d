package pot_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

type potShard = scenario.Shard[
	inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
	*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
]

// player plays scenarios against one shard of pots.
type player struct {
	shard *potShard
	pots  scenario.Pots
	// effective is what the journals so far moved.
	effective timeline
	// journals are the ids of the journals so far.
	journals map[schemas.ID]bool
}

func (p *player) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	outs := p.play(r, at, steps, prove)
	if p.effective == nil {
		p.effective = make(timeline)
	}
	p.effective.journals(r, outs)
	return outs
}

func (p *player) tell(r scenario.Reporter, message *inbox.PotMessage, prove bool) []streams.Out {
	r.Helper()
	if prove {
		return p.shard.Prove(r, message)
	}
	return p.shard.Apply(r, message)
}

// checkJournalIDs finds two journals of what pots were told themselves that have one id: a ledger could not keep both.
func (p *player) checkJournalIDs(r scenario.Reporter, outs []streams.Out) {
	r.Helper()
	if p.journals == nil {
		p.journals = make(map[schemas.ID]bool)
	}
	for i := range outs {
		if j, ok := outs[i].Value.(*ledger.Journal); ok {
			if p.journals[j.ID] {
				r.Errorf("two journals have the id %s", j.ID)
			}
			p.journals[j.ID] = true
		}
	}
}

func (p *player) play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, prove bool) []streams.Out {
	r.Helper()
	switch key := steps[0].Args.Get("pot", "p1"); steps[0].Kind {
	case "Parked":
		p.shard.Park(key)
		return nil
	case "Released":
		return p.shard.Release(r, at, key)
	case "Dropped":
		return p.shard.Drop(r, key)
	}
	message := p.pots.Message(r, at, steps)
	outs := p.tell(r, message, prove)
	switch message.Body.(type) {
	case *inbox.Instructed, *inbox.BankConfirmed, *inbox.UnitsConfirmed, *inbox.PotOperated:
		p.checkJournalIDs(r, outs)
		if !prove {
			break
		}
		for _, out := range p.shard.Again(r, message) {
			if out.Topic != streams.StatusInstruction && out.Topic != streams.AuditRejection {
				r.Errorf("the same again writes to %s", out.Topic)
			}
		}
	}
	return outs
}

func (p *player) Is(r scenario.Reporter, step scenario.Step) scenario.Args {
	r.Helper()
	if step.Kind == "LastPrice" {
		return p.lastPrice(r, schemas.AssetCode(step.Args.Get("asset", "GB00X")))
	}
	held := p.shard.State(step.Args.Get("pot", "p1"))
	if held == nil {
		r.Fatalf("pot %s is not open", step.Args.Get("pot", "p1"))
		return nil
	}
	checkOrderIDs(r, held)
	args := scenario.Args{
		{Key: "pot", Value: step.Args.Get("pot", "p1")},
		{Key: "available", Value: held.Available.String()},
		{Key: "reserved", Value: held.Reserved.String()},
		{Key: "pending", Value: held.Pending.String()},
		{Key: "payable", Value: held.Payable.String()},
	}
	if held.ClosedOn != nil {
		args = append(args, scenario.Arg{Key: "closed"})
	}
	if c := held.Choice; c != nil {
		args = append(args, scenario.Arg{Key: "choice", Value: choiceText(c)})
	}
	if s := held.Suspense; s != nil {
		args = append(args, scenario.Arg{Key: "held", Value: s.Held.String()})
		if s.Owner != "" {
			args = append(args, scenario.Arg{Key: "owner", Value: string(s.Owner)})
		}
	}
	if held.Accrued != 0 || held.AccruedRest != 0 {
		args = append(args, scenario.Arg{Key: "accrued", Value: held.Accrued.String()}, scenario.Arg{Key: "parts", Value: strconv.FormatInt(held.AccruedRest, 10)})
	}
	for _, h := range held.Holdings {
		code := string(h.Asset)
		args = append(args, scenario.Arg{Key: code + ".settled", Value: h.Settled.Text(3)}, scenario.Arg{Key: code + ".pending", Value: h.Pending.Text(3)},
			scenario.Arg{Key: code + ".reserved", Value: h.Reserved.Text(3)})
	}
	if len(held.Orders) == 0 {
		args = append(args, scenario.Arg{Key: "idle"})
	}
	return args
}

// choiceText writes a standing choice as GB00X:0.600000,GB00Y:0.400000, or as LIFESTYLE:2030-06-30.
func choiceText(c *ingest.InvestmentChoice) string {
	if c.Path != nil {
		return string(*c.Path) + ":" + c.Target.String()
	}
	parts := make([]string, len(c.Split))
	for i := range c.Split {
		parts[i] = string(c.Split[i].Asset) + ":" + c.Split[i].Weight.String()
	}
	return strings.Join(parts, ",")
}

// checkOrderIDs finds two orders of a pot, open or settled, that have one id: postings and proofs could not tell them apart.
func checkOrderIDs(r scenario.Reporter, held *state.PotState) {
	r.Helper()
	found := make(map[schemas.ID]bool)
	for i := range held.Orders {
		if id := held.Orders[i].ID; found[id] {
			r.Errorf("two orders have the id %s", id)
		} else {
			found[id] = true
		}
	}
	for i := range held.Dealt {
		if id := held.Dealt[i].ID; found[id] {
			r.Errorf("an order has the id %s, and one that has settled", id)
		} else {
			found[id] = true
		}
	}
}

// lastPrice tells which of an asset's closes the shard takes for the last.
func (p *player) lastPrice(r scenario.Reporter, asset schemas.AssetCode) scenario.Args {
	r.Helper()
	view, err := pot.NewReference(p.shard.Reference())
	if err != nil {
		r.Fatalf("reading reference data: %v", err)
		return nil
	}
	last := view.LastPrice(asset)
	if last == nil {
		return scenario.Args{{Key: "asset", Value: string(asset)}, {Key: "none"}}
	}
	return scenario.Args{
		{Key: "asset", Value: string(asset)},
		{Key: "day", Value: last.Date.String()},
		{Key: "price", Value: last.Price.String()},
		{Key: "kept", Value: strconv.Itoa(len(p.shard.Reference().Prices))},
	}
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
				inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
				*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
			](pot.Machine(), 0, 1)
			scenario.Run(t, string(text), &player{shard: shard})
		})
	}
}
