package engine

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/streams"
)

// The ward process is one that parks. Its states are sensitive to the order of what their keys were told: the same state means the same order. Its inbox takes
// "add N" and "ill N", the same but for an illness; the control records "sweep TAG...", whose visit a key takes once however often it is swept, and
// "look TAG...", whose visits write nothing; and "release" and "drop OFFSET" under the key that they are about.
const wardName = "ward"

// illness is what makes the ward's decisions fail, for as long as a test likes.
type illness struct {
	mu sync.Mutex
	// records are the keys whose "ill" records fail, visits those whose visits fail; deadly and deadlyVisits are those that call die then.
	records, visits, deadly, deadlyVisits map[string]bool
	die                                   func()
	dropFails                             bool
}

func (i *illness) set(change func(i *illness)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *illness) cure() {
	i.set(func(i *illness) {
		i.records, i.visits, i.deadly, i.deadlyVisits, i.dropFails = nil, nil, nil, nil, false
	})
}

func keySet(keys ...string) map[string]bool {
	set := map[string]bool{}
	for _, key := range keys {
		set[key] = true
	}
	return set
}

func (i *illness) of(key string, visit bool) (ill, deadly bool, die func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if visit {
		return i.visits[key], i.deadlyVisits[key], i.die
	}
	return i.records[key], i.deadly[key], i.die
}

// ward is a fixture of the ward process.
type ward struct {
	*fixture
	illness *illness
}

func newWard(t testing.TB, shards int32) *ward {
	t.Helper()
	suffix := ""
	if realBroker() != "" {
		suffix = "." + uuid.NewString()
	}
	ill := &illness{}
	name := wardName + suffix
	process := streams.Process{
		Name: name, Inbox: streams.Topic{Name: name + ".inbox"}, Table: streams.Changelog(name, streams.WidthShards, ""), TagsVersion: "1", Rules: "1",
		Outputs:  []streams.Topic{{Name: name + ".out"}},
		ParkedTo: streams.Topic{Name: name + ".parked"},
		NewHandler: func(f streams.Framing) streams.Handler {
			return &wardHandler{illness: ill, framing: f, out: name + ".out"}
		},
	}
	f := newFixtureOf(t, process, shards)
	forever := "-1"
	f.createTopic(process.ParkedTo.Name, map[string]*string{"retention.ms": &forever})
	return &ward{f, ill}
}

type wardHandler struct {
	illness *illness
	framing streams.Framing
	out     string
	tally   int64
}

func (h *wardHandler) Restore(_, tally []byte) (err error) {
	h.tally = 0
	if tally != nil {
		h.tally, err = strconv.ParseInt(string(tally), 10, 64)
	}
	return err
}

func (h *wardHandler) Tally() []byte { return strconv.AppendInt(nil, h.tally, 10) }

func (h *wardHandler) Route(r *streams.Record) (streams.Route, error) {
	verb, rest, _ := strings.Cut(string(r.Value), " ")
	route := streams.Route{Key: r.Key, Message: string(r.Value), ReceivedAt: schemas.Instant(r.Offset)}
	switch verb {
	case "sweep", "look":
		route.Key, route.Control, route.Tags = "", true, strings.Fields(rest)
	case "release":
		route.Unpark = &streams.Unpark{Operator: "olga", Reason: "mended"}
	case "drop":
		offset, err := strconv.ParseInt(rest, 10, 64)
		route.Unpark = &streams.Unpark{Drop: true, Offset: offset, Operator: "olga", Reason: "nonsense"}
		return route, err
	}
	return route, nil
}

// wardState is a hash over what the key was told, in order, the key's last letter, and the sweeps that it took.
type wardState struct {
	told   uint64
	letter string
	swept  []string
}

func decodeWard(key string, state []byte) wardState {
	if state == nil {
		return wardState{letter: key[len(key)-1:]}
	}
	words := strings.Fields(string(state[1:]))
	told, _ := strconv.ParseUint(words[0], 10, 64)
	return wardState{told, words[1], words[2:]}
}

func (s wardState) take(n uint64) wardState {
	s.told = s.told*1_000_003 + n
	return s
}

