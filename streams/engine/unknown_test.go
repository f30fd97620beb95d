package engine

import (
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/streams"
)

// newer is the sample handler of a later binary: it knows "sing", which does what "add 1" does.
type newer struct{ streams.Handler }

func (n newer) Route(r *streams.Record) (streams.Route, error) {
	known := *r
	known.Value = []byte(strings.Replace(string(r.Value), "sing", "add 1", 1))
	return n.Handler.Route(&known)
}

func TestABinaryThatKnowsTheRecordGoesOnFromIt(t *testing.T) {
	f := newFixture(t, 2)
	bad := f.shardOf("bad")
	f.load(20, 5)
	next := int64(len(f.sent[bad]))
	f.send("bad", "sing")
	f.load(20, 5)
	i := f.start()
	await(t, "the shard to stop", func() bool { return i.status(bad).State == StateStopped })
	await(t, "the other shard to flow on", func() bool { return i.status(1-bad).Next == int64(len(f.sent[1-bad])) })
	for _, says := range []string{"routing " + f.process.Inbox.Name, "this binary (rules rules-1) does not know the record", "run one that does"} {
		if reason := i.status(bad).Reason; !strings.Contains(reason, says) {
			t.Errorf("the reason %q does not say %q", reason, says)
		}
	}
	i.stop()
	older := f.process.NewHandler
	f.process.NewHandler = func(framing streams.Framing) streams.Handler { return newer{older(framing)} }
	if got := f.sent[bad][next]; string(got.Value[1:]) != "sing" {
		t.Fatalf("the record at %d is %q", next, got.Value)
	}
	f.finish()
}
