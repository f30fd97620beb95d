package engine

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/ops/faults"
)

// A record that may have been written is not given up by the client, however long the broker is away. Ending must not wait for it.
func TestAnInstanceEndsWhileItsBrokerIsAway(t *testing.T) {
	for _, at := range []Step{StepFenced, StepWritten, StepFlushed} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 2)
			f.load(30, 7)
			wire := faults.NewWire(nil)
			away := make(chan struct{})
			first := crashAt(at, 1, func() { wire.Freeze(); close(away) })
			hook := func(shard int32, now Step) error { _ = first(shard, now); return nil }
			i := f.start(withFaults(hook), func(c *Config) {
				c.Limits.StopTimeMax = 200 * time.Millisecond
				c.Kafka = append(c.Kafka, kgo.Dialer(wire.Dial))
			})
			<-away
			i.kill()
			i.stop()
			wire.Thaw() // what was left behind ends when its requests do
		})
	}
}
