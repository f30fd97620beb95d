package sim

// Schedule says how the shards take turns. The zero Schedule is the plainest: in a fixed order, each takes all there is in
// one transaction, and none is dropped.
type Schedule struct {
	// Seed is where the choices come from; 0 makes none.
	Seed uint64
	// RecordsMax and VisitsMax bound a transaction; with a seed the bound is drawn anew for each, up to these. 0 is no bound.
	RecordsMax, VisitsMax int
	// DropOneIn drops one in so many transactions before they are committed; 0 drops none, 1 is not allowed.
	DropOneIn int
}

// dice are a generator of numbers (SplitMix64). It is our own because a seed must mean the same in every version of Go.
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1. The bias of the remainder does not matter here.
func (d *dice) below(n int) int {
	return int(d.next() % uint64(n)) //nolint:gosec // n is small and positive
}

// bound returns the limit of the next transaction.
func (p *Pipeline) bound(limit int) int {
	switch {
	case limit == 0:
		return unbounded
	case p.schedule.Seed == 0:
		return limit
	}
	return 1 + p.dice.below(limit)
}

const unbounded = 1 << 30

// drops says whether the transaction that is about to be committed is lost instead.
func (p *Pipeline) drops() bool {
	return p.schedule.Seed != 0 && p.schedule.DropOneIn > 1 && p.dice.below(p.schedule.DropOneIn) == 0
}
