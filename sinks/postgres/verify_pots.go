package postgres

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
)

// potHoldings are a pot's balances. They are few, so a list is smaller and faster than a map.
type potHoldings struct{ held []holding }

// holding is one balance of a pot.
type holding struct {
	asset   schemas.AssetCode
	account schemas.Account
	// balance is the sum of the postings so far; stored is what the last of them says.
	balance, stored schemas.Quantity
	// changedIn is the sequence number of the last journal that changed it.
	changedIn int64
	days      []dayChange
}

// dayChange is the sum of the postings with one effective day; the days of a holding are in the order of booking.
type dayChange struct {
	day    schemas.Date
	change schemas.Quantity
}

func (p *potHoldings) of(asset schemas.AssetCode, account schemas.Account) *holding {
	for i := range p.held {
		if p.held[i].account == account && p.held[i].asset == asset {
			return &p.held[i]
		}
	}
	p.held = append(p.held, holding{asset: asset, account: account})
	return &p.held[len(p.held)-1]
}

func (h *holding) add(change schemas.Quantity, day schemas.Date, sequence int64) {
	h.balance += change
	h.changedIn = sequence
	if last := len(h.days) - 1; last >= 0 && h.days[last].day == day {
		h.days[last].change += change
		return
	}
	h.days = append(h.days, dayChange{day, change})
}

// effectiveDip is the lowest balance at the end of an effective day.
type effectiveDip struct {
	balance schemas.Quantity
	day     schemas.Date
	pot     schemas.PotID
	*holding
}

func (d effectiveDip) String() string {
	return fmt.Sprintf("%s of pot %s has %s %s as of %s", d.account, d.pot, d.balance, d.asset, d.day)
}

// worstDay returns the lowest balance below 0 at the end of an effective day, if any, and how many days it looked at.
func (h *holding) worstDay() (effectiveDip, int64) {
	slices.SortStableFunc(h.days, func(a, b dayChange) int { return cmp.Compare(a.day, b.day) })
	var worst effectiveDip
	var balance schemas.Quantity
	var days int64
	for i, change := range h.days {
		balance += change.change
		if i+1 < len(h.days) && h.days[i+1].day == change.day {
			continue
		}
		days++
		if balance < worst.balance {
			worst = effectiveDip{balance: balance, day: change.day}
		}
	}
	return worst, days
}