func (s wardState) sweep(offset int64) wardState {
	s = s.take(7)
	s.swept = append(slices.Clone(s.swept), strconv.FormatInt(offset, 10))
	return s
}

func (s wardState) encode() []byte {
	return append([]byte{frameMark}, strings.Join(append([]string{strconv.FormatUint(s.told, 10), s.letter}, s.swept...), " ")...)
}

func (s wardState) tags() []string { return []string{"all", "tag-" + s.letter} }

func (h *wardHandler) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	text, _ := route.Message.(string)
	before, after := decodeWard(key, state), wardState{}
	if strings.HasPrefix(text, "look") {
		h.tally++
		return streams.Change{}, h.suffer(key, text, true)
	}
	if route.Control {
		id := strconv.FormatInt(route.Record.Offset, 10)
		if slices.Contains(before.swept, id) {
			h.tally++
			return streams.Change{}, nil
		}
		after = before.sweep(route.Record.Offset)
	} else {
		_, digits, _ := strings.Cut(text, " ")
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return streams.Change{}, err
		}
		after = before.take(n)
	}
	// What is ill fails as late as it can, with everything half done.
	h.emit(scope, key, fmt.Sprintf("%d %s %s -> %d", route.Record.Offset, key, text, after.told))
	if route.Control {
		h.tally++
	}
	if err := h.suffer(key, text, route.Control); err != nil {
		return streams.Change{}, err
	}
	change := streams.Change{State: after.encode()}
	if state == nil {
		change.TagsAfter = after.tags()
	}
	return change, nil
}

var errIll = errors.New("too ill to be decided")

func (h *wardHandler) suffer(key, text string, visit bool) error {
	ill, deadly, die := h.illness.of(key, visit)
	if !visit && !strings.HasPrefix(text, "ill") {
		return nil
	}
	switch {
	case deadly:
		die()
	case ill && len(key)%2 == 0:
		panic(errIll.Error())
	case ill:
		return errIll
	}
	return nil
}

func (h *wardHandler) emit(scope *streams.Scope, key, line string) {
	scope.Chain.Sequence++
	scope.Chain.Head = sha256.Sum256(append(scope.Chain.Head[:], line...))
	scope.Emit(h.out, key, []byte(line))
}

func (h *wardHandler) Close(scope *streams.Scope, route *streams.Route) ([]byte, error) {
	line := fmt.Sprintf("%d closed with %d", route.Record.Offset, h.tally)
	for _, aside := range scope.SetAside {
		line += " without " + aside.Tag + "/" + aside.Key
	}
	if scope.Released {
		line += " again"
	}
	h.tally = 0
	h.emit(scope, streams.ControlKey(scope.Shard), line)
	return nil, nil
}

func (h *wardHandler) Dropped(scope *streams.Scope, route *streams.Route, _ []byte) error {
	h.illness.mu.Lock()
	fails := h.illness.dropFails
	h.illness.mu.Unlock()
	h.emit(scope, route.Key, fmt.Sprintf("%d dropped", route.Record.Offset))
	if fails {
		return errIll
	}
	return nil
}

func (h *wardHandler) Tags(state []byte) ([]string, error) { return decodeWard("", state).tags(), nil }

// expectWard returns the states that a shard must come to when nobody is ill: every record in the order of the inbox, but for those that were dropped.
func (w *ward) expectWard(shard int32, dropped ...int64) map[string]string {
	states := map[string]wardState{}
	for offset, r := range w.sent[shard] {
		verb, rest, _ := strings.Cut(string(r.Value[1:]), " ")
		switch {
		case slices.Contains(dropped, int64(offset)):
		case verb == "sweep":
			for key, s := range states {
				if slices.ContainsFunc(strings.Fields(rest), func(tag string) bool { return slices.Contains(s.tags(), tag) }) {
					states[key] = s.sweep(int64(offset))
				}
			}
		case verb == "add" || verb == "ill":
			n, _ := strconv.ParseUint(rest, 10, 64)
			s, known := states[string(r.Key)]
			if !known {
				s = decodeWard(string(r.Key), nil)
			}
			states[string(r.Key)] = s.take(n)
		}
	}
	encoded := map[string]string{}
	for key, s := range states {
		encoded[key] = string(s.encode())
	}
	return encoded
}

