package invariants

import (
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// place is one balance: an account of a pot, or of a shard where the pot is empty, in one asset.
type place struct {
	shard   int32
	pot     schemas.PotID
	account schemas.Account
	asset   schemas.AssetCode
}

// balances are what journals have left in each place, and on which effective dates it moved.
type balances struct {
	now   map[place]schemas.Quantity
	dated map[place]map[schemas.Date]schemas.Quantity
}

func (b *balances) move(at place, on schemas.Date, amount schemas.Quantity) schemas.Quantity {
	b.now[at] += amount
	if at.pot != "" {
		if b.dated[at] == nil {
			b.dated[at] = make(map[schemas.Date]schemas.Quantity)
		}
		b.dated[at][on] += amount
	}
	return b.now[at]
}

// checkBalances folds the journals.
func (f *facts) checkBalances() []*finding {
	zero := &finding{number: 1, name: "the accounts of each asset sum to nothing"}
	running := &finding{number: 4, name: "balances are the sums of their postings, and the running balances say so"}
	positive := &finding{number: 5, name: "no account of a member is below zero, by recorded or by effective time, nor an order's part of it"}
	b := f.fold(running, positive)
	sums := make(map[schemas.AssetCode]schemas.Quantity)
	members := 0
	for at, amount := range b.now {
		sums[at.asset] += amount
		if at.pot != "" {
			members++
		}
	}
	for asset, sum := range sums {
		if sum != 0 {
			zero.fail("%s sums to %s", asset, sum)
		}
	}
	checkEffective(positive, b)
	for _, id := range sortedIDs(f.orders) {
		if o := f.orders[id]; o.leastReserved < 0 || o.leastPending < 0 {
			positive.fail("order %s: reserved fell to %s, pending to %s", id, o.leastReserved, o.leastPending)
		}
	}
	return []*finding{
		zero.on(len(b.now), "balances").on(len(sums), "assets"),
		running.on(len(b.now), "balances").on(len(f.Journals), "journals"),
		positive.on(members, "members' balances").on(len(f.orders), "orders"),
	}
}

func (f *facts) fold(running, positive *finding) *balances {
	b := &balances{make(map[place]schemas.Quantity), make(map[place]map[schemas.Date]schemas.Quantity)}
	for shard := range f.Shards {
		for _, j := range f.shards[shard] {
			for i := range j.Postings {
				p := &j.Postings[i]
				b.side(running, j, p.From, p, -p.Quantity, p.FromBalance)
				b.side(running, j, p.To, p, p.Quantity, p.ToBalance)
			}
			// Within a journal an account may be used before it is filled; at its end it may not be below zero.
			for i := range j.Postings {
				p := &j.Postings[i]
				for _, account := range []schemas.Account{p.From, p.To} {
					if at := placeOf(j, account, p.Asset); at.pot != "" && b.now[at] < 0 {
						positive.fail("journal %s leaves %s of %s at %s", j.ID, account, at.pot, b.now[at])
					}
				}
			}
		}
	}
	return b
}

func placeOf(j *ledger.Journal, account schemas.Account, asset schemas.AssetCode) place {
	at := place{shard: j.Shard, account: account, asset: asset}
	if ledger.IsPotAccount(account) && j.Pot != nil {
		at.pot = *j.Pot
	}
	return at
}

// side books one side of a posting and compares the running balance that it carries.
func (b *balances) side(c *finding, j *ledger.Journal, account schemas.Account, p *ledger.Posting, amount schemas.Quantity, carried *schemas.Quantity) {
	at := placeOf(j, account, p.Asset)
	balance := b.move(at, p.EffectiveOn, amount)
	switch {
	case (carried != nil) != (at.pot != ""):
		c.fail("journal %s, leg %d: %s carries a balance or lacks one", j.ID, p.Leg, account)
	case carried != nil && *carried != balance:
		c.fail("journal %s, leg %d: %s says %s, the postings sum to %s", j.ID, p.Leg, account, *carried, balance)
	}
}

func checkEffective(c *finding, b *balances) {
	for at, moves := range b.dated {
		sum := schemas.Quantity(0)
		for _, day := range slices.Sorted(maps.Keys(moves)) {
			if sum += moves[day]; sum < 0 {
				c.fail("%s of %s in %s is %s as of %s", at.account, at.pot, at.asset, sum, day)
			}
		}
	}
}
