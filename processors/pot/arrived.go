package pot

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
)

// arrivalsMax is on how many days, after the last instruction, an account is told apart by what came on them. Of the days before, only what was left is known:
// no instruction counts from one of them any more.
const arrivalsMax = 2

// from is the day from which what the instruction takes out of the pot counts: that of its receipt, and none before that of an earlier one.
func (q *question) from(pot *state.PotState) schemas.Date { return max(q.today, pot.Since) }

// freeCash is the cash that the instruction may use: what was available on its day. What came on a later one would be missing as of that day, and had the
// instruction been decided when it was received it would not have been there either.
func (q *question) freeCash(pot *state.PotState) schemas.Money {
	return pot.Available - schemas.Money(arrivedAfter(pot.Arrived, q.from(pot)))
}

// freeUnits are the units that the instruction may sell.
func (q *question) freeUnits(pot *state.PotState, held *state.Holding) schemas.Units {
	return held.Settled - schemas.Units(arrivedAfter(held.Arrived, q.from(pot)))
}

// refuseCash refuses an instruction that asks for more than it may use.
func (q *question) refuseCash(pot *state.PotState, asked schemas.Money) refusal {
	free := q.freeCash(pot)
	if asked <= free {
		return refusal{}
	}
	if later := pot.Available - free; later > 0 {
		return refusal{codeCashNotAvailable, fmt.Sprintf("%s available on %s, %s asked; %s more came after that day", free, q.from(pot), asked, later)}
	}
	return refusal{codeCashNotAvailable, fmt.Sprintf("%s available, %s asked", free, asked)}
}

// refuseEarlier refuses an order for a day that is over for the pot: it would be dealt before what it spends is there.
func (q *question) refuseEarlier(pot *state.PotState, asset schemas.AssetCode, day schemas.Date) refusal {
	if day >= q.from(pot) {
		return refusal{}
	}
	return refusal{codeAfterClose, fmt.Sprintf("asset %s: %s is over, the pot counts from %s", asset, day, pot.Since)}
}

// arrivedAfter is what is there only from a later day on.
func arrivedAfter(arrived []state.Arrival, on schemas.Date) int64 {
	later := int64(0)
	for i := range arrived {
		if arrived[i].On > on {
			later += arrived[i].Quanta
		}
	}
	return later
}

// lastArrival is the day from which on all of the pot's cash is there.
func (d *draft) lastArrival() schemas.Date {
	if n := len(d.state.Arrived); n > 0 {
		return d.state.Arrived[n-1].On
	}
	return d.state.Since
}

// noteArrivals notes what the postings leave in the accounts that instructions take from, and from which days on.
func (d *draft) noteArrivals() {
	s := &d.state
	s.Arrived = arrivedWith(s.Arrived, s.Since, d.postings, schemas.Cash, ledger.PotAvailable)
	since := forgotten(s.Arrived, s.Since)
	for i := range s.Holdings {
		h := &s.Holdings[i]
		h.Arrived = arrivedWith(h.Arrived, s.Since, d.postings, h.Asset, ledger.PotSettled)
		since = forgotten(h.Arrived, since)
	}
	if since == s.Since {
		return
	}
	s.Since = since
	s.Arrived = arrivedWith(s.Arrived, since, nil, "", "")
	for i := range s.Holdings {
		s.Holdings[i].Arrived = arrivedWith(s.Holdings[i].Arrived, since, nil, "", "")
	}
}

// forgotten returns the day up to which arrivals are not told apart any more, where there are too many of them.
func forgotten(arrived []state.Arrival, since schemas.Date) schemas.Date {
	if n := len(arrived) - arrivalsMax; n > 0 {
		return max(since, arrived[n-1].On)
	}
	return since
}

// arrivedWith returns the arrivals of an account after the day, and after the postings. What is taken out on a day may have been there before, or have come on it:
// the least that any day from then on leaves is what counts. It never says that there is more than there is.
func arrivedWith(before []state.Arrival, since schemas.Date, postings []ledger.Posting, asset schemas.AssetCode, account schemas.Account) []state.Arrival {
	moved, own := before, false
	for i := range postings {
		p := &postings[i]
		if p.Asset != asset || p.EffectiveOn <= since || p.From != account && p.To != account {
			continue
		}
		if !own {
			moved, own = append(make([]state.Arrival, 0, len(before)+1), before...), true
		}
		quanta, _ := p.Quantity.Quanta(int(p.Scale))
		if p.From == account {
			quanta = -quanta
		}
		moved = arrive(moved, state.Arrival{On: p.EffectiveOn, Quanta: quanta})
	}
	if !own && (len(before) == 0 || before[0].On > since) {
		return before
	}
	return rising(moved, since)
}

// arrive adds what moved on a day in its place.
func arrive(moved []state.Arrival, a state.Arrival) []state.Arrival {
	at, found := slices.BinarySearchFunc(moved, a.On, func(m state.Arrival, on schemas.Date) int { return cmp.Compare(m.On, on) })
	if !found {
		return slices.Insert(moved, at, a)
	}
	moved[at].Quanta += a.Quanta
	return moved
}

// rising returns by how much the account's balance, as far as no later day takes it away again, rises on each day after the given one.
func rising(moved []state.Arrival, since schemas.Date) []state.Arrival {
	kept := make([]state.Arrival, 0, len(moved))
	balance, least := int64(0), int64(0) // on the day that is looked at and on all after it, beside the balance of today
	for _, m := range slices.Backward(moved) {
		if m.On <= since {
			break
		}
		if balance -= m.Quanta; balance < least {
			kept = append(kept, state.Arrival{On: m.On, Quanta: least - balance})
			least = balance
		}
	}
	slices.Reverse(kept)
	if len(kept) == 0 {
		return nil
	}
	return kept
}