// recovered checks that nothing is parked any more and that the states are those of a run in which nobody was ill; every line went out once.
func (w *ward) recovered(dropped ...int64) {
	w.t.Helper()
	tables, outputs := w.readAll(w.process.Table.Name), w.readAll(w.process.Outputs[0].Name)
	for shard := range w.shards {
		states, own := fold(tables[shard])
		if want := w.expectWard(shard, dropped...); !reflect.DeepEqual(states, want) {
			w.t.Errorf("shard %d: the states are\n%q\nnot\n%q", shard, states, want)
		}
		for key := range own {
			if !slices.Contains([]string{keyOwner, keyMeta, keyBorn, keyAttempt}, key) {
				w.t.Errorf("shard %d: %s is left: %s", shard, key, own[key])
			}
		}
		lines := map[string]bool{}
		for _, r := range outputs[shard] {
			if line := string(r.Value); lines[line] && !strings.Contains(line, "closed with") {
				w.t.Errorf("shard %d: %q went out twice", shard, line)
			} else {
				lines[line] = true
			}
		}
		if p, err := decodeMeta([]byte(own[keyMeta])); err != nil || p.chain.Sequence != int64(len(outputs[shard])) {
			w.t.Errorf("shard %d: the chain counts %d lines, but %d went out (%v)", shard, p.chain.Sequence, len(outputs[shard]), err)
		}
	}
}

// closes returns the lines that closes wrote, in order.
func (w *ward) closes(shard int32) []string {
	var lines []string
	for _, r := range w.readAll(w.process.Outputs[0].Name)[shard] {
		if strings.Contains(string(r.Value), "closed with") {
			lines = append(lines, string(r.Value))
		}
	}
	return lines
}

// history returns the facts of parked keys, one line each, in order.
func (w *ward) history() []string {
	w.t.Helper()
	var lines []string
	for _, partition := range w.readAll(w.process.ParkedTo.Name) {
		for _, r := range partition {
			var fact audit.Parked
			reader := avrobin.NewReader(r.Value[1:])
			fact.DecodeAvro(reader)
			must(w.t, reader.Done())
			if want := w.process.Name + "/" + fact.Key; string(r.Key) != want || fact.Process != w.process.Name {
				w.t.Errorf("a fact of %s lies under the key %s, not %s", fact.Process, r.Key, want)
			}
			lines = append(lines, fact.Key+" "+describe(fact.Body))
		}
	}
	return lines
}

func describe(body audit.ParkedBody) string {
	switch b := body.(type) {
	case *audit.RecordParked:
		return fmt.Sprintf("parked @%d at %d control=%t: %s", b.Offset, b.Position, b.Control, b.Reason)
	case *audit.Released:
		return fmt.Sprintf("released by %s (%s), %d left", b.Operator, b.Reason, b.Remaining)
	case *audit.Dropped:
		return fmt.Sprintf("dropped @%d by %s (%s), %d left", b.Offset, b.Operator, b.Reason, b.Remaining)
	case *audit.Refused:
		return fmt.Sprintf("refused %s: %s", b.Operator, b.Refusal)
	}
	return "?"
}

// said fails unless the history is this.
func (w *ward) said(want ...string) {
	w.t.Helper()
	if got := w.history(); !slices.Equal(got, want) {
		w.t.Errorf("the history is\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// parkedKeys returns what a shard of the instance shows as parked: each key with the offsets in its queue.
func (w *ward) parkedKeys(i *instance, shard int32) map[string][]int64 {
	w.t.Helper()
	keys, err := i.engine.Parked(w.process.Name, shard)
	must(w.t, err)
	shown := map[string][]int64{}
	for _, k := range keys {
		for _, r := range k.Records {
			shown[k.Key] = append(shown[k.Key], r.Offset)
		}
	}
	return shown
}

// holds fails unless exactly this is parked.
func (w *ward) holds(i *instance, shard int32, want map[string][]int64) {
	w.t.Helper()
	if got := w.parkedKeys(i, shard); !reflect.DeepEqual(got, want) {
		w.t.Errorf("parked is %v, not %v", got, want)
	}
}
