package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// frozenLists are the orders of each trade as each shard froze them. A list that begins anew takes the place of the one before.
func (f *facts) frozenLists() map[shardOfTrade][]audit.FrozenOrder {
	lists := make(map[shardOfTrade][]audit.FrozenOrder)
	for _, told := range f.Frozen {
		for i := range told.Batches {
			b := &told.Batches[i]
			key := shardOfTrade{b.Trade, told.Shard}
			if b.Before == 0 {
				lists[key] = nil
			}
			if int64(len(lists[key])) == b.Before {
				lists[key] = append(lists[key], b.Orders...)
			}
		}
	}
	return lists
}

// checkFrozen works out every share again from the lists that were frozen, which know nothing of what was booked then, and finds who was given one without standing
// in a list. It returns how many orders were frozen.
func (f *facts) checkFrozen(c *finding) int {
	lists, count := f.frozenLists(), 0
	for _, id := range sortedIDs(f.trades) {
		t := f.trades[id]
		if t.batched == nil || len(t.fills) == 0 || t.givenUp {
			continue
		}
		listed := make(map[schemas.ID]bool)
		for i := range t.batched.Shards {
			s := &t.batched.Shards[i]
			weight, list := int64(0), lists[shardOfTrade{id, s.Shard}]
			for k := range list {
				count++
				weight += list[k].Weight
				listed[list[k].ID] = true
				f.checkFrozenShare(c, t, &list[k])
			}
			if weight != quanta(s.Weight, t.weightScale()) || int64(len(list)) != s.Orders {
				c.fail("trade %s, shard %d: %d orders of %d quanta were frozen, its total says %d of %s", id, s.Shard, len(list), weight, s.Orders, s.Weight)
			}
		}
		for _, o := range t.members {
			// Of whom nothing was dealt, no posting says in which trade it was: it may have been in another one of the asset, and of that a list says so.
			if !listed[o.id] && (o.got != 0 || o.given != 0) {
				c.fail("order %s has a share of trade %s, and was not frozen in it", o.id, id)
			}
		}
	}
	return count
}

func (f *facts) checkFrozenShare(c *finding, t *trade, frozen *audit.FrozenOrder) {
	wantGot, wantGiven := t.shareOf(frozen.Weight)
	got, given := int64(0), int64(0)
	if o := f.orders[frozen.ID]; o != nil && o.trades[t.id] {
		got, given = quanta(o.got, t.gotScale()), quanta(o.given, t.givenScale())
	}
	if got != wantGot || given != wantGiven {
		c.fail("order %s got %d and gave %d quanta of trade %s; frozen as it was it gets %d and gives %d", frozen.ID, got, given, t.id, wantGot, wantGiven)
	}
}
