package scenario

import (
	"bytes"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/streams"
)

// Reporter is told what is wrong; a test is one.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

type avro[T any] interface {
	*T
	AppendAvro(b []byte) []byte
	DecodeAvro(r *avrobin.Reader)
}

// Shard holds what one shard of a process knows, and lets its rules decide, directly: no engine, no topics.
type Shard[M, S, R, V, T any, PM avro[M], PS avro[S], PR avro[R], PT avro[T]] struct {
	machine   streams.Machine[M, S, R, V, T]
	shard     int32
	shards    int32
	states    map[string]*S
	reference *R
	recorded  schemas.Instant
	chain     streams.Chain
}

// NewShard returns a shard that has been told nothing yet.
func NewShard[M, S, R, V, T any, PM avro[M], PS avro[S], PR avro[R], PT avro[T]](machine streams.Machine[M, S, R, V, T], shard, shards int32) *Shard[M, S, R, V, T, PM, PS, PR, PT] {
	return &Shard[M, S, R, V, T, PM, PS, PR, PT]{machine: machine, shard: shard, shards: shards, states: make(map[string]*S), reference: new(R)}
}

// State returns the state of a key, or nil.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) State(key string) *S { return s.states[key] }

// Apply tells the shard something and returns what comes of it.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Apply(r Reporter, message *M) []streams.Out {
	r.Helper()
	view, err := s.machine.View(s.reference)
	if err != nil {
		r.Fatalf("reading reference data: %v", err)
	}
	route := s.machine.Route(message)
	s.recorded = max(s.recorded, route.ReceivedAt)
	if !route.Control {
		after, outs := s.machine.Decide(s.place(), view, route.Key, s.states[route.Key], message)
		s.put(route.Key, after)
		return s.link(outs)
	}
	var tally T
	var outs []streams.Out
	for _, key := range s.tagged(route.Tags) {
		after, more := s.machine.Visit(s.place(), view, key, s.states[key], message, &tally)
		s.put(key, after)
		outs = append(outs, s.link(more)...)
	}
	next, more := s.machine.Close(s.place(), view, s.reference, message, &tally)
	s.reference = next
	return append(outs, s.link(more)...)
}

func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) place() streams.Place {
	return streams.Place{Shard: s.shard, Shards: s.shards, RecordedAt: s.recorded, Sequence: s.chain.Sequence}
}

func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) put(key string, state *S) {
	if state == nil {
		delete(s.states, key)
		return
	}
	s.states[key] = state
}

func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) link(outs []streams.Out) []streams.Out {
	for i := range outs {
		if linked, ok := outs[i].Value.(streams.Linked); ok {
			s.chain.Sequence++
			s.chain.Head = linked.Link(s.chain.Sequence, s.chain.Head)
		}
	}
	return outs
}

// tagged returns the keys that bear one of the tags, in order.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) tagged(tags []string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.states)) {
		if slices.ContainsFunc(s.machine.Tags(s.states[key]), func(tag string) bool { return slices.Contains(tags, tag) }) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Prove tells a copy of the shard the message twice over, each time from the same start, and returns what came of it. It
// reports rules that decide differently the second time, that change what they were given, or whose records do not
// survive being written and read.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Prove(r Reporter, message *M) []streams.Out {
	r.Helper()
	before, told := s.bytes(), PM(message).AppendAvro(nil)
	first, second := s.copied(r), s.copied(r)
	one, two := first.Apply(r, copied[M, PM](r, message)), second.Apply(r, copied[M, PM](r, message))
	if !bytes.Equal(outBytes(one), outBytes(two)) || !bytes.Equal(first.bytes(), second.bytes()) {
		r.Errorf("the rules decide differently the second time")
	}
	shallow := *s
	shallow.states = maps.Clone(s.states)
	if three := shallow.Apply(r, message); !bytes.Equal(outBytes(one), outBytes(three)) {
		r.Errorf("the rules decide differently on states that were not written and read")
	}
	if !bytes.Equal(before, s.bytes()) || !bytes.Equal(told, PM(message).AppendAvro(nil)) {
		r.Errorf("the rules change what they are given")
	}
	*s = *first
	return one
}

// Again tells a copy of the shard the message again. It reports a change of any state, and returns what came of it.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Again(r Reporter, message *M) []streams.Out {
	r.Helper()
	again := s.copied(r)
	outs := again.Apply(r, message)
	if !bytes.Equal(s.bytes(), again.bytes()) {
		r.Errorf("the same again changes something")
	}
	return outs
}

// bytes is all that the shard knows, written.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) bytes() []byte {
	b := PR(s.reference).AppendAvro(nil)
	for _, key := range slices.Sorted(maps.Keys(s.states)) {
		b = PS(s.states[key]).AppendAvro(append(b, key...))
	}
	return b
}

// copied returns a shard that shares nothing with this one.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) copied(r Reporter) *Shard[M, S, R, V, T, PM, PS, PR, PT] {
	next := *s
	next.reference = copied[R, PR](r, s.reference)
	next.states = make(map[string]*S, len(s.states))
	for key, state := range s.states {
		next.states[key] = copied[S, PS](r, state)
	}
	return &next
}

// copied writes and reads a record.
func copied[T any, P avro[T]](r Reporter, record *T) *T {
	r.Helper()
	written := P(record).AppendAvro(nil)
	next := new(T)
	reader := avrobin.NewReader(written)
	P(next).DecodeAvro(reader)
	if err := reader.Done(); err != nil || !bytes.Equal(written, P(next).AppendAvro(nil)) {
		r.Errorf("%T does not survive being written and read: %v", record, err)
	}
	return next
}

func outBytes(outs []streams.Out) []byte {
	var b []byte
	for i := range outs {
		b = append(append(append(b, outs[i].Topic...), '|'), outs[i].Key...)
		b = outs[i].Value.AppendAvro(append(b, '|'))
	}
	return b
}
