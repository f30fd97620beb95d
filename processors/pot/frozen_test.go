package pot_test

import (
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/processors/internal/merkle"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// clerk runs a shard of pots and keeps what it tells of frozen orders, as a reader of the topic would: a list that begins anew takes the place of the one before.
type clerk struct {
	t      *testing.T
	shard  *potShard
	frozen map[schemas.ID][]audit.FrozenOrder
	totals map[schemas.ID]*inbox.ShardTotal
	told   int
}

const clerkDay = schemas.Date(13955)

func newClerk(t *testing.T, pots int) *clerk {
	c := &clerk{t: t, frozen: make(map[schemas.ID][]audit.FrozenOrder), totals: make(map[schemas.ID]*inbox.ShardTotal)}
	c.shard = scenario.NewShard[
		inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
		*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
	](pot.Machine(), 0, 1)
	entries := []reference.EntryBody{
		&reference.Settings{EffectiveFrom: clerkDay - 9, PlatformCalendar: "c", Zone: "UTC", BackdatingDays: 9},
		&reference.Calendar{Name: "c", FirstDay: clerkDay - 9, LastDay: clerkDay + 99},
	}
	for _, code := range []schemas.AssetCode{"X", "Y"} {
		entries = append(entries, &reference.Asset{Code: code, EffectiveFrom: clerkDay - 9, Custodian: "C", Calendar: "c", UnitsScale: 3, CutOffMinute: 720})
	}
	for _, entry := range entries {
		c.tell(0, &inbox.ReferenceChanged{Entry: reference.Entry{Body: entry}})
	}
	for n := range pots {
		half := schemas.WeightOne / 2
		c.open(schemas.PotID(fmt.Sprintf("p%03d", n)), n, ingest.SplitPart{Asset: "X", Weight: half}, ingest.SplitPart{Asset: "Y", Weight: half})
	}
	return c
}

// open opens a pot and pays something into it.
func (c *clerk) open(name schemas.PotID, n int, split ...ingest.SplitPart) {
	for i, body := range []ingest.InstructionBody{&ingest.PotOpened{}, &ingest.Contribution{Cash: schemas.Money(100 + n), Split: split}} {
		id := schemas.InstructionID(fmt.Sprintf("i%d", i))
		c.tell(byte(n), &inbox.Instructed{Instruction: ingest.Instruction{Source: "s", ID: id, Pot: name, InstructedOn: clerkDay, Body: body}})
	}
}

func (c *clerk) tell(salt byte, body inbox.PotBody) {
	at := schemas.Instant(clerkDay)*24*60*60*1000 + 9*60*60*1000
	c.read(c.shard.Apply(c.t, &inbox.PotMessage{Cause: inbox.Cause{ReceivedAt: at, Salt: inbox.Salt{salt}}, Body: body}))
}

func (c *clerk) read(outs []streams.Out) {
	for _, out := range outs {
		switch v := out.Value.(type) {
		case *audit.FrozenOrders:
			if out.Topic != streams.AuditBatch || out.Key != streams.ControlKey(0) {
				c.t.Errorf("frozen orders went to %s under %s", out.Topic, out.Key)
			}
			c.told++
			for _, b := range v.Batches {
				if b.Before == 0 {
					c.frozen[b.Trade] = nil
				}
				if int64(len(c.frozen[b.Trade])) != b.Before {
					c.t.Errorf("trade %s: %d orders were told, the next come after %d", b.Trade, len(c.frozen[b.Trade]), b.Before)
				}
				c.frozen[b.Trade] = append(c.frozen[b.Trade], b.Orders...)
			}
		case *inbox.DealingMessage:
			if total, ok := v.Body.(*inbox.ShardTotal); ok && total.Orders > 0 {
				c.totals[total.Trade] = total
			}
		}
	}
}

// check compares what was told of frozen orders with the totals that dealing was given, by asset so many orders.
func (c *clerk) check(orders map[schemas.AssetCode]int) {
	c.t.Helper()
	if len(c.totals) != len(orders) {
		c.t.Fatalf("%d totals were told, want %d", len(c.totals), len(orders))
	}
	for id, total := range c.totals {
		var leaves []merkle.Hash
		weight := int64(0)
		for _, order := range c.frozen[id] {
			leaves = append(leaves, merkle.Leaf(merkle.Salt(order.Salt), order.ID, order.Weight))
			weight += order.Weight
		}
		if want := orders[total.Asset]; len(leaves) != want || total.Orders != int64(want) || total.Weight != weight {
			c.t.Errorf("%s: %d orders of %d were told, the total says %d of %d, want %d", total.Asset, len(leaves), weight, total.Orders, total.Weight, want)
		}
		if merkle.RootOf(leaves) != merkle.Hash(total.Root) {
			c.t.Errorf("%s: the orders that were told have another root than its total", total.Asset)
		}
	}
}

func closeOfDay() *inbox.DayClosed {
	return &inbox.DayClosed{Day: clerkDay, Assets: []inbox.ClosedAsset{{Asset: "X", Custodian: "C", UnitsScale: 3}, {Asset: "Y", Custodian: "C", UnitsScale: 3}}}
}

func TestFrozenOrdersAreToldInPartsThatMakeTheRoots(t *testing.T) {
	const pots = 601
	c := newClerk(t, pots)
	c.tell(0, closeOfDay())
	c.check(map[schemas.AssetCode]int{"X": pots, "Y": pots})
	if c.told != 3 {
		t.Errorf("%d orders were told in %d records", 2*pots, c.told)
	}
}

// TestFrozenOrdersBeginAnewAfterARelease has a pot set aside that has an order in one of two batches. That one's total waits; the second sweep tells of its
// orders anew, and of none of the other, which may be priced by then.
func TestFrozenOrdersBeginAnewAfterARelease(t *testing.T) {
	const pots = 300
	c := newClerk(t, pots)
	c.open("p007a", pots, ingest.SplitPart{Asset: "X", Weight: schemas.WeightOne})
	c.shard.Park("p007a")
	c.tell(0, closeOfDay())
	c.check(map[schemas.AssetCode]int{"Y": pots})
	told := c.told
	c.read(c.shard.Release(t, schemas.Instant(clerkDay+1)*24*60*60*1000, "p007a"))
	c.check(map[schemas.AssetCode]int{"X": pots + 1, "Y": pots})
	if c.told != told+1 {
		t.Errorf("the %d orders of one batch were told again in %d records", pots+1, c.told-told)
	}
}

// TestFrozenOrdersOutliveAStopInMidSweep stores the tally after every hundredth visit and goes on with what was stored, as after a crash.
func TestFrozenOrdersOutliveAStopInMidSweep(t *testing.T) {
	const pots = 601
	c := newClerk(t, pots)
	machine, m := pot.Machine(), &inbox.PotMessage{Body: closeOfDay()}
	view, err := machine.View(c.shard.Reference())
	if err != nil {
		t.Fatal(err)
	}
	tally := &state.PotTally{}
	for n := range pots {
		key := fmt.Sprintf("p%03d", n)
		_, outs := machine.Visit(streams.Place{Shards: 1}, view, key, c.shard.State(key), m, tally)
		c.read(outs)
		if n%100 == 99 {
			stored := avrobin.NewReader(tally.AppendAvro(nil))
			tally = &state.PotTally{}
			tally.DecodeAvro(stored)
			if err := stored.Done(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, outs := machine.Close(streams.Place{Shards: 1}, view, c.shard.Reference(), m, tally)
	c.read(outs)
	c.check(map[schemas.AssetCode]int{"X": pots, "Y": pots})
	if c.told != 3 {
		t.Errorf("%d orders were told in %d records", 2*pots, c.told)
	}
}
