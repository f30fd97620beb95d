package processes

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// takenOver says whether another member began to run a shard after its former owner last did. A shard runs only once its former owner is shut out, so from then
// on that one can commit nothing. That others run other shards of the process says nothing of this one: starts go on beside each other.
func (c *crew) takenOver(process string, shard int32, owner string) (bool, error) {
	owned, err := c.lastRun(owner, process, shard)
	if err != nil {
		return false, err
	}
	for _, name := range c.names() {
		if name == owner {
			continue
		}
		began, err := c.lastRun(name, process, shard)
		if err != nil || began.After(owned) {
			return err == nil, err
		}
	}
	return false, nil
}

// lastRun returns when a member last began to run a shard, the zero time where it never did.
func (c *crew) lastRun(name, process string, shard int32) (time.Time, error) {
	lines := c.said(name, "msg=running ", fmt.Sprintf("process=%s shard=%d ", process, shard))
	if len(lines) == 0 {
		return time.Time{}, nil
	}
	var text string
	if _, err := fmt.Sscanf(lines[len(lines)-1], "time=%s ", &text); err != nil {
		return time.Time{}, fmt.Errorf("reading %q: %w", lines[len(lines)-1], err)
	}
	return time.Parse(time.RFC3339Nano, text)
}

func TestAFrozenShardIsTakenOverByWhoRunsItLater(t *testing.T) {
	const process, shard, owner = "pot", 1, "m1"
	for _, c := range []struct {
		other string
		want  bool
	}{
		{"", false},
		{"time=2008-03-20T12:00:05.000Z level=INFO msg=running process=pot shard=2 next=7\n", false},
		{"time=2008-03-20T12:00:05.000Z level=INFO msg=running process=pot shard=11 next=7\n", false},
		{"time=2008-03-20T12:00:05.000Z level=INFO msg=running process=dealing shard=1 next=7\n", false},
		{"time=2008-03-20T12:00:05.000Z level=INFO msg=restoring process=pot shard=1 from=0 to=9\n", false},
		{"time=2008-03-20T12:00:03.000Z level=INFO msg=running process=pot shard=1 next=7\n", false},
		{"time=2008-03-20T12:00:05.000Z level=INFO msg=running process=pot shard=1 next=7\n", true},
	} {
		crew := &crew{dir: t.TempDir(), members: map[string]*member{owner: nil, "m2": nil}}
		must(t, os.WriteFile(crew.path(owner, ".log"), []byte(
			"time=2008-03-20T12:00:00.000Z level=INFO msg=running process=pot shard=1 next=0\n"+
				"time=2008-03-20T12:00:04.000Z level=INFO msg=running process=pot shard=1 next=5\n"), 0o600))
		must(t, os.WriteFile(crew.path("m2", ".log"), []byte(c.other), 0o600))
		if got, err := crew.takenOver(process, shard, owner); got != c.want || err != nil {
			t.Errorf("taken over: %t, %v, where the other says %q", got, err, c.other)
		}
	}
}
