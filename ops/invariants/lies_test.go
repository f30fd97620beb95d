package invariants_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	shards     = 2
	daysMax    = 5
	actionsMax = 24
	// seedsMax is how many histories are looked through for one that a lie can be told of.
	seedsMax = 200
	penny    = schemas.Quantity(10_000)
)

// played is what an auditor reads of a history that was played in memory.
func played(t *testing.T, seed uint64) invariants.Input {
	t.Helper()
	h := history.Draw(seed, daysMax, actionsMax)
	pipeline, err := sim.New(shards, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))...)
	if err != nil {
		t.Fatal(err)
	}
	w := history.New(&h, shards, pipeline)
	w.Operators, w.Rare = true, true
	if err := w.Play(); err != nil {
		t.Fatal(err)
	}
	return w.Input()
}

// lie changes an input so that an invariant does not hold, and says whether there was something to lie about.
type lie struct {
	number int
	name   string
	tell   func(*invariants.Input) bool
}

// quantum is the least that units of the posting's asset can be.
func quantum(p *ledger.Posting) schemas.Quantity {
	return schemas.Quantity(schemas.Power10(schemas.QuantityScale - int(p.Scale)))
}

// posting tells a lie of the first posting that is as is asked.
func posting(is func(*invariants.Input, *ledger.Posting) bool, change func(*ledger.Posting)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			for i := range j.Postings {
				if is(in, &j.Postings[i]) {
					change(&j.Postings[i])
					return true
				}
			}
		}
		return false
	}
}

// event tells a lie of the first event that is as is asked.
func event(is func(*ledger.Trade) bool, change func(*ledger.Trade)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, e := range in.Trades {
			if is(e) {
				change(e)
				return true
			}
		}
		return false
	}
}

func sellsForCash(e *ledger.Trade) bool {
	return e.Side == ledger.TradeSideSell && e.Basis == ledger.TradeBasisCash
}

// ofCashSell says whether the posting is of an order that sells for so much cash: its trade says so.
func ofCashSell(in *invariants.Input, p *ledger.Posting) bool {
	for _, e := range in.Trades {
		if p.Trade != nil && e.Trade == *p.Trade {
			return sellsForCash(e)
		}
	}
	return false
}

func isSwitched(_ *invariants.Input, p *ledger.Posting) bool { return p.Stage == "switched" }

// isAsked says whether the posting is of a switch that a member has asked for. The buy of another one may find no day, and nobody is told.
func isAsked(in *invariants.Input, p *ledger.Posting) bool {
	return isSwitched(in, p) && !slices.ContainsFunc(in.Statuses, func(s *status.InstructionStatus) bool {
		return s.Source == "!rebalance" && slices.Contains(s.Orders, *p.Order)
	})
}

// isReturned says whether the posting gives what the buy of a switch has not spent back to its sell.
func isReturned(_ *invariants.Input, p *ledger.Posting) bool {
	return p.CounterOrder != nil && p.From == ledger.PotReserved && p.To == ledger.PotPending && p.Stage != "switched"
}

// settlesReturned says whether the posting makes available what a sell has brought to which the buy of its switch gave something back.
func settlesReturned(in *invariants.Input, p *ledger.Posting) bool {
	if p.Order == nil || p.From != ledger.PotPending || p.To != ledger.PotAvailable {
		return false
	}
	for _, j := range in.Journals {
		for i := range j.Postings {
			if q := &j.Postings[i]; isReturned(in, q) && *q.CounterOrder == *p.Order {
				return true
			}
		}
	}
	return false
}

// reservesForCash says whether the posting reserves for an order that sells for so much cash.
func reservesForCash(in *invariants.Input, p *ledger.Posting) bool {
	if p.Stage != "reserved" || p.Order == nil || p.Asset == schemas.Cash {
		return false
	}
	for _, r := range in.Instructions {
		s, ok := r.Instruction.Body.(*ingest.Sell)
		i := r.Instruction
		if ok && s.Cash != nil && schemas.DeriveID("order", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String(), "a") == *p.Order {
			return true
		}
	}
	return false
}

// ofRest says whether the posting prices an order that goes on with what another one was not dealt.
func ofRest(in *invariants.Input, p *ledger.Posting) bool {
	if p.Stage != "priced" || p.From != ledger.PotReserved {
		return false
	}
	for _, j := range in.Journals {
		for i := range j.Postings {
			if o := j.Postings[i].Order; o != nil && schemas.DeriveID("rest", o.String()) == *p.Order {
				return true
			}
		}
	}
	return false
}

