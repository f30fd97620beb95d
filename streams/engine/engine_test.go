package engine

import (
	"errors"
	"fmt"
	"testing"
)

func TestKeyedRecordsAreDecidedExactlyOnce(t *testing.T) {
	f := newFixture(t, 2)
	i := f.start()
	for n := range 60 {
		f.send(fmt.Sprintf("key-%d", n%7), fmt.Sprintf("add %d", n))
	}
	f.caughtUp(i)
	state, found, err := i.engine.Get(sampleName, "key-3")
	if err != nil || !found || string(state) != f.expect()[f.shardOf("key-3")].states["key-3"] {
		t.Errorf("Get returned %q, %v, %v", state, found, err)
	}
	i.stop()
	f.check()
	if _, _, err := i.engine.Get(sampleName, "key-3"); !errors.Is(err, ErrNotHere) {
		t.Errorf("Get on a stopped instance returned %v", err)
	}
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	f := newFixture(t, 2)
	f.load(120, 11)
	for range 3 {
		i := f.start()
		f.caughtUp(i)
		i.stop()
		f.load(40, 11)
	}
	i := f.start()
	f.caughtUp(i)
	i.stop()
	f.check()
}
