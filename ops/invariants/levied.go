package invariants

import (
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// levy is a flat fee in one shard, as it was when the first pot of the shard paid it. All others were asked with it, but for those that were parked: they are
// asked when they are released. Where just one pot paid, it may be such a one, and the others were asked before.
type levy struct {
	at       schemas.Instant
	sequence int64
	// due is what each pot owed at least, paid what it paid at that very time, later which pots paid at another.
	due, paid map[schemas.PotID]schemas.Quantity
	later     map[schemas.PotID]bool
}

// levied notes what each pot of the shard owes of a fee just before a journal: what it is worth above the floor, as far as it has cash that is available.
func (s *charging) levied(j *ledger.Journal, fee *ingest.FlatFee) *levy {
	l := &levy{
		at: j.RecordedAt, sequence: j.Sequence,
		due: make(map[schemas.PotID]schemas.Quantity), paid: make(map[schemas.PotID]schemas.Quantity), later: make(map[schemas.PotID]bool),
	}
	for pot, has := range s.has {
		of := ledger.Journal{Shard: j.Shard, Pot: &pot}
		least, _ := s.worth(pot, j.RecordedAt)
		if due := min(inCash(fee.Cash), least-inCash(fee.Floor), has[placeOf(&of, ledger.PotAvailable, schemas.Cash)]); due > 0 {
			l.due[pot] = due
		}
	}
	return l
}

// take notes what a pot paid.
func (l *levy) take(j *ledger.Journal, amount schemas.Quantity) {
	if j.RecordedAt == l.at {
		l.paid[*j.Pot] += amount
		return
	}
	l.later[*j.Pot] = true
}

// checkSpared finds the pots that paid less of a fee than they owed, or nothing, and returns how many owed something. A pot of which nothing is booked since may be
// parked: it is asked before anything else when it is released. One that paid later, it paid by what it had by then.
func (s *charging) checkSpared(c *finding) int {
	owing := 0
	for _, l := range s.due {
		if len(l.paid) < 2 {
			continue
		}
		for _, pot := range slices.Sorted(maps.Keys(l.due)) {
			owing++
			paid, asked := l.paid[pot]
			switch {
			case !asked && !l.later[pot] && s.last[pot] > l.sequence:
				c.fail("pot %s paid nothing of a fee of which it owed %s, others of its shard did at %s", pot, l.due[pot], l.at.Time())
			case asked && paid < l.due[pot]:
				c.fail("pot %s paid %s of a fee of which it owed %s", pot, paid, l.due[pot])
			}
		}
	}
	return owing
}
