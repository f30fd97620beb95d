package pot_test

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// TestAShardStopsWhereARuleStartsThatItDoesNotKnow has an older program told of a newer version: the reference data that would follow cannot be read,
// which stops the shard at the message, and again whenever it is started, until a program that knows the version goes on.
func TestAShardStopsWhereARuleStartsThatItDoesNotKnow(t *testing.T) {
	machine := pot.Machine()
	for _, c := range []struct {
		rule, version string
		known         bool
	}{
		{"allocation", "floor-and-box/1", true},
		{"allocation", "floor-and-box/2", true},
		{"allocation", "floor-and-box/3", false},
		{"charging", "floor-and-box/1", false},
	} {
		stored := &state.PotReference{}
		message := &inbox.PotMessage{Body: &inbox.RuleActivated{Rule: c.rule, Version: c.version}}
		next, outs := machine.Close(streams.Place{}, nil, stored, message, &state.PotTally{})
		if len(outs) > 0 || len(stored.Rules) > 0 {
			t.Fatalf("%s %s: %d outputs, %d rules before it", c.rule, c.version, len(outs), len(stored.Rules))
		}
		_, err := machine.View(next)
		switch {
		case c.known && err != nil:
			t.Errorf("%s %s: %v", c.rule, c.version, err)
		case !c.known && (err == nil || !strings.Contains(err.Error(), c.rule+", version "+c.version+", is not known to this program")):
			t.Errorf("%s %s: the shard would go on, or say %v", c.rule, c.version, err)
		}
		if again, _ := machine.Close(streams.Place{}, nil, next, message, &state.PotTally{}); again != next {
			t.Errorf("%s %s: the same again changes something", c.rule, c.version)
		}
	}
}
