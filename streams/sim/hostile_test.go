package sim_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	// hostileDays are enough for an order to be batched, priced and settled.
	hostileDays           = 8
	hostileInputsOfDayMax = 16
	// hostilePots are opened; one more is named and never opened.
	hostilePots = 4
)

// hostile is a world in which whoever can send something sends the worst that its schema allows.
type hostile struct {
	*world
	t     *rapid.T
	today schemas.Date
}

// run lets the pipeline take what was sent. No input may stop it.
func (h *hostile) run() { h.must(h.Run()) }

func (h *hostile) must(err error) {
	if err != nil {
		h.t.Fatalf("on %s: %v", h.today, err)
	}
}

// sometimesRun lets inputs of different topics meet in one transaction, or not.
func (h *hostile) sometimesRun() {
	if h.oneIn(3, "run") {
		h.run()
	}
}

func (h *hostile) oneIn(n int, what string) bool {
	return rapid.IntRange(1, n).Draw(h.t, what) == n
}

// oneOf draws one of a few values that are each worth trying.
func oneOf[T any](t *rapid.T, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, what)
}

// begin teaches the reference data and opens the pots.
func (h *hostile) begin() {
	h.At(history.Monday-3, 9*hour)
	if err := h.LearnReference(); err != nil {
		h.t.Fatal(err)
	}
	for p := range hostilePots {
		h.Instruct(&ingest.Instruction{Source: "portal", ID: "open", Pot: history.PotName(p), InstructedOn: history.Monday - 3, Body: &ingest.PotOpened{}})
		h.Instruct(&ingest.Instruction{Source: "portal", ID: "first", Pot: history.PotName(p), InstructedOn: history.Monday - 3, Body: &ingest.Contribution{
			Cash: 1000_00, Split: []ingest.SplitPart{{Asset: history.Assets()[1].Code, Weight: schemas.WeightOne}},
		}})
	}
	h.run()
	h.firstEvening(history.Monday - 3)
}

// firstEvening lets pots hold something that can be sold: what they bought of the asset that settles on its dealing day.
func (h *hostile) firstEvening(today schemas.Date) {
	h.At(today, 20*hour)
	h.Tick()
	for _, step := range []func(schemas.Date) error{func(schemas.Date) error { return nil }, h.Prices, h.Releases} {
		h.must(step(today))
		h.run()
	}
	for _, order := range h.Orders() {
		h.Confirm(h.AnswersTo(order))
		h.run()
		h.Confirm([]*ingest.Confirmation{{Custodian: order.Custodian, ID: "first", Trade: order.Trade, Body: &ingest.TradeSettled{SettledOn: today}}})
	}
	h.run()
}

func (h *hostile) playDay() {
	h.At(h.today, schemas.Instant(rapid.IntRange(8, 10).Draw(h.t, "hour"))*hour)
	kinds := h.inputs()
	for range rapid.IntRange(0, hostileInputsOfDayMax).Draw(h.t, "inputs") {
		kinds[oneOf(h.t, "input", hostileInputs...)]()
		h.sometimesRun()
	}
	h.run()
	h.At(h.today, schemas.Instant(rapid.IntRange(11, 22).Draw(h.t, "hour of the tick"))*hour)
	h.Tick()
	h.run()
	h.market()
	for _, order := range h.Orders() {
		for range 2 {
			h.Confirm(h.confirmations(order))
			h.sometimesRun()
		}
	}
	h.run()
}

// market sends good prices and releases on most days, without which nothing hostile would get far. Prices of days before are released too.
func (h *hostile) market() {
	if !h.oneIn(4, "no prices") {
		h.must(h.Prices(h.today))
		h.run()
	}
	if !h.oneIn(4, "no releases") {
		for back := range schemas.Date(3) {
			h.must(h.Releases(h.today - back))
		}
		h.run()
	}
}

func TestNoHostileInputBreaksAnInvariantOrStrandsAnOrder(t *testing.T) {
	var fills, settled, sold, switched, refused int
	rapid.Check(t, func(t *rapid.T) {
		seeded := &history.History{Seed: rapid.Uint64Range(1, 1<<40).Draw(t, "seed")}
		w, err := newWorld(seeded, rapid.SampledFrom([]int32{1, 3}).Draw(t, "shards"), sim.Schedule{})
		if err != nil {
			t.Fatal(err)
		}
		h := &hostile{world: w, t: t}
		h.begin()
		for n := range schemas.Date(hostileDays) {
			h.today = history.Monday + n
			h.playDay()
		}
		in := h.Input()
		h.check(&in)
		for _, trade := range in.Trades {
			switch trade.Event {
			case "priced":
				fills++
			case "settled":
				settled++
			}
			if trade.Event == "priced" && trade.Side == ledger.TradeSideSell {
				sold++
			}
		}
		for _, j := range in.Journals {
			if slices.ContainsFunc(j.Postings, func(p ledger.Posting) bool { return p.Stage == "switched" }) {
				switched++
			}
		}
		refused += len(h.rejections())
	})
	if fills == 0 || settled == 0 || sold == 0 || switched == 0 || refused == 0 {
		t.Errorf("%d fills, %d settlements, %d sales, %d switches, %d rejections: one of them was not tried", fills, settled, sold, switched, refused)
	}
}

// check judges all but invariants 10 and 22, which say on which day an order deals and a trade settles: they follow from the reference data
// that was known at each moment. It changes under way here, and the auditor is given only what it was at the beginning.
func (h *hostile) check(in *invariants.Input) {
	for _, result := range invariants.Check(*in) {
		if !result.OK && result.Number != 10 && result.Number != 22 {
			h.t.Errorf("invariant %d, %s: %s", result.Number, result.Name, result.Detail)
		}
	}
	for _, order := range h.stranded(in) {
		h.t.Errorf("%s's order of %s in %s was left behind: a later day was batched and its own never was", order.pot, order.asset, order.day)
	}
}

// assetDay is what is batched together: an asset on a day.
type assetDay struct {
	asset schemas.AssetCode
	day   schemas.Date
}

// strandedOrder is an order that will never deal.
type strandedOrder struct {
	pot schemas.PotID
	assetDay
}

// stranded returns the orders whose day was passed over: days are batched in order, so nothing will come for them any more. Orders of the
// last days are merely under way.
func (h *hostile) stranded(in *invariants.Input) []strandedOrder {
	batched, last := make(map[assetDay]bool), make(map[schemas.AssetCode]schemas.Date)
	for _, trade := range in.Trades {
		batched[assetDay{trade.Asset, trade.Day}] = true
		last[trade.Asset] = max(last[trade.Asset], trade.Day)
	}
	var stranded []strandedOrder
	for p := range hostilePots + 1 {
		name := string(history.PotName(p))
		framed := h.State(pot.Name, streams.PartitionOf(name, h.Shards), name)
		table, ok := history.Decode(pot.Process().Table.Name, framed, new(state.PotTable))
		if !ok {
			continue
		}
		held, _ := table.Body.(*state.PotState)
		for _, order := range held.Orders {
			if order.Awaits != state.AwaitsNothing {
				continue // the buy of a switch has no day before its sell has brought something
			}
			if d := (assetDay{order.Asset, order.Day}); !batched[d] && d.day < last[d.asset] {
				stranded = append(stranded, strandedOrder{history.PotName(p), d})
			}
		}
	}
	return stranded
}
