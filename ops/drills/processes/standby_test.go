package processes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/penstock-ledger/penstock/ops/drills/script"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// pots are the shards of pots of one member, by number.
type pots map[int32]engine.ShardStatus

// pots returns what the present life of a member last said of its shards of pots; nothing where it has said nothing yet.
func (c *crew) pots(name string) pots {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	report, err := script.ReadReport(c.path(name, ".report"))
	if m := c.members[name]; err != nil || m == nil || m.process.Pid() != report.Pid {
		return nil
	}
	found := pots{}
	for _, s := range report.Shards {
		if s.Process == "pot" {
			found[s.Shard] = s
		}
	}
	return found
}

func (p pots) running() pots {
	running := pots{}
	for number, s := range p {
		if s.State == engine.StateRunning {
			running[number] = s
		}
	}
	return running
}

// follow says that the heir holds what the owner had committed when it was looked at, and that between them they run all shards.
func (p pots) follow(owned pots) bool {
	for number, s := range owned {
		if mine := p[number]; mine.State != engine.StateStandingBy || mine.RestoredTo < s.ChangelogNext {
			return false
		}
	}
	return len(owned) > 0 && len(owned)+len(p.running()) == shards
}

// past says that the heir runs all shards, and that those that it took over have moved on where anything waits: who dies three times over one record is taken
// to die of it.
func (p pots) past(owned pots) bool {
	for number, s := range owned {
		if mine := p[number]; mine.Next <= s.Next && mine.Lag > 0 {
			return false
		}
	}
	return len(p.running()) == shards
}

// takeOver kills one of two that stand by for each other, and starts it again when the other runs all shards. Of the changelog that one must not have read again
// what it was seen to hold before.
func takeOver(ctx context.Context, r *drive, random *rand.Rand) error {
	names := r.crew.names()
	n := random.IntN(2) // the third is the custodians'
	owner, heir := names[n], names[1-n]
	var owned pots
	err := r.until(ctx, func() (bool, error) {
		owned = r.crew.pots(owner).running()
		return r.crew.pots(heir).follow(owned), r.crew.trouble()
	})
	if err != nil {
		return fmt.Errorf("waiting until %s holds what %s has: %w", heir, owner, err)
	}
	roles := r.crew.fell(owner)
	err = r.until(ctx, func() (bool, error) { return r.crew.pots(heir).past(owned), r.crew.trouble() })
	if err != nil {
		return fmt.Errorf("waiting until %s has taken over what %s had: %w", heir, owner, err)
	}
	for number, s := range owned {
		from, to, err := r.crew.lastRestore(heir, number)
		if err != nil {
			return err
		}
		if from < s.ChangelogNext {
			return fmt.Errorf("%s read shard %d from %d, although it held all up to %d", heir, number, from, s.ChangelogNext)
		}
		r.t.Logf("%s took shard %d over and read %d of the %d offsets of its changelog", heir, number, to-from+1, to+1)
	}
	r.crew.start(owner, roles)
	return r.crew.trouble()
}

// lastRestore returns the first and the last offset of the changelog that a member read when it last began to run a shard.
func (c *crew) lastRestore(name string, number int32) (from, to int64, err error) {
	lines := c.said(name, "msg=restoring ", "process=pot ", fmt.Sprintf("shard=%d ", number))
	if len(lines) == 0 {
		return 0, 0, fmt.Errorf("%s says nothing of restoring shard %d", name, number)
	}
	_, span, _ := strings.Cut(lines[len(lines)-1], " from=")
	if _, err := fmt.Sscanf(span, "%d to=%d", &from, &to); err != nil {
		return 0, 0, fmt.Errorf("reading %q: %w", span, err)
	}
	return from, to, nil
}
