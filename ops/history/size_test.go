package history

import (
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// sizedAssets are as long in their names as funds are in the trade.
func sizedAssets() []schemas.AssetCode {
	return []schemas.AssetCode{"GB00B3X7QG63", "IE00B4L5Y983", "LU0323578657", "GB00B59G4Q73", "IE00BK5BQT80"}
}

const (
	sizedPot schemas.PotID = "p-000001"
	// potBytesMax is what a pot with five assets and three open orders may take, without the settled orders and journals that may still be corrected.
	potBytesMax = 700
)

// sized is a world with one pot.
type sized struct {
	*World
	pipeline *sim.Pipeline
	t        *testing.T
}

func newSized(t *testing.T) *sized {
	t.Helper()
	pipeline, err := sim.New(1, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(1))...)
	if err != nil {
		t.Fatal(err)
	}
	w := &sized{New(&History{Seed: 1}, 1, pipeline), pipeline, t}
	w.At(Monday-3, 9*hour)
	entries := []reference.EntryBody{
		&reference.Calendar{Name: "platform", FirstDay: Monday - 100, LastDay: Monday + 200},
		&reference.Custodian{ID: "CREST", Name: "Crest"},
		&reference.Settings{EffectiveFrom: Monday - 100, PlatformCalendar: "platform", Zone: "Europe/London", BackdatingDays: 90, SellCashMaxBps: 9000},
	}
	for _, code := range sizedAssets() {
		entries = append(entries, &reference.Asset{
			Code: code, Name: string(code), EffectiveFrom: Monday - 100, Custodian: "CREST", Calendar: "platform", UnitsScale: 4, PriceScale: 4, CutOffMinute: 720,
			PriceTolerance: 100_000,
		})
	}
	for n, body := range entries {
		w.Send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprint(n), Entry: reference.Entry{Body: body}})
	}
	w.run()
	return w
}

func (w *sized) run() {
	w.t.Helper()
	if err := w.Run(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *sized) ask(id schemas.InstructionID, on schemas.Date, body ingest.InstructionBody) {
	w.Instruct(&ingest.Instruction{Source: "payroll", ID: id, Pot: sizedPot, InstructedOn: on, Body: body})
}

// pay contributes to all assets in equal parts, and lets that deal and settle on its day.
func (w *sized) pay(on schemas.Date) {
	w.t.Helper()
	w.At(on, 9*hour)
	var split []ingest.SplitPart
	for _, code := range sizedAssets() {
		split = append(split, ingest.SplitPart{Asset: code, Weight: 200_000})
	}
	w.ask(schemas.InstructionID("monthly-"+on.String()), on, &ingest.Contribution{Cash: 500_00, Split: split})
	w.At(on, 20*hour)
	w.Tick()
	w.run()
	const price schemas.Price = 2_5000_0000
	for _, code := range sizedAssets() {
		w.Send(streams.IngestPrice, string(code), &ingest.Price{Source: "vendor", Asset: code, Date: on, Close: price})
	}
	w.run()
	for _, o := range w.Orders()[w.answered:] {
		w.answered++
		units, err := schemas.QuantityOf(unitsFor(int64(*o.Cash), int(o.UnitsScale), price), int(o.UnitsScale))
		if err != nil {
			w.t.Fatal(err)
		}
		w.Confirm([]*ingest.Confirmation{
			{Custodian: o.Custodian, ID: "fill", Trade: o.Trade, Body: &ingest.FillPriced{Piece: 1, Cash: *o.Cash, Units: units, Price: price, Final: true}},
			{Custodian: o.Custodian, ID: "settled", Trade: o.Trade, Body: &ingest.TradeSettled{SettledOn: on}},
		})
	}
	w.run()
}

// TestWhatAPotTakes reports the size of a pot with five assets and three open orders, and where it goes. What it keeps for corrections grows with what was
// dealt within the back-dating period, and is no part of the goal.
func TestWhatAPotTakes(t *testing.T) {
	for _, months := range []schemas.Date{1, 3} {
		w := newSized(t)
		w.At(Monday, 8*hour)
		w.ask("open", Monday, &ingest.PotOpened{})
		var today schemas.Date
		for month := range months {
			today = Monday + 28*month
			w.pay(today)
		}
		w.At(today+1, 9*hour)
		for n, code := range sizedAssets()[:3] {
			w.ask(schemas.InstructionID(fmt.Sprint("buy-", n)), today+1, &ingest.Contribution{Cash: 100_00, Split: []ingest.SplitPart{{Asset: code, Weight: schemas.WeightOne}}})
		}
		w.run()
		framed := w.pipeline.State(pot.Name, 0, string(sizedPot))
		table, ok := Decode(pot.Process().Table.Name, framed, new(state.PotTable))
		held, _ := table.Body.(*state.PotState)
		if !ok || len(held.Holdings) != len(sizedAssets()) || len(held.Orders) != 3 {
			t.Fatalf("the pot is not as it was to be: %+v", held)
		}
		without := func(change func(*state.PotState)) int {
			less := *held
			change(&less)
			return len(held.AppendAvro(nil)) - len(less.AppendAvro(nil))
		}
		kept := without(func(s *state.PotState) { s.Dealt, s.Booked = nil, nil })
		t.Logf("%d months of contributions to five assets, and three open orders: %d bytes; of them %d for %d settled orders and %d journals that may be corrected or "+
			"reversed, %d for the keys of %d instructions, %d for the open orders, %d for the holdings",
			months, len(framed), kept, len(held.Dealt), len(held.Booked), without(func(s *state.PotState) { s.Seen = nil }), len(held.Seen),
			without(func(s *state.PotState) { s.Orders = nil }), without(func(s *state.PotState) { s.Holdings = nil }))
		path, target := schemas.PathCode("LIFESTYLE"), Monday
		chosen := *held
		chosen.Choice = &ingest.InvestmentChoice{Path: &path, Target: &target}
		t.Logf("a standing choice takes 1 byte where there is none, and %d more for a path", len(chosen.AppendAvro(nil))-len(held.AppendAvro(nil)))
		if bytes := len(framed) - kept; bytes > potBytesMax {
			t.Errorf("the pot takes %d bytes without what it keeps for corrections, more than %d", bytes, potBytesMax)
		}
		t.Logf("reference data of pots' shard: %d bytes, of dealing: %d bytes; 5 assets, %d months of prices", len(w.pipeline.Reference(pot.Name, 0)), len(w.pipeline.Reference(dealing.Name, 0)), months)
		largest := 0
		for _, o := range w.Orders() {
			largest = max(largest, len(w.pipeline.State(dealing.Name, 0, o.Trade.String())))
		}
		t.Logf("a settled trade in dealing: at most %d bytes", largest)
	}
}
