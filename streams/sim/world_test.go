package sim_test

import (
	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	hour = 60 * 60 * 1000
	day  = 24 * hour
)

// world plays a history against the pipeline in memory.
type world struct {
	*history.World
	*sim.Pipeline
}

func newWorld(h *history.History, shards int32, schedule sim.Schedule) (*world, error) {
	processes := append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))
	pipeline, err := sim.New(shards, processes...)
	if err != nil {
		return nil, err
	}
	pipeline.Vary(schedule)
	return &world{history.New(h, shards, pipeline), pipeline}, nil
}

// play plays the history to its end, until everything has settled.
func play(h *history.History, shards int32, schedule sim.Schedule) (*world, error) {
	w, err := newWorld(h, shards, schedule)
	if err != nil {
		return nil, err
	}
	w.Done = func() bool { return w.AtRest() && w.underWay() == 0 }
	return w, w.Play()
}

// operate plays the history with all that operators do.
func operate(h *history.History, shards int32, schedule sim.Schedule) (*world, error) {
	w, err := newWorld(h, shards, schedule)
	if err != nil {
		return nil, err
	}
	w.Operators = true
	w.Done = func() bool { return w.AtRest() && w.underWay() == 0 }
	return w, w.Play()
}

// operateRarely plays it with what is rare, too.
func operateRarely(h *history.History, shards int32, schedule sim.Schedule) (*world, error) {
	w, err := newWorld(h, shards, schedule)
	if err != nil {
		return nil, err
	}
	w.Operators, w.Rare = true, true
	w.Done = func() bool { return w.AtRest() && !w.Announced() && w.underWay() == 0 }
	return w, w.Play()
}

const (
	daysOfHistory   = 4
	actionsOfDayMax = 14
)

func drawHistory(t *rapid.T) history.History {
	h := history.History{Seed: rapid.Uint64Range(1, 1<<40).Draw(t, "seed")}
	days := rapid.IntRange(1, daysOfHistory).Draw(t, "days")
	for range days {
		h.Days = append(h.Days, rapid.SliceOfN(rapid.Custom(drawAction), 0, actionsOfDayMax).Draw(t, "day"))
	}
	return h
}

func drawAction(t *rapid.T) history.Action {
	return history.Action{
		Kind:   history.Kind(rapid.IntRange(0, int(history.Kinds)-1).Draw(t, "kind")),
		Pot:    rapid.IntRange(0, history.Pots-1).Draw(t, "pot"),
		Asset:  rapid.IntRange(0, len(history.Assets())-1).Draw(t, "asset"),
		Cash:   schemas.Money(rapid.Int64Range(1, int64(history.CashMax)).Draw(t, "pence")),
		Target: rapid.IntRange(0, history.Targets-1).Draw(t, "target"),
		Minute: rapid.IntRange(0, history.MinutesOfDay/actionsOfDayMax).Draw(t, "minutes"),
		Weight: schemas.Weight(rapid.Int64Range(1, int64(schemas.WeightOne)-2).Draw(t, "weight")),
	}
}

func (w *world) rejections() []*audit.Rejection {
	return history.Decoded(w.Topic(streams.AuditRejection), streams.AuditRejection, func() *audit.Rejection { return new(audit.Rejection) })
}

// underWay counts the orders that pots still have.
func (w *world) underWay() int {
	count := 0
	for p := range history.Pots {
		name := string(history.PotName(p))
		framed := w.State(pot.Name, streams.PartitionOf(name, w.Shards), name)
		if table, ok := history.Decode(pot.Process().Table.Name, framed, new(state.PotTable)); ok {
			held, _ := table.Body.(*state.PotState)
			count += len(held.Orders)
		}
	}
	return count
}

// lastDealt is the last day on which something was dealt.
func (w *world) lastDealt() schemas.Date {
	last := history.Monday
	for _, t := range history.Decoded(w.Topic(streams.LedgerTrade), streams.LedgerTrade, func() *ledger.Trade { return new(ledger.Trade) }) {
		last = max(last, t.Day)
	}
	return last
}

// position is where an ingest record lies.
type position struct {
	topic     string
	partition int32
	offset    int64
}

// outcomes counts, by ingest position, the inbox records that intake made.
func (w *world) outcomes() map[position]int {
	outcomes := make(map[position]int)
	count := func(c *inbox.Cause) { outcomes[position{c.Topic, c.Partition, c.Offset}]++ }
	for _, m := range history.Decoded(w.Topic(streams.PotInbox), streams.PotInbox, func() *inbox.PotMessage { return new(inbox.PotMessage) }) {
		switch m.Body.(type) {
		case *inbox.Instructed, *inbox.BankConfirmed, *inbox.PotOperated:
			count(&m.Cause)
		}
	}
	for _, m := range history.Decoded(w.Topic(streams.DealingInbox), streams.DealingInbox, func() *inbox.DealingMessage { return new(inbox.DealingMessage) }) {
		switch m.Body.(type) {
		case *inbox.Flush, *inbox.ShardTotal:
		default:
			count(&m.Cause)
		}
	}
	return outcomes
}

// opening is an inbox record that opens a pot.
func opening(pot string) *inbox.PotMessage {
	return &inbox.PotMessage{Body: &inbox.Instructed{Instruction: ingest.Instruction{
		Source: "portal", ID: "open", Pot: schemas.PotID(pot), Body: &ingest.PotOpened{},
	}}}
}
