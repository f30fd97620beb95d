package engine

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/lovoo/goka"

	"github.com/penstock-ledger/penstock/streams"
)

// workKind says what goka's callback is to do with a message.
type workKind uint8

const (
	workDecide workKind = iota
	workVisit
	workClose
	workDrop
)

// work is a message that the loop has routed already.
type work struct {
	kind  workKind
	key   string
	route *streams.Route
	// at is the inbox offset under way: that of the route's record, or, where it was parked and is released, of the one that releases it.
	at       int64
	released bool
	// aside are the keys that a sweep could not visit, for its close.
	aside []streams.SetAside
}

// bytesCodec passes values through; handlers work on bytes.
type bytesCodec struct{}

func (bytesCodec) Decode(data []byte) (any, error) { return data, nil }
func (bytesCodec) Encode(value any) ([]byte, error) {
	b, ok := value.([]byte)
	if !ok {
		return nil, fmt.Errorf("a value of type %T, not bytes", value)
	}
	return b, nil
}

// define is a process as a goka group.
func define(process *streams.Process, callback goka.ProcessCallback, more ...goka.Edge) *goka.GroupGraph {
	edges := []goka.Edge{goka.Input(goka.Stream(process.Inbox.Name), bytesCodec{}, callback), goka.Persist(bytesCodec{})}
	for _, output := range process.Outputs {
		edges = append(edges, goka.Output(goka.Stream(output.Name), bytesCodec{}))
	}
	return goka.DefineGroup(goka.Group(process.Name), append(edges, more...)...)
}

// decider turns goka's callbacks into calls of the handler.
type decider struct {
	process *streams.Process
	handler streams.Handler
	scope   streams.Scope
	working *progress
	outputs map[string]int
	context goka.Context
	pulse   pulse

	// fail poisons the transaction with its first failure.
	fail         func(error)
	retag        func(key string, before, after []string) error
	setReference func(context goka.Context, reference []byte)
}

func (d *decider) init() *decider {
	d.scope.Chain = &d.working.chain
	d.scope.Emit = d.emit
	d.outputs = map[string]int{}
	for _, output := range d.process.Outputs {
		d.outputs[output.Name] = output.RecordBytesMax
	}
	return d
}

// handle does one piece of work. The first failure is kept before goka hears of it: while it shuts down goka lets a failing callback run on and
// marks it as done.
func (d *decider) handle(context goka.Context, w work) {
	d.context = context
	d.pulse.begin(w.route)
	defer func() {
		d.pulse.end()
		if r := recover(); r != nil {
			d.fail(d.failed(w, fmt.Sprintf("panic: %v", r), fmt.Errorf("%s: panic: %v\n%s", where(w), r, debug.Stack())))
			panic(r)
		}
	}()
	d.working.recordedAt = max(d.working.recordedAt, w.route.ReceivedAt)
	d.scope.RecordedAt, d.scope.Released = d.working.recordedAt, w.released
	var err error
	switch w.kind {
	case workClose:
		err = d.close(w)
	case workDrop:
		err = d.handler.Dropped(&d.scope, w.route, d.state(w))
	case workDecide, workVisit:
		err = d.decide(w)
	}
	if err != nil {
		err = d.failed(w, err.Error(), fmt.Errorf("%s: %w", where(w), err))
		d.fail(err)
		context.Fail(err)
	}
}

// failed is what a failing piece of work ends its transaction with. What concerns one key alone can be parked; anything else stops the shard.
func (d *decider) failed(w work, reason string, err error) error {
	if w.kind == workClose || w.key == "" || d.process.ParkedTo.Name == "" {
		return stop(err)
	}
	return &undecidableError{failure{w.at, w.route.Record.Offset, w.key}, reason, err}
}

func (d *decider) decide(w work) error {
	change, err := d.handler.Decide(&d.scope, w.route, w.key, d.state(w))
	if err != nil {
		return err
	}
	if sizeMax := d.process.Table.RecordBytesMax; sizeMax > 0 && len(change.State) > sizeMax {
		return fmt.Errorf("the state has %d bytes; the changelog takes %d", len(change.State), sizeMax)
	}
	if w.key == "" && (change.Deleted || change.State != nil || change.TagsBefore != nil || change.TagsAfter != nil) {
		return errors.New("a record without a key changed a state")
	}
	switch {
	case change.Deleted:
		d.context.Delete()
	case change.State != nil:
		d.context.SetValue(change.State)
	}
	if change.TagsBefore == nil && change.TagsAfter == nil {
		return nil
	}
	return d.retag(w.key, change.TagsBefore, change.TagsAfter)
}

// state returns the state of the work's key, nil for none.
func (d *decider) state(w work) []byte {
	if w.key == "" {
		return nil
	}
	state, _ := d.context.Value().([]byte)
	return state
}

func (d *decider) close(w work) error {
	d.scope.SetAside = w.aside
	reference, err := d.handler.Close(&d.scope, w.route)
	d.scope.SetAside = nil
	if err == nil && reference != nil {
		d.setReference(d.context, reference)
	}
	return err
}

// emit is Scope.Emit.
func (d *decider) emit(topic, key string, value []byte) {
	sizeMax, declared := d.outputs[topic]
	switch {
	case !declared:
		panic(fmt.Sprintf("process %s wrote to %s, which is not among its outputs", d.process.Name, topic))
	case sizeMax > 0 && len(value) > sizeMax:
		panic(fmt.Sprintf("process %s wrote %d bytes to %s, which takes %d", d.process.Name, len(value), topic, sizeMax))
	}
	d.context.Emit(goka.Stream(topic), key, value)
}

func where(w work) string {
	r := w.route.Record
	verb := [...]string{workDecide: "deciding", workVisit: "visiting for", workClose: "closing", workDrop: "telling of the drop of"}[w.kind]
	return fmt.Sprintf("%s %s/%d@%d, key %q", verb, r.Topic, r.Partition, r.Offset, w.key)
}

// newDecider makes the decider of an attempt.
func (w *workspace) newDecider() *decider {
	d := &decider{
		process: w.process, handler: w.handler, working: &w.working,
		fail:         w.fail,
		retag:        w.retag,
		setReference: func(_ goka.Context, reference []byte) { w.overlay.setReference(reference) },
	}
	d.scope = streams.Scope{Shard: w.number, Shards: w.shards}
	return d.init()
}

func (w *workspace) retag(key string, before, after []string) error {
	if w.process.TagsVersion == "" {
		return fmt.Errorf("process %s has tags but no TagsVersion", w.process.Name)
	}
	return w.overlay.retag(key, before, after)
}
