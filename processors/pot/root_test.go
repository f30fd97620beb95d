package pot_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// TestRootCoversEveryOrderInPotThenOrderIDOrder makes the tree by hand: whoever holds the salts must be able to prove an order.
func TestRootCoversEveryOrderInPotThenOrderIDOrder(t *testing.T) {
	const today = schemas.Date(13955)
	at := schemas.Instant(today)*24*60*60*1000 + 9*60*60*1000
	shard := scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)
	checked := 0
	tell := func(salt byte, body inbox.PotBody) {
		cause := inbox.Cause{ReceivedAt: at, Salt: inbox.Salt{salt}}
		for _, out := range shard.Apply(t, &inbox.PotMessage{Cause: cause, Body: body}) {
			if m, ok := out.Value.(*inbox.DealingMessage); ok {
				total, _ := m.Body.(*inbox.ShardTotal)
				if total != nil && total.Side == inbox.SideSell && total.Orders == 0 {
					continue // nobody sells
				}
				checked++
				checkRoot(t, total, shard.State("a"), shard.State("b"))
			}
		}
	}
	for _, entry := range []reference.EntryBody{
		&reference.Settings{EffectiveFrom: today - 9, PlatformCalendar: "c", Zone: "UTC", BackdatingDays: 9},
		&reference.Calendar{Name: "c", FirstDay: today - 9, LastDay: today + 99},
		&reference.Asset{Code: "X", EffectiveFrom: today - 9, Custodian: "C", Calendar: "c", UnitsScale: 3, CutOffMinute: 720},
	} {
		tell(0, &inbox.ReferenceChanged{Entry: reference.Entry{Body: entry}})
	}
	for n, name := range []schemas.PotID{"b", "a"} {
		instruct := func(id string, salt int, body ingest.InstructionBody) {
			tell(byte(salt), &inbox.Instructed{Instruction: ingest.Instruction{Source: "s", ID: schemas.InstructionID(id), Pot: name, InstructedOn: today, Body: body}})
		}
		instruct("open", 0, &ingest.PotOpened{})
		for i := range 3 {
			id := string(rune('1' + i))
			instruct("c"+id, 10*n+i+1, &ingest.Contribution{Cash: schemas.Money(100 + i), Split: []ingest.SplitPart{{Asset: "X", Weight: schemas.WeightOne}}})
		}
	}
	tell(0, &inbox.DayClosed{Day: today, Assets: []inbox.ClosedAsset{{Asset: "X", Custodian: "C", UnitsScale: 3}}})
	if checked != 1 {
		t.Errorf("%d totals were told", checked)
	}
}

func checkRoot(t *testing.T, total *inbox.ShardTotal, pots ...*state.PotState) {
	t.Helper()
	if total == nil || total.Orders != 6 || total.Weight != 606 {
		t.Fatalf("the total is %+v, want 6 orders for 606", total)
	}
	var leaves []merkle.Hash
	salts := make(map[merkle.Salt]bool)
	for _, p := range pots {
		orders := slices.SortedFunc(slices.Values(p.Orders), func(a, b state.Order) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		for _, o := range orders {
			salts[merkle.Salt(o.Salt)] = true
			leaves = append(leaves, merkle.Leaf(merkle.Salt(o.Salt), o.ID, o.Amount))
		}
	}
	if got, want := merkle.Hash(total.Root), merkle.RootOf(leaves); got != want {
		t.Errorf("the root is %x, over the orders in pot then order it is %x", got, want)
	}
	if len(salts) != len(leaves) {
		t.Errorf("%d leaves share %d salts", len(leaves), len(salts))
	}
}
