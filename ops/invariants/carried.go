package invariants

import (
	"cmp"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// followCarried follows what trades did not deal to the orders that go on with it, the earliest day first. No posting says so: what an order has neither given nor
// got back of its reservation is the reservation of the next.
func (f *facts) followCarried() {
	var carried []*trade
	for _, id := range sortedIDs(f.trades) {
		if t := f.trades[id]; t.restCarried != nil {
			carried = append(carried, t)
		}
	}
	slices.SortStableFunc(carried, func(a, b *trade) int { return cmp.Compare(a.restCarried.Day, b.restCarried.Day) })
	for _, t := range carried {
		f.joinUndealt(t)
		for _, o := range t.members {
			if left := o.reserved - o.given - o.returned; left > 0 {
				f.carryRest(t, o, left)
			}
		}
	}
}

// joinUndealt finds the orders of a trade of which nothing at all was dealt, so that no posting names both: each goes on with all that it has reserved, as an order that
// is in a trade of the day to which the rests were carried.
func (f *facts) joinUndealt(t *trade) {
	b, to := t.batched, t.restCarried.CarriedTo
	if b == nil || to == nil {
		return
	}
	for _, id := range sortedIDs(f.orders) {
		o, rest := f.orders[id], f.orders[schemas.DeriveID("rest", id.String())]
		if len(o.trades) > 0 || o.reserved == 0 || o.cancelled || rest == nil || rest.reserved > 0 {
			continue
		}
		for next := range rest.trades {
			if n := f.trades[next].batched; n != nil && n.Asset == b.Asset && n.Side == b.Side && n.Basis == b.Basis && n.Day == *to {
				o.trades[t.id] = true
				t.members = append(t.members, o)
				break
			}
		}
	}
}

func (f *facts) carryRest(t *trade, o *order, left schemas.Quantity) {
	rest := f.orderOf(schemas.DeriveID("rest", o.id.String()), o.pot)
	rest.shard, rest.received, rest.asset, rest.sells, rest.byCash, rest.into, rest.rest = o.shard, o.received, o.asset, o.sells, o.byCash, o.into, true
	rest.switchedAt, rest.made, rest.madeBy, rest.run = o.switchedAt, o.made, o.madeBy, o.run
	switch {
	case o.byCash:
		rest.cash = o.cash - schemas.Money(o.dealtCash(t))
	case o.sells:
		rest.units = left
	default:
		rest.cash = schemas.Money(quanta(left, schemas.MoneyScale))
	}
	rest.reserved += left
	rest.inReserved += left
	rest.leastReserved = min(0, rest.leastReserved+left)
	o.inReserved -= left
	o.carried = left
	rest.lead()
}

// carriedThrough says whether orders in the trade's asset that deal on the given day came to the trade's day because they were not dealt before.
func (f *facts) carriedThrough(day schemas.Date, t *ledger.Trade) bool {
	for day < t.Day {
		next := day
		for _, before := range f.trades {
			b := before.batched
			if b == nil || b.Asset != t.Asset || b.Side != t.Side || b.Basis != t.Basis || b.Day != day {
				continue
			}
			for _, event := range []*ledger.Trade{before.carried, before.restCarried} {
				if event != nil && event.CarriedTo != nil {
					next = *event.CarriedTo
				}
			}
		}
		if next == day {
			return false
		}
		day = next
	}
	return day == t.Day
}
