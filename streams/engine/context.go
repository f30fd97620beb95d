package engine

import (
	"github.com/lovoo/goka"

	"github.com/penstock-ledger/penstock/streams"
)

// handful is work that goka is handed in one message, in the order of the inbox.
type handful []work

// next is goka's callback: it decides the handful that the message stands for, one piece after the other. After a doubt the rest is left alone: nothing of the
// transaction will be committed.
func (w *workspace) next(message goka.Context, _ any) {
	w.record.messageContext = message
	for _, piece := range <-w.fifo {
		if w.ctx.Err() != nil {
			return
		}
		w.record.key = piece.key
		w.decider.handle(&w.record, piece)
	}
}

// messageContext is goka's context of a message, by a name that its own methods leave free.
type messageContext = goka.Context

// recordContext is goka's context of one record of a handful. goka would make one for each message, with its promises, statistics and checks, and all of them
// would end where this one goes at once: states at the overlay, outputs at the client. Failing, and whatever else it does, is the message's.
type recordContext struct {
	messageContext
	workspace *workspace
	key       string
	// scratch is the space of a key.
	scratch []byte
}

// Key is the key of the record.
func (c *recordContext) Key() string { return c.key }

// Value is the state of the key, nil where there is none.
func (c *recordContext) Value() any {
	state, err := c.state()
	if err != nil {
		// goka lets a failing callback run on while it is shutting down; the attempt must not.
		c.workspace.fail(err)
		c.Fail(err)
	}
	if state == nil {
		return nil
	}
	return state
}

// state looks the key up in what the open transaction changed, in what was committed, of which the latest is in memory and all in the store.
func (c *recordContext) state() ([]byte, error) {
	w := c.workspace
	if state, changed := w.overlay.get(c.key); changed {
		return state, nil
	}
	if state, held := w.recent.get(c.key); held {
		return state, nil
	}
	return w.store.state(&c.scratch, c.key)
}

// SetValue changes the state of the key. The changelog is written once per changed key, at the end of the transaction.
func (c *recordContext) SetValue(value any, _ ...goka.ContextOption) {
	state, _ := value.([]byte)
	c.workspace.overlay.set(c.key, state)
	c.workspace.written.Add(int64(len(c.key) + len(state)))
}

// Delete removes the state of the key.
func (c *recordContext) Delete(...goka.ContextOption) { c.workspace.overlay.set(c.key, nil) }

// Emit writes an output.
func (c *recordContext) Emit(topic goka.Stream, key string, value any, _ ...goka.ContextOption) {
	output, _ := value.([]byte)
	p := &c.workspace.producer
	p.produce(string(topic), streams.PartitionOf(key, p.engine.partitions[string(topic)]), key, output)
}
