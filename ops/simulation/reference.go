package simulation

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// The size of a workload.
const (
	daysMax       = 2
	actionsMax    = 24
	settledWithin = 1
	// rareEvery is how many seeds come to one whose workload has what is rare, too. It takes a week, for what is announced must come.
	rareEvery = 3
)

// reference is a workload and what its ledger must come to: what the pipeline in memory makes of it, undisturbed.
type reference struct {
	history history.History
	// days is how many days the workload takes until nothing is under way.
	days int
	// lines are the canonical lines of the ledger, sorted, and sum is their hash.
	lines []string
	sum   [sha256.Size]byte
}

func newReference(seed uint64) (*reference, error) {
	r := &reference{history: history.Draw(seed, 1+int(seed%daysMax), actionsMax)}
	r.history.LagMax = settledWithin
	pipeline, err := sim.New(shards, allProcesses()...)
	if err != nil {
		return nil, err
	}
	world := r.world(pipeline)
	world.Done = func() bool {
		r.days++
		return underWay(pipeline) == 0 && (!world.Rare || world.AtRest() && !world.Announced())
	}
	if err := world.Play(); err != nil {
		return nil, fmt.Errorf("playing the workload in memory: %w", err)
	}
	if err := broken(world); err != nil {
		return nil, fmt.Errorf("judging the workload in memory: %w", err)
	}
	r.lines, r.sum = canonical(world)
	return r, nil
}

// world makes the world that plays the workload.
func (r *reference) world(pipeline history.Pipeline) *history.World {
	world := history.New(&r.history, shards, pipeline)
	world.Operators, world.Rare = true, r.history.Seed%rareEvery == 0
	return world
}

// underWay counts the orders that pots still have, and the transfers out that have not come to their end.
func underWay(pipeline *sim.Pipeline) int {
	count := 0
	for p := range history.Pots {
		name := string(history.PotName(p))
		framed := pipeline.State(pot.Name, streams.PartitionOf(name, shards), name)
		if table, ok := history.Decode(pot.Process().Table.Name, framed, new(state.PotTable)); ok {
			held, _ := table.Body.(*state.PotState)
			count += len(held.Orders)
			if held.TransferOut != nil {
				count++
			}
		}
	}
	return count
}

// canonical returns the canonical lines of a ledger as the topics tell it, and their hash.
func canonical(pipeline history.Pipeline) (lines []string, sum [sha256.Size]byte) {
	var all postgres.Canonical
	for _, j := range history.Decoded(pipeline.Topic(streams.LedgerJournal), streams.LedgerJournal, func() *ledger.Journal { return new(ledger.Journal) }) {
		all.Add(j)
		for i := range j.Postings {
			lines = append(lines, string(j.AppendCanonical(nil, i)))
		}
	}
	slices.Sort(lines)
	return lines, all.Sum()
}
