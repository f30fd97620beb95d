package streams

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
)

// Value is a record that can be written.
type Value interface{ AppendAvro(b []byte) []byte }

// Linked is a value that takes its place in its shard's chain when it is written.
type Linked interface {
	Value
	// Link sets the value's place and returns the new head of the chain.
	Link(sequence int64, previous [32]byte) [32]byte
}

// Out is one output of a decision.
type Out struct {
	Topic string
	Key   string
	Value Value
}

// Place is what a decision may know of where and when it is taken.
type Place struct {
	Shard, Shards int32
	RecordedAt    schemas.Instant
	// Sequence is the number of the shard's last journal.
	Sequence int64
	// SetAside is given to Close: the keys that the sweep could not visit (Scope.SetAside).
	SetAside []SetAside
	// Released says that the message was parked and is decided late, or swept again (Scope.Released).
	Released bool
}

// Machine is a process in typed form: pure functions over a message M, the state S of a key, the reference data R of the
// shard, its view V (R made ready for look-ups), and the tally T of a sweep. None of them changes what it is given,
// but for the tally, which Visit adds to.
type Machine[M, S, R, V, T any] struct {
	// View makes the reference data ready.
	View func(*R) (V, error)
	// Route says what a message concerns; it sets everything but Message and Record.
	Route func(*M) Route
	// Decide handles a keyed message. The state is nil for a key without one. It returns the state itself where nothing
	// changed, another one otherwise, and nil to forget the key.
	Decide func(Place, V, string, *S, *M) (*S, []Out)
	// Visit handles a control message for one key that bears one of its tags. A message may be swept again, whole, after a key could not be visited:
	// a key that took it then must not take it twice.
	Visit func(Place, V, string, *S, *M, *T) (*S, []Out)
	// Close ends a control message. It returns the reference data itself where nothing changed.
	Close func(Place, V, *R, *M, *T) (*R, []Out)
	// Dropped tells the outside that a message to a parked key was dropped undecided; nil: there is nobody to tell. The state is nil for a key without one,
	// and where it cannot be read: that may be what the key is parked for.
	Dropped func(Place, V, string, *S, *M) []Out
	// Tags returns the tags of a state, in order.
	Tags func(*S) []string
}

// avro is a pointer to a generated record.
type avro[T any] interface {
	*T
	AppendAvro(b []byte) []byte
	DecodeAvro(r *avrobin.Reader)
}

// The branches of every changelog's schema, in their order.
const (
	branchState = iota
	branchReference
	branchTally
	branches
)

// typed drives a Machine behind the Handler interface: it decodes, decides, encodes, and links what goes into the chain.
type typed[M, S, R, V, T any, PM avro[M], PS avro[S], PR avro[R], PT avro[T]] struct {
	rules     Machine[M, S, R, V, T]
	framing   Framing
	table     string
	reference *R
	view      V
	tally     T
	// scratch is where values are encoded, to be copied out at their exact size. Decide, Visit, Close, Dropped and Tally never run at the same time.
	scratch []byte
	// routing is Route's reader, reading everybody else's: Route runs beside them.
	routing, reading avrobin.Reader
}

