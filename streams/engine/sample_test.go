package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// plain is a framing of one byte.
type plain struct{}

const frameMark = 0x7f

func (plain) Frame(_ string, b []byte) []byte { return append(b, frameMark) }

func (plain) Unframe(_ context.Context, topic string, framed []byte) ([]byte, error) {
	if len(framed) == 0 || framed[0] != frameMark {
		return nil, &streams.Unreadable{Code: "sample/frame", Reason: "no mark in " + topic}
	}
	return framed[1:], nil
}

// The sample process keeps a sum per key, tagged even or odd. Its inbox takes "add N", "forget", and, as control records, "sweep TAG..." (adds one to each key
// and reports the total), "peek TAG..." (only reports the total) and "note TEXT" (keeps TEXT as the reference, with no visit).
const (
	sampleName  = "sample"
	sampleInbox = "sample.inbox.v1"
	sampleOut   = "sample.out.v1"
)

func sampleProcess() streams.Process { return sampleProcessNamed("") }

// sampleProcessNamed is the sample process with something behind its names, for a broker that has others.
func sampleProcessNamed(suffix string) streams.Process {
	return streams.Process{
		Name:        sampleName + suffix,
		Inbox:       streams.Topic{Name: sampleInbox + suffix},
		Outputs:     []streams.Topic{{Name: sampleOut + suffix, RecordBytesMax: 1 << 10}},
		Table:       streams.Changelog(sampleName+suffix, streams.WidthShards, ""),
		TagsVersion: "parity-1",
		Rules:       "rules-1",
		NewHandler:  func(f streams.Framing) streams.Handler { return &sampleHandler{framing: f, out: sampleOut + suffix} },
	}
}

type sampleHandler struct {
	framing   streams.Framing
	out       string
	reference string
	tally     int64
}

func (h *sampleHandler) Restore(reference, tally []byte) error {
	h.reference, h.tally = string(reference), 0
	if tally != nil {
		n, err := strconv.ParseInt(string(tally), 10, 64)
		h.tally = n
		return err
	}
	return nil
}

func (h *sampleHandler) Route(r *streams.Record) (streams.Route, error) {
	text := string(r.Value)
	verb, rest, _ := strings.Cut(text, " ")
	// Every third cause was received before its predecessors: the recorded time must not follow it back.
	route := streams.Route{Key: r.Key, Message: text, ReceivedAt: schemas.Instant(r.Offset - 5*(r.Offset%3/2))}
	switch verb {
	case "add", "forget", "panic", "fail":
	case "sweep", "peek":
		route.Key, route.Control, route.Tags = "", true, strings.Fields(rest)
	case "note":
		route.Key, route.Control = "", true
	default:
		return route, fmt.Errorf("unknown record %q", text)
	}
	return route, nil
}

func parity(n int64) []string {
	if n%2 == 0 {
		return []string{"even", "all"}
	}
	return []string{"odd", "all"}
}

func (h *sampleHandler) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	text, _ := route.Message.(string)
	verb, rest, _ := strings.Cut(text, " ")
	before := int64(0)
	var tagsBefore []string
	if state != nil {
		before, _ = strconv.ParseInt(string(state[1:]), 10, 64)
		tagsBefore = parity(before)
	}
	n := int64(1)
	switch verb {
	case "add":
		n, _ = strconv.ParseInt(rest, 10, 64)
	case "forget":
		h.emit(scope, key, "forgotten")
		return streams.Change{Deleted: true, TagsBefore: tagsBefore}, nil
	case "panic":
		panic("sample panic")
	case "fail":
		return streams.Change{}, errors.New("sample failure")
	case "peek":
		h.tally += before
		return streams.Change{}, nil
	case "sweep":
		h.tally += before
	}
	after := before + n
	h.emit(scope, key, fmt.Sprintf("%s -> %d (%s)", text, after, h.reference))
	framed := strconv.AppendInt(h.framing.Frame("", nil), after, 10)
	return streams.Change{State: framed, TagsBefore: tagsBefore, TagsAfter: parity(after)}, nil
}

func (h *sampleHandler) emit(scope *streams.Scope, key, text string) {
	scope.Chain.Sequence++
	line := fmt.Sprintf("%d %d %s", scope.Chain.Sequence, scope.RecordedAt, text)
	scope.Chain.Head = sha256.Sum256(append(scope.Chain.Head[:], line...))
	scope.Emit(h.out, key, []byte(line))
}

func (h *sampleHandler) Close(scope *streams.Scope, route *streams.Route) ([]byte, error) {
	text, _ := route.Message.(string)
	h.emit(scope, streams.ControlKey(scope.Shard), fmt.Sprintf("closed %s with %d", text, h.tally))
	if note, ok := strings.CutPrefix(text, "note "); ok {
		h.reference = note
	} else {
		h.reference = "swept " + strconv.FormatInt(h.tally, 10)
	}
	h.tally = 0
	return []byte(h.reference), nil
}

func (h *sampleHandler) Dropped(*streams.Scope, *streams.Route, []byte) error { return nil }

func (h *sampleHandler) Tally() []byte { return strconv.AppendInt(nil, h.tally, 10) }

func (h *sampleHandler) Tags(state []byte) ([]string, error) {
	n, err := strconv.ParseInt(string(state[1:]), 10, 64)
	return parity(n), err
}

// model runs a process over one shard's inbox in the plainest way: what the engine must come to, whatever happens to it.
type model struct {
	process   streams.Process
	handler   streams.Handler
	shard     int32
	shards    int32
	states    map[string]string
	reference string
	outputs   []string
	progress  progress
}

func newModel(process streams.Process, shard, shards int32) *model {
	return &model{process: process, handler: process.NewHandler(plain{}), shard: shard, shards: shards, states: map[string]string{}}
}

func (m *model) take(offset int64, key, text string) {
	record := &streams.Record{Topic: m.process.Inbox.Name, Partition: m.shard, Offset: offset, Key: key, Value: []byte(text)}
	route, err := m.handler.Route(record)
	if err != nil {
		panic(err)
	}
	m.progress.recordedAt = max(m.progress.recordedAt, route.ReceivedAt)
	scope := &streams.Scope{
		Shard: m.shard, Shards: m.shards, RecordedAt: m.progress.recordedAt, Chain: &m.progress.chain,
		Emit: func(_, key string, value []byte) { m.outputs = append(m.outputs, key+": "+string(value)) },
	}
	if !route.Control {
		m.decide(scope, &route, route.Key)
		return
	}
	for _, key := range m.tagged(route.Tags) {
		m.decide(scope, &route, key)
	}
	reference, err := m.handler.Close(scope, &route)
	if err != nil {
		panic(err)
	}
	m.reference = string(reference)
}

func (m *model) tagged(tags []string) []string {
	var keys []string
	for key, state := range m.states {
		has, _ := m.handler.Tags([]byte(state))
		for _, tag := range tags {
			if strings.Contains(strings.Join(has, " "), tag) {
				keys = append(keys, key)
				break
			}
		}
	}
	sort.Strings(keys)
	return keys
}

func (m *model) decide(scope *streams.Scope, route *streams.Route, key string) {
	var state []byte
	if s, ok := m.states[key]; ok {
		state = []byte(s)
	}
	change, err := m.handler.Decide(scope, route, key, state)
	switch {
	case err != nil:
		panic(err)
	case change.Deleted:
		delete(m.states, key)
	case change.State != nil:
		m.states[key] = string(change.State)
	}
}
