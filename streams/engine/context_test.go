package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/lovoo/goka"

	"github.com/penstock-ledger/penstock/streams"
)

// noting decides by noting the key. It fails at one.
type noting struct {
	counter
	decided []string
	failing string
}

func (n *noting) Decide(_ *streams.Scope, _ *streams.Route, key string, state []byte) (streams.Change, error) {
	n.decided = append(n.decided, fmt.Sprintf("%s=%s", key, state))
	if key == n.failing {
		return streams.Change{}, errors.New("it fails")
	}
	return streams.Change{State: append(slices.Clone(state), '+')}, nil
}

// patient is goka's context of a message as it is while goka shuts down: failing ends nothing.
type patient struct {
	messageContext
	failures int
}

func (p *patient) Fail(error) { p.failures++ }

// decideHandful has a workspace decide a handful with one record for each key. All states are in the overlay, or recent.
func decideHandful(t *testing.T, handler streams.Handler, message goka.Context, keys ...string) *workspace {
	t.Helper()
	process := counterProcess()
	process.ParkedTo = streams.Topic{Name: "counter.parked.v1"}
	ctx, fail := context.WithCancelCause(context.Background())
	t.Cleanup(func() { fail(nil) })
	w := &workspace{
		attempt: &attempt{shard: &shard{process: &process}, ctx: ctx, fail: fail, handler: handler},
		overlay: newOverlay(), recent: newRecent(1 << 10), fifo: make(chan handful, 1),
	}
	w.decider, w.record = w.newDecider(), recordContext{workspace: w}
	w.overlay.set("changed", []byte("open"))
	w.recent.set("changed", []byte("old"))
	w.recent.set("kept", []byte("committed"))
	var h handful
	for n, key := range keys {
		h = append(h, work{kind: workDecide, key: key, route: &streams.Route{Key: key, Record: &streams.Record{Offset: int64(n)}}, at: int64(n)})
	}
	w.fifo <- h
	w.next(message, nothing)
	return w
}

func TestAHandfulIsDecidedInOrder(t *testing.T) {
	handler := &noting{}
	w := decideHandful(t, handler, &patient{}, "changed", "kept", "changed", "kept")
	if want := []string{"changed=open", "kept=committed", "changed=open+", "kept=committed+"}; !slices.Equal(handler.decided, want) {
		t.Errorf("the decisions were %v, not %v", handler.decided, want)
	}
	if state, held := w.recent.get("kept"); !held || string(state) != "committed" {
		t.Errorf("%q is taken for committed before it is (held: %t)", state, held)
	}
	if err := w.cause(); err != nil {
		t.Errorf("it failed: %v", err)
	}
}

// While it shuts down goka lets a failing callback run on.
func TestNothingIsDecidedAfterAFailureInAHandful(t *testing.T) {
	handler, message := &noting{failing: "kept"}, &patient{}
	w := decideHandful(t, handler, message, "changed", "kept", "changed")
	if want := []string{"changed=open", "kept=committed"}; !slices.Equal(handler.decided, want) {
		t.Errorf("the decisions were %v, not %v", handler.decided, want)
	}
	if message.failures != 1 {
		t.Errorf("goka heard of %d failures, not 1", message.failures)
	}
	var u *undecidableError
	if err := w.cause(); !errors.As(err, &u) || u.failure != (failure{1, 1, "kept"}) {
		t.Errorf("the attempt ended with %v", err)
	}
}
