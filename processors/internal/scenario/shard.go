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
	// parked holds, by key, what waits for it to be released.
	parked map[string][]*M
}

// NewShard returns a shard that has been told nothing yet.
func NewShard[M, S, R, V, T any, PM avro[M], PS avro[S], PR avro[R], PT avro[T]](machine streams.Machine[M, S, R, V, T], shard, shards int32) *Shard[M, S, R, V, T, PM, PS, PR, PT] {
	return &Shard[M, S, R, V, T, PM, PS, PR, PT]{machine: machine, shard: shard, shards: shards, states: make(map[string]*S), reference: new(R), parked: make(map[string][]*M)}
}

// State returns the state of a key, or nil.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) State(key string) *S { return s.states[key] }

// Reference returns what the shard knows besides states.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Reference() *R { return s.reference }

// Apply tells the shard something and returns what comes of it.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Apply(r Reporter, message *M) []streams.Out {
	r.Helper()
	route := s.machine.Route(message)
	s.recorded = max(s.recorded, route.ReceivedAt)
	if route.Control {
		return s.sweep(r, &route, message, "")
	}
	if queue, parked := s.parked[route.Key]; parked {
		s.parked[route.Key] = append(queue, message)
		return nil
	}
	after, outs := s.machine.Decide(s.place(), s.view(r), route.Key, s.states[route.Key], message)
	s.put(route.Key, after)
	return s.link(outs)
}

func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) view(r Reporter) V {
	r.Helper()
	view, err := s.machine.View(s.reference)
	if err != nil {
		r.Fatalf("reading reference data: %v", err)
	}
	return view
}

// sweep visits the keys that bear the message's tags, but for those that are parked, and closes. With the key that is released it is swept again.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) sweep(r Reporter, route *streams.Route, message *M, released string) []streams.Out {
	r.Helper()
	var tally T
	var outs []streams.Out
	place, view := s.place(), s.view(r)
	place.Released = released != ""
	for _, key := range s.tagged(route.Tags) {
		if _, parked := s.parked[key]; parked && key != released {
			place.SetAside = append(place.SetAside, s.aside(key, route.Tags)...)
			if !slices.Contains(s.parked[key], message) {
				s.parked[key] = append(s.parked[key], message)
			}
			continue
		}
		after, more := s.machine.Visit(place, view, key, s.states[key], message, &tally)
		s.put(key, after)
		outs = append(outs, s.link(more)...)
	}
	next, more := s.machine.Close(place, view, s.reference, message, &tally)
	s.reference = next
	return append(outs, s.link(more)...)
}

// aside names the key under each of the tags that it bears.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) aside(key string, tags []string) []streams.SetAside {
	var all []streams.SetAside
	for _, tag := range s.machine.Tags(s.states[key]) {
		if slices.Contains(tags, tag) {
			all = append(all, streams.SetAside{Tag: tag, Key: key})
		}
	}
	return all
}

// Park sets a key aside: what it is told from now on waits.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Park(key string) { s.parked[key] = nil }

// Release tells a parked key, at the given time, all that it was not told, and returns what comes of it.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Release(r Reporter, at schemas.Instant, key string) []streams.Out {
	r.Helper()
	s.recorded = max(s.recorded, at)
	var outs []streams.Out
	for _, message := range s.parked[key] {
		route := s.machine.Route(message)
		if route.Control {
			outs = append(outs, s.sweep(r, &route, message, key)...)
			continue
		}
		place := s.place()
		place.Released = true
		after, more := s.machine.Decide(place, s.view(r), key, s.states[key], message)
		s.put(key, after)
		outs = append(outs, s.link(more)...)
	}
	delete(s.parked, key)
	return outs
}

// Drop takes the first message out of a parked key's queue, undecided, and returns what is told of that.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Drop(r Reporter, key string) []streams.Out {
	r.Helper()
	queue := s.parked[key]
	if len(queue) == 0 || s.machine.Route(queue[0]).Control {
		r.Fatalf("there is nothing to drop of %s", key)
	}
	s.parked[key] = queue[1:]
	return s.machine.Dropped(s.place(), s.view(r), key, s.states[key], queue[0])
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
	shallow.states, shallow.parked = maps.Clone(s.states), maps.Clone(s.parked)
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

// Keeps reports what the shard knows that does not survive being written and read.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Keeps(r Reporter) {
	r.Helper()
	s.copied(r)
}

// Written is all that the shard knows, in its bytes.
func (s *Shard[M, S, R, V, T, PM, PS, PR, PT]) Written() []byte { return s.bytes() }

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
	next.states, next.parked = make(map[string]*S, len(s.states)), maps.Clone(s.parked)
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
