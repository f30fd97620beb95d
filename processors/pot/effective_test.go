package pot_test

import (
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// timeline is what journals moved in the accounts of pots, by effective date.
type timeline map[owned]map[schemas.Date]int64

// owned is an account of a pot in one asset.
type owned struct {
	pot     schemas.PotID
	account schemas.Account
	asset   schemas.AssetCode
}

// journals adds what a message wrote, and reports every account that is below zero as of some effective date at the end of a journal.
func (l timeline) journals(r scenario.Reporter, outs []streams.Out) {
	r.Helper()
	for _, out := range outs {
		j, ok := out.Value.(*ledger.Journal)
		if !ok || j.Pot == nil {
			continue
		}
		for i := range j.Postings {
			p := &j.Postings[i]
			l.add(owned{*j.Pot, p.From, p.Asset}, p.EffectiveOn, -int64(p.Quantity))
			l.add(owned{*j.Pot, p.To, p.Asset}, p.EffectiveOn, int64(p.Quantity))
		}
		l.check(r, *j.Pot)
	}
}

func (l timeline) add(at owned, on schemas.Date, amount int64) {
	if !ledger.IsPotAccount(at.account) {
		return
	}
	if l[at] == nil {
		l[at] = make(map[schemas.Date]int64)
	}
	l[at][on] += amount
}

func (l timeline) check(r scenario.Reporter, pot schemas.PotID) {
	r.Helper()
	for at, moved := range l {
		if at.pot != pot {
			continue
		}
		balance := int64(0)
		for _, on := range slices.Sorted(maps.Keys(moved)) {
			if balance += moved[on]; balance < 0 {
				r.Errorf("%s of %s in pot %s is %s as of %s", at.account, at.asset, pot, schemas.Quantity(balance), on)
			}
		}
	}
}
