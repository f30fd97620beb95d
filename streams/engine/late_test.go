package engine

import (
	"context"
	"strconv"
	"testing"
	"time"
)

// slow is a framing that takes longer over each record of the inbox than a transaction may be open.
type slow struct {
	plain
	inbox string
	takes time.Duration
}

func (s slow) Unframe(ctx context.Context, topic string, framed []byte) ([]byte, error) {
	if topic == s.inbox {
		<-time.After(s.takes)
	}
	return s.plain.Unframe(ctx, topic, framed)
}

// Whoever reads the outputs waits for the transaction's end: it comes by the clock, too, however little was decided by then.
func TestATransactionEndsWhenItsTimeIsUp(t *testing.T) {
	const records, keys = 5, 6
	f := newFixture(t, 1)
	f.limits = Limits{TransactionTimeMax: 50 * time.Millisecond}
	i := f.start(func(c *Config) { c.Framing = slow{inbox: f.process.Inbox.Name, takes: 2 * f.limits.TransactionTimeMax} })
	transactions := func() int { return count(t, i.engine.metrics.of(f.process.Name, 0).committedTotal) }
	var texts []string
	for n := range records {
		texts = append(texts, "add "+strconv.Itoa(n))
	}
	f.send("key-0", texts...)
	f.caughtUp(i)
	if n := transactions(); n != records {
		t.Errorf("%d records that each took too long were committed in %d transactions", records, n)
	}
	for n := 1; n < keys; n++ {
		f.send("key-"+strconv.Itoa(n), "add 1")
	}
	f.caughtUp(i)
	before := transactions()
	f.control("sweep all")
	f.caughtUp(i)
	if n := transactions() - before; n < 2 {
		t.Errorf("a sweep of %d keys that began late was committed in %d transactions", keys, n)
	}
	f.checkStores(i)
	i.stop()
	f.check()
}
