package engine

import (
	"fmt"
	"testing"
)

func TestRecentStatesAreThoseThatWereCommittedLast(t *testing.T) {
	const entries = 10
	size := len("key-00") + recentEntryBytes + len("state")
	r := newRecent(2 * entries * size)
	for n := range 3 * entries {
		r.set(fmt.Sprintf("key-%02d", n), []byte("state"))
		r.set("key-of", []byte("again")) // overwriting takes no more room
		if state, held := r.get("key-of"); !held || string(state) != "again" {
			t.Fatalf("after %d keys: a state that was just set is %q (held: %t)", n, state, held)
		}
	}
	if _, held := r.get("key-00"); held {
		t.Error("a state that was not asked for is held although newer ones took the room twice over")
	}
	last := fmt.Sprintf("key-%02d", 3*entries-1)
	if _, held := r.get(last); !held {
		t.Errorf("the last state, of %s, is not held", last)
	}
	if count := len(r.newer) + len(r.older); count > 2*(entries+1) {
		t.Errorf("%d states are held where %d have room", count, 2*entries)
	}
	r.set(last, nil)
	if state, held := r.get(last); !held || state != nil {
		t.Errorf("a deleted state is %q (held: %t)", state, held)
	}
}

func TestARecentStateThatIsAskedForStays(t *testing.T) {
	const entries = 10
	r := newRecent(2 * entries * (len("key-00") + recentEntryBytes + len("state")))
	r.set("key-of", []byte("state"))
	for n := range 10 * entries {
		r.set(fmt.Sprintf("key-%02d", n), []byte("state"))
		if _, held := r.get("key-of"); !held {
			t.Fatalf("after %d keys the state that is asked for again and again is gone", n)
		}
	}
}
