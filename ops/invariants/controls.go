package invariants

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// controlKey is one equation: a shard and an asset, cash among them.
type controlKey struct {
	shard int32
	asset schemas.AssetCode
}

// checkControls compares, per shard, the accounts of the outside world with those of members and scheme. What is bought and
// not settled comes from the confirmations, never from the owed accounts: otherwise the equations could not fail.
func (f *facts) checkControls() []*finding {
	c := &finding{number: 30, name: "the holdings and the client money of each shard are what its members and scheme have, less what is unsettled"}
	outside, inside := make(map[controlKey]schemas.Quantity), make(map[controlKey]schemas.Quantity)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			at := controlKey{j.Shard, p.Asset}
			sort(p.From, at, -p.Quantity, outside, inside)
			sort(p.To, at, p.Quantity, outside, inside)
		}
	}
	unsettled := 0
	for _, t := range f.trades {
		if t.settled != nil || t.batched == nil || len(t.fills) == 0 {
			continue
		}
		unsettled++
		for i := range t.batched.Shards {
			shard := t.batched.Shards[i].Shard
			got, given := t.part(shard)
			paid, delivered := controlKey{shard, schemas.Cash}, controlKey{shard, t.batched.Asset}
			if t.sells() {
				paid, delivered = delivered, paid
			}
			inside[delivered] -= ofQuanta(got, t.gotScale())
			inside[paid] += ofQuanta(given, t.givenScale())
		}
	}
	f.checkHolders(c)
	announced := f.coming()
	for at, units := range announced {
		inside[at] -= units
	}
	keys := make(map[controlKey]bool)
	for at := range outside {
		keys[at] = true
	}
	for at := range inside {
		keys[at] = true
	}
	for at := range keys {
		if -outside[at] != inside[at] {
			c.fail("shard %d, %s: the outside holds %s, inside there are %s", at.shard, at.asset, -outside[at], inside[at])
		}
	}
	return []*finding{c.on(len(keys), "equations").on(unsettled, "unsettled trades").on(len(announced), "shards' assets announced in specie")}
}

// checkHolders checks that units of an asset were never with two custodians: the equations do not tell them apart, and would hold where one has
// sold what is with another.
func (f *facts) checkHolders(c *finding) {
	holders := make(map[schemas.AssetCode]schemas.Account)
	for _, j := range f.Journals {
		for i := range j.Postings {
			p := &j.Postings[i]
			for _, account := range []schemas.Account{p.From, p.To} {
				custodian, _, outside := strings.Cut(string(account), ":units-")
				if !outside {
					continue
				}
				if holder, known := holders[p.Asset]; known && holder != schemas.Account(custodian) {
					c.fail("journal %s, leg %d: units of %s are with %s, and were with %s", j.ID, p.Leg, p.Asset, custodian, holder)
					continue
				}
				holders[p.Asset] = schemas.Account(custodian)
			}
		}
	}
	c.on(len(holders), "assets' custodians")
}

// sort adds a change to its side of the equation. The owed accounts stand on neither.
func sort(account schemas.Account, at controlKey, amount schemas.Quantity, outside, inside map[controlKey]schemas.Quantity) {
	switch {
	case account == ledger.BankClientMoney, strings.HasSuffix(string(account), ":units-settled"):
		outside[at] += amount
	case ledger.IsPotAccount(account), strings.HasPrefix(string(account), "scheme:"), account == ledger.BankInTransit:
		inside[at] += amount
	}
}

func ofQuanta(amount int64, scale int32) schemas.Quantity {
	q, err := schemas.QuantityOf(amount, int(scale))
	if err != nil {
		return -1 // no equation can hold with it, and the shapes say why
	}
	return q
}