// NewHandler returns the handler of one shard for a machine whose states go to the given changelog. The changelog's
// schema must be a record with one field, a union of state, reference data and tally.
func NewHandler[M, S, R, V, T any, PM avro[M], PS avro[S], PR avro[R], PT avro[T]](
	framing Framing, table Topic, machine Machine[M, S, R, V, T],
) Handler {
	return &typed[M, S, R, V, T, PM, PS, PR, PT]{rules: machine, framing: framing, table: table.Name}
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Restore(reference, tally []byte) error {
	r := new(R)
	var t T
	if err := h.decode(reference, branchReference, PR(r)); err != nil {
		return fmt.Errorf("restoring reference data: %w", err)
	}
	if err := h.decode(tally, branchTally, PT(&t)); err != nil {
		return fmt.Errorf("restoring a tally: %w", err)
	}
	view, err := h.rules.View(r)
	if err != nil {
		return fmt.Errorf("reading restored reference data: %w", err)
	}
	h.reference, h.view, h.tally = r, view, t
	return nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Route(record *Record) (Route, error) {
	message := new(M)
	h.routing.Reset(record.Value)
	PM(message).DecodeAvro(&h.routing)
	if err := h.routing.Done(); err != nil {
		return Route{}, fmt.Errorf("decoding %s/%d at %d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	route := h.rules.Route(message)
	route.Message, route.Record = message, record
	return route, nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Decide(scope *Scope, route *Route, key string, stored []byte) (Change, error) {
	var before *S
	if stored != nil {
		before = new(S)
		if err := h.decode(stored, branchState, PS(before)); err != nil {
			return Change{}, fmt.Errorf("decoding the state of %s: %w", key, err)
		}
	}
	message := route.Message.(*M) //nolint:forcetypeassert // Route put it there
	var after *S
	var outs []Out
	if route.Control {
		after, outs = h.rules.Visit(scope.place(), h.view, key, before, message, &h.tally)
	} else {
		after, outs = h.rules.Decide(scope.place(), h.view, key, before, message)
	}
	h.emit(scope, outs)
	return h.change(before, after), nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) change(before, after *S) Change {
	if after == before {
		return Change{}
	}
	var change Change
	if after == nil {
		change.Deleted = true
	} else {
		change.State = h.encode(branchState, PS(after))
		change.TagsAfter = h.rules.Tags(after)
	}
	if before != nil {
		change.TagsBefore = h.rules.Tags(before)
	}
	if slices.Equal(change.TagsBefore, change.TagsAfter) {
		change.TagsBefore, change.TagsAfter = nil, nil
	}
	return change
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Close(scope *Scope, route *Route) ([]byte, error) {
	message := route.Message.(*M) //nolint:forcetypeassert // Route put it there
	next, outs := h.rules.Close(scope.place(), h.view, h.reference, message, &h.tally)
	h.emit(scope, outs)
	var none T
	h.tally = none
	if next == h.reference {
		return nil, nil
	}
	view, err := h.rules.View(next)
	if err != nil {
		return nil, fmt.Errorf("reading new reference data: %w", err)
	}
	h.reference, h.view = next, view
	return h.encode(branchReference, PR(next)), nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Dropped(scope *Scope, route *Route, stored []byte) error {
	if h.rules.Dropped == nil {
		return nil
	}
	var state *S
	if stored != nil {
		state = new(S)
		if err := h.decode(stored, branchState, PS(state)); err != nil {
			state = nil
		}
	}
	message := route.Message.(*M) //nolint:forcetypeassert // Route put it there
	h.emit(scope, h.rules.Dropped(scope.place(), h.view, route.Key, state, message))
	return nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Tally() []byte {
	return h.encode(branchTally, PT(&h.tally))
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) Tags(stored []byte) ([]string, error) {
	state := new(S)
	if err := h.decode(stored, branchState, PS(state)); err != nil {
		return nil, err
	}
	return h.rules.Tags(state), nil
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) emit(scope *Scope, outs []Out) {
	for i := range outs {
		out := &outs[i]
		if linked, ok := out.Value.(Linked); ok {
			scope.Chain.Sequence++
			scope.Chain.Head = linked.Link(scope.Chain.Sequence, scope.Chain.Head)
		}
		h.scratch = out.Value.AppendAvro(h.framing.Frame(out.Topic, h.scratch[:0]))
		scope.Emit(out.Topic, out.Key, bytes.Clone(h.scratch))
	}
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) encode(branch int, value Value) []byte {
	b := h.framing.Frame(h.table, h.scratch[:0])
	h.scratch = value.AppendAvro(avrobin.AppendIndex(b, branch))
	return bytes.Clone(h.scratch)
}

func (h *typed[M, S, R, V, T, PM, PS, PR, PT]) decode(stored []byte, branch int, value interface{ DecodeAvro(*avrobin.Reader) }) error {
	if stored == nil {
		return nil
	}
	// States carry our own schema's id or one of an earlier version of us: the registry is asked at most once for each.
	payload, err := h.framing.Unframe(context.Background(), h.table, stored)
	if err != nil {
		return err
	}
	r := &h.reading
	r.Reset(payload)
	if got := r.Union(branches); got != branch && r.Err() == nil {
		return fmt.Errorf("stored value is of branch %d, want %d", got, branch)
	}
	value.DecodeAvro(r)
	return r.Done()
}

func (s *Scope) place() Place {
	return Place{s.Shard, s.Shards, s.RecordedAt, s.Chain.Sequence, s.SetAside, s.Released}
}
