package ageing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/ops/ageing"
	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// instruction is what makes an instruction that instruction.
type instruction struct {
	pot    schemas.PotID
	source schemas.SourceID
	id     schemas.InstructionID
}

// world is a random history, played in memory.
type world struct {
	*history.World
	pipeline *sim.Pipeline
	t        *testing.T
	seed     uint64
	// listed counts what the report had, missed nothing; ended are the instructions that it did not have.
	listed, ended int
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	pipeline, err := sim.New(1, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(1))...)
	if err != nil {
		t.Fatal(err)
	}
	h := history.Draw(seed, 6, 14)
	w := &world{World: history.New(&h, 1, pipeline), pipeline: pipeline, t: t, seed: seed}
	w.Operators, w.Rare = true, true
	w.Interlude = func(moment history.Moment, today schemas.Date) error {
		if moment == history.AfterDay {
			w.compare(today)
		}
		return nil
	}
	return w
}

// report folds the states of all pots.
func (w *world) report(today schemas.Date) []ageing.Item {
	var fold ageing.Fold
	for n := range history.Pots {
		name := string(history.PotName(n))
		table, ok := history.Decode(pot.Process().Table.Name, w.pipeline.State(pot.Name, 0, name), new(state.PotTable))
		if held, is := table.Body.(*state.PotState); ok && is {
			fold.Note(name, held)
		}
	}
	return fold.Items(today, 0)
}

// told are the last answers by instruction, and whether the first one of them named orders, a payment or a delivery.
func (w *world) told() (last map[instruction]schemas.Code, waits map[instruction]bool) {
	last, waits = make(map[instruction]schemas.Code), make(map[instruction]bool)
	cancels := make(map[instruction]bool)
	for _, i := range history.Decoded(w.Topic(streams.IngestInstruction), streams.IngestInstruction, func() *ingest.Instruction { return new(ingest.Instruction) }) {
		key := instruction{i.Pot, i.Source, i.ID}
		switch i.Body.(type) {
		case *ingest.Cancel:
			cancels[key] = true
		case *ingest.TransferIn:
			waits[key] = true
		}
	}
	for _, s := range history.Decoded(w.Topic(streams.StatusInstruction), streams.StatusInstruction, func() *status.InstructionStatus { return new(status.InstructionStatus) }) {
		key := instruction{s.Pot, s.Source, s.ID}
		if s.Duplicate || last[key] != "" && s.State == "rejected" && s.Code != "pot/trade-rejected" && last[key] != "held" && !waits[key] {
			continue // another instruction under the same id, which is refused
		}
		last[key] = s.State
		waits[key] = waits[key] || !cancels[key] && (len(s.Orders) > 0 || s.Payment != nil || s.Delivery != nil)
	}
	return last, waits
}

// compare holds the report against what the senders were told.
func (w *world) compare(today schemas.Date) {
	w.t.Helper()
	last, waits := w.told()
	listed := make(map[instruction]bool)
	for _, item := range w.report(today) {
		key := instruction{item.Pot, item.Source, item.Instruction}
		listed[key] = true
		w.listed++
		if strings.HasPrefix(string(item.Source), "!") {
			continue // nobody asked for it
		}
		if item.AgeDays < 0 || item.WaitsFor == "" || item.State == "" {
			w.t.Errorf("seed %d, %s: the report has %+v", w.seed, today, item)
		}
		if slices.Contains([]schemas.Code{"cancelled", "expired", "paid", "bounced", "attributed", "delivered"}, last[key]) {
			w.t.Errorf("seed %d, %s: %s is listed, and was told to be %s", w.seed, today, item.Instruction, last[key])
		}
	}
	for key, s := range last {
		open := slices.Contains([]schemas.Code{"held", "carried", "priced", "sent"}, s) || s == "accepted" && waits[key]
		if open && !listed[key] && !strings.HasPrefix(string(key.source), "!") { // nor is anybody told how such orders end
			w.t.Errorf("seed %d, %s: %s of %s is %s, and not listed", w.seed, today, key.id, key.pot, s)
		}
		if !listed[key] {
			w.ended++
		}
	}
}

// TestEveryInstructionEndsOrIsListed plays random histories, and at the end of each day looks for instructions that have not come to their end by what their
// senders were told, and are not in the report, or the other way.
func TestEveryInstructionEndsOrIsListed(t *testing.T) {
	listed, ended := 0, 0
	for seed := range uint64(12) {
		w := newWorld(t, seed)
		if err := w.Play(); err != nil {
			t.Fatal(err)
		}
		listed, ended = listed+w.listed, ended+w.ended
	}
	if listed < 100 || ended < 100 {
		t.Errorf("%d were listed, %d were not: too few to say anything", listed, ended)
	}
	t.Logf("%d were listed, %d were not", listed, ended)
}

// TestTheReportSaysWhatIsWaitedFor looks at each kind of thing that an instruction may wait for.
func TestTheReportSaysWhatIsWaitedFor(t *testing.T) {
	given := schemas.DateOf(2008, 3, 17)
	seen := func(id string) state.Seen {
		return state.Seen{Key: schemas.DeriveID("instruction", "portal", id), InstructedOn: given, State: "accepted"}
	}
	held := &state.PotState{
		Seen: []state.Seen{seen("buy"), seen("pay"), seen("claim")},
		Orders: []state.Order{
			{Source: "portal", Instruction: "buy", Asset: "IBM", Day: given + 1},
			{Source: "portal", Instruction: "buy", Asset: "GOOG", Day: given + 1, Priced: true},
			{Source: "portal", Instruction: "buy", Asset: "FINE", Day: given + 1, Pieces: 1},
			{Source: "portal", Instruction: "buy", Awaits: state.AwaitsPrice},
			{Source: "!charge", Instruction: "7", Asset: "IBM", Day: given + 2},
		},
		Payments: []state.Payment{
			{Source: "portal", Instruction: "pay", Cash: 12_50, On: given + 3},
			{Source: "portal", Instruction: "paid", Cash: 1, On: given, Stage: state.PaymentStagePaid},
		},
		Claims: []state.Claim{{Source: "portal", Instruction: "claim", Reference: "R1"}},
	}
	var fold ageing.Fold
	fold.Note("p1", held)
	var said []string
	for _, item := range fold.Items(given+4, 3) {
		if item.AgeDays != 4 || item.GivenOn != "2008-03-17" || item.State != "accepted" {
			t.Errorf("the report has %+v", item)
		}
		said = append(said, string(item.Instruction)+": "+item.WaitsFor)
	}
	want := []string{
		"buy: the price of IBM for 2008-03-18", "buy: the price of the sell that it follows", "buy: the rest of its price of FINE for 2008-03-18",
		"buy: the settlement of GOOG for 2008-03-18", "claim: cash under its payment reference", "pay: the bank to send 12.50",
	}
	if !slices.Equal(said, want) {
		t.Errorf("it says\n%s\nnot\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
	if all := fold.Items(given+4, 0); len(all) != len(want)+1 || all[len(all)-1].Source != "!charge" || all[len(all)-1].AgeDays != 2 {
		t.Errorf("with what is younger it has %+v", all)
	}
	if fold.Note("p1", nil); len(fold.Items(given, 0)) != 0 {
		t.Error("a pot that has no state any more is listed")
	}
}