func wasDealt(in *invariants.Input, trade schemas.ID) bool {
	for _, e := range in.Trades {
		if e.Trade == trade && e.Event == "priced" && e.Units > 0 {
			return true
		}
	}
	return false
}

func lies() []lie {
	return []lie{
		{23, "a switch buys for a penny less", posting(isSwitched, func(p *ledger.Posting) { p.Quantity -= penny })},
		{23, "a switch buys nothing", posting(isAsked, func(p *ledger.Posting) {
			p.Stage, p.To, p.CounterOrder = "settled", ledger.PotAvailable, nil
		})},
		{23, "what a buy gave back is available long before its sell has settled", posting(settlesReturned, func(p *ledger.Posting) { p.EffectiveOn -= 30 })},
		{23, "what a buy gave back is available at once, and not pending", posting(isReturned, func(p *ledger.Posting) { p.To, p.EffectiveOn = ledger.PotAvailable, p.EffectiveOn-30 })},
		{23, "a switch buys twice", func(in *invariants.Input) bool {
			for _, j := range in.Journals {
				for _, p := range j.Postings {
					if isSwitched(in, &p) {
						other := schemas.DeriveID("lie")
						p.CounterOrder = &other
						j.Postings = append(j.Postings, p)
						return true
					}
				}
			}
			return false
		}},
		{12, "a sell for cash reserves twice as much", posting(reservesForCash, func(p *ledger.Posting) { p.Quantity *= 2 })},
		{12, "a sell for cash weighs a penny more", event(
			func(e *ledger.Trade) bool { return e.Event == "batched" && sellsForCash(e) }, func(e *ledger.Trade) { e.Shards[0].Weight += penny },
		)},
		{15, "a sell for cash gives a quantum more", posting(func(in *invariants.Input, p *ledger.Posting) bool {
			return p.Stage == "priced" && p.From == ledger.PotReserved && ofCashSell(in, p)
		}, func(p *ledger.Posting) { p.Quantity += quantum(p) })},
		{13, "a sell takes more units than members reserved", func(in *invariants.Input) bool {
			for _, o := range in.Orders {
				if o.Side == custodian.OrderSideSell && o.Cash != nil && o.Units != nil && wasDealt(in, o.Trade) {
					least := schemas.Quantity(1)
					o.Units = &least
					return true
				}
			}
			return false
		}},
		{13, "a piece of fewer units than were reported", event(
			func(e *ledger.Trade) bool { return e.Event == "priced" && e.Custodian == "EUROCLEAR" && e.Units > 0 },
			func(e *ledger.Trade) { e.Units-- },
		)},
		{15, "a rest gives a quantum more", posting(ofRest, func(p *ledger.Posting) { p.Quantity += quantum(p) })},
		{10, "a rest deals on a day to which it was not carried", event(
			func(e *ledger.Trade) bool { return e.Event == "rest-carried" && e.CarriedTo != nil }, func(e *ledger.Trade) { *e.CarriedTo++ },
		)},
		{10, "orders that were queued again deal on another day", event(
			func(e *ledger.Trade) bool { return e.Event == "carried" && e.CarriedTo != nil }, func(e *ledger.Trade) { *e.CarriedTo++ },
		)},
	}
}

// TestJudgesOfSalesAndRestsNoticeLies tells each lie of the first history that it can be told of.
func TestJudgesOfSalesAndRestsNoticeLies(t *testing.T) { tellAll(t, lies()) }

func tellAll(t *testing.T, untold []lie) {
	t.Helper()
	told := make(map[string]bool)
	for seed := range uint64(seedsMax) {
		in := played(t, seed)
		for _, result := range invariants.Check(in) {
			if !result.OK {
				t.Fatalf("seed %d, before any lie: invariant %d, %s: %s", seed, result.Number, result.Name, result.Detail)
			}
		}
		for _, lie := range untold {
			if told[lie.name] {
				continue
			}
			again := played(t, seed)
			if !lie.tell(&again) {
				continue
			}
			told[lie.name] = true
			if !isBroken(again, lie.number) {
				t.Errorf("seed %d: %s, and invariant %d holds", seed, lie.name, lie.number)
			}
		}
		if len(told) == len(untold) {
			return
		}
	}
	t.Errorf("only %d of %d lies could be told: %v", len(told), len(untold), told)
}

func isBroken(in invariants.Input, number int) bool {
	for _, result := range invariants.Check(in) {
		if result.Number == number && !result.OK {
			return true
		}
	}
	return false
}
