package invariants

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// checkAllocation works out again what every order and every shard must have got and given.
func (f *facts) checkAllocation() []*finding {
	exact := &finding{number: 14, name: "what members got and gave, with rounding, is what was delivered and taken, per shard and trade"}
	shares := &finding{number: 15, name: "shares depend on nothing but the frozen weights and the fills"}
	never := &finding{number: 16, name: "a member's share never falls"}
	residue := &finding{number: 19, name: "what rounding keeps of a trade is at least nothing and less than its number of orders"}
	again := &finding{number: 20, name: "deciding again from the frozen orders, their totals and all fills gives the same postings"}
	done := &finding{number: 21, name: "after its settlement a trade has left nothing reserved, pending or owed"}
	trades, orders, parts, settled := 0, 0, 0, 0
	for _, id := range sortedIDs(f.trades) {
		t := f.trades[id]
		if t.batched == nil || len(t.fills) == 0 {
			continue
		}
		trades++
		orders += len(t.members)
		parts += len(t.batched.Shards)
		checkShares(shares, again, t)
		f.checkParts(exact, residue, t)
		if t.settled != nil {
			settled++
			checkEmptied(done, t)
		}
	}
	postings := f.checkDirections(never)
	f.checkOwed(done)
	frozen := f.checkFrozen(again)
	return []*finding{
		exact.on(trades, "trades").on(parts, "shards' parts"), shares.on(orders, "shares"), never.on(postings, "postings of shares"),
		residue.on(trades, "trades").on(parts, "shards' parts"), again.on(orders, "shares").on(parts, "shards' parts").on(frozen, "frozen orders"), done.on(settled, "settled trades"),
	}
}

func checkShares(shares, again *finding, t *trade) {
	for _, o := range t.members {
		got, given := t.share(o)
		if quanta(o.got, t.gotScale()) != got || quanta(o.given, t.givenScale()) != given {
			shares.fail("order %s got %s and gave %s of trade %s; its share is %d and %d quanta", o.id, o.got, o.given, t.id, got, given)
		}
		if t.complete() && quanta(o.returned, t.givenScale()) != quanta(o.reserved-o.carried, t.givenScale())-given {
			again.fail("order %s of trade %s got %s back", o.id, t.id, o.returned)
		}
		if t.settled != nil && o.settled != o.got-o.spent {
			again.fail("order %s of trade %s settled %s of %s, less %s that a buy has", o.id, t.id, o.settled, o.got, o.spent)
		}
	}
}

// checkParts checks that shares and residue are each shard's part, and the parts all that was delivered and taken.
func (f *facts) checkParts(exact, residue *finding, t *trade) {
	allGot, allGiven, restGot, restGiven := int64(0), int64(0), int64(0), int64(0)
	for i := range t.batched.Shards {
		s := &t.batched.Shards[i]
		partGot, partGiven := t.part(s.Shard)
		got, given := int64(0), int64(0)
		for _, o := range t.members {
			if o.shard == s.Shard {
				got += quanta(o.got, t.gotScale())
				given += quanta(o.given, t.givenScale())
			}
		}
		leftGot, leftGiven := f.residues[residueKey{t.id, s.Shard, t.sells()}], f.residues[residueKey{t.id, s.Shard, !t.sells()}]
		if got+leftGot != partGot || given != partGiven+leftGiven {
			exact.fail("trade %s, shard %d: got %d+%d of %d, gave %d of %d+%d, in quanta", t.id, s.Shard, got, leftGot, partGot, given, partGiven, leftGiven)
		}
		keptGot, kept := leftGot, leftGiven
		switch {
		case t.forMembers() && t.sells():
			keptGot = -leftGot // the scheme pays it
		case t.forMembers():
			kept = -leftGiven
		}
		if keptGot < 0 || kept < 0 || keptGot > s.Orders || kept > s.Orders {
			residue.fail("trade %s, shard %d: %d and %d quanta of %d orders", t.id, s.Shard, leftGot, leftGiven, s.Orders)
		}
		allGot, allGiven, restGot, restGiven = allGot+partGot, allGiven+partGiven, restGot+keptGot, restGiven+kept
	}
	if delivered, taken := t.moved(); allGot != delivered || allGiven != taken {
		exact.fail("trade %s: the shards' parts are %d and %d quanta, delivered and taken were %d and %d", t.id, allGot, allGiven, delivered, taken)
	}
	if restGot >= t.batched.Orders || restGiven >= t.batched.Orders {
		residue.fail("trade %s: rounding keeps %d and %d quanta of %d orders", t.id, restGot, restGiven, t.batched.Orders)
	}
}

// checkDirections checks that shares are only ever added to.
func (f *facts) checkDirections(c *finding) int {
	count := 0
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Stage != stagePriced {
				continue
			}
			count++
			if p.From != ledger.PotReserved && p.To != ledger.PotPending || ledger.IsPotAccount(p.From) == ledger.IsPotAccount(p.To) {
				c.fail("journal %s, leg %d moves %s from %s to %s", j.ID, p.Leg, p.Asset, p.From, p.To)
			}
		}
	}
	return count
}

func checkEmptied(c *finding, t *trade) {
	for _, o := range t.members {
		if o.inReserved != 0 || o.inPending != 0 {
			c.fail("order %s of settled trade %s has %s reserved and %s pending", o.id, t.id, o.inReserved, o.inPending)
		}
	}
}

// checkOwed checks that the postings of a settled trade sum to nothing in each shard's owed accounts.
func (f *facts) checkOwed(c *finding) {
	type key struct {
		trade   schemas.ID
		shard   int32
		account schemas.Account
		asset   schemas.AssetCode
	}
	owed := make(map[key]schemas.Quantity)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			if p.Trade == nil || f.trades[*p.Trade] == nil || f.trades[*p.Trade].settled == nil {
				continue
			}
			custodian := f.trades[*p.Trade].settled.Custodian
			for _, account := range []schemas.Account{ledger.CashOwed(custodian), ledger.UnitsOwed(custodian)} {
				at := key{*p.Trade, j.Shard, account, p.Asset}
				if p.From == account {
					owed[at] -= p.Quantity
				}
				if p.To == account {
					owed[at] += p.Quantity
				}
			}
		}
	}
	for at, sum := range owed {
		if sum != 0 {
			c.fail("settled trade %s leaves %s of %s in %s of shard %d", at.trade, sum, at.asset, at.account, at.shard)
		}
	}
}
