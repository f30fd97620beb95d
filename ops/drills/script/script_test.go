package script

import (
	"os"
	"testing"
)

// A claim is read while it may still be half written: the process id and the shard count only once both are there.
func TestAStrikeIsToldWholeOrNotYet(t *testing.T) {
	plan := Plan{Dir: t.TempDir(), Points: []Point{{Process: "pot", Step: "flushed", Freeze: true}}}
	for text, want := range map[string]Strike{"": {}, "47": {}, "47 1": {}, "47 1.": {47, 1}, "47 12.": {47, 12}} {
		if err := os.WriteFile(plan.claim(0), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var got Strike
		if struck := plan.Struck(); len(struck) > 0 {
			got = struck[0]
		}
		if got != want {
			t.Errorf("of %q was read %+v, want %+v", text, got, want)
		}
	}
}
