package processors_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

type potShard = scenario.Shard[
	inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
	*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
]

type dealingShard = scenario.Shard[
	inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
	*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
]

// kernel is all processes with one shard each. Every message is told as a proof: twice from the same start, on copies.
type kernel struct {
	scenario.Reporter
	pots  *potShard
	deals *dealingShard
	// proven counts messages by the names of their types.
	proven map[string]int
	// meet, where given, is told of each message of an inbox, with the name of its type, before it is decided.
	meet func(topic, kind string, value []byte)
}

func newKernel(r scenario.Reporter) *kernel {
	return &kernel{
		r,
		scenario.NewShard[
			inbox.PotMessage, state.PotState, state.PotReference, *pot.Reference, state.PotTally,
			*inbox.PotMessage, *state.PotState, *state.PotReference, *state.PotTally,
		](pot.Machine(), 0, 1),
		scenario.NewShard[
			inbox.DealingMessage, state.TradeState, state.DealingReference, *dealing.Reference, state.DealingTally,
			*inbox.DealingMessage, *state.TradeState, *state.DealingReference, *state.DealingTally,
		](dealing.Machine(1), 0, 1),
		make(map[string]int), nil,
	}
}

// copied returns a kernel that goes its own way from here: proofs never change what they begin from.
func (k *kernel) copied(r scenario.Reporter) *kernel {
	pots, deals := *k.pots, *k.deals
	return &kernel{r, &pots, &deals, k.proven, k.meet}
}

// cascadeMax bounds what one record may lead to.
const cascadeMax = 500

// tell brings a record to the door of its topic, and whatever comes of it to whom it concerns, until nothing more comes.
func (k *kernel) tell(record ingested) {
	k.Helper()
	queue := k.admit(record)
	fromOutside := len(queue) // what processes tell each other comes once: the engine sees to that
	for told := 0; len(queue) > 0; told++ {
		if told == cascadeMax {
			k.Fatalf("one record of %s leads to more than %d messages", record.topic, cascadeMax)
		}
		out := queue[0]
		queue = queue[1:]
		switch out.Topic {
		case streams.PotInbox:
			queue = append(queue, k.tellPots(decoded[inbox.PotMessage](k, out), told < fromOutside)...)
		case streams.DealingInbox:
			queue = append(queue, k.tellDealing(decoded[inbox.DealingMessage](k, out), told < fromOutside)...)
		}
	}
}

func decoded[T any, P interface {
	*T
	DecodeAvro(*avrobin.Reader)
}](k *kernel, out streams.Out) *T {
	k.Helper()
	value := new(T)
	reader := avrobin.NewReader(out.Value.AppendAvro(nil))
	P(value).DecodeAvro(reader)
	if err := reader.Done(); err != nil {
		k.Fatalf("what goes to %s cannot be read: %v", out.Topic, err)
	}
	return value
}

func (k *kernel) tellPots(m *inbox.PotMessage, twice bool) []streams.Out {
	k.Helper()
	k.saw(streams.PotInbox, m.Body, m)
	route := pot.Machine().Route(m)
	if route.Unpark != nil {
		return nil // the engine's to do
	}
	outs := k.pots.Prove(k, m)
	if twice {
		k.moveNothing(m.Body, k.pots.Again(named{k, fmt.Sprintf("%T %+v", m.Body, m.Body)}, m))
	}
	return outs
}

func (k *kernel) tellDealing(m *inbox.DealingMessage, twice bool) []streams.Out {
	k.Helper()
	k.saw(streams.DealingInbox, m.Body, m)
	if dealing.Machine(1).Route(m).Unpark != nil {
		return nil
	}
	outs := k.deals.Prove(k, m)
	if twice {
		k.moveNothing(m.Body, k.deals.Again(named{k, fmt.Sprintf("%T %+v", m.Body, m.Body)}, m))
	}
	return outs
}

// moveNothing looks at what comes of a message that is told again.
func (k *kernel) moveNothing(m any, outs []streams.Out) {
	k.Helper()
	for i := range outs {
		switch outs[i].Topic {
		case streams.LedgerJournal, streams.LedgerTrade, streams.CustodianOrder, streams.PaymentOrder:
			k.Errorf("%T again writes to %s", m, outs[i].Topic)
		}
	}
}

func (k *kernel) saw(topic string, body any, message streams.Value) {
	kind := reflect.TypeOf(body).Elem().Name()
	k.proven[kind]++
	if k.meet != nil {
		k.meet(topic, kind, message.AppendAvro(nil))
	}
}

// named says what it is about that something is wrong.
type named struct {
	scenario.Reporter
	name string
}

func (n named) Errorf(format string, args ...any) {
	n.Helper()
	n.Reporter.Errorf("%s: "+format, append([]any{n.name}, args...)...)
}

// ingested is a record of an ingest topic.
type ingested struct {
	topic string
	value []byte
	at    schemas.Instant
}

// admit hands a record to its door, which must take it whatever it is.
func (k *kernel) admit(in ingested) []streams.Out {
	k.Helper()
	record := streams.Record{Topic: in.topic, Timestamp: in.at, Value: in.value, Size: len(in.value), Digest: sha256.Sum256(in.value)}
	var outs []streams.Out
	for _, process := range intake.Processes([]byte("secret")) {
		if process.Inbox.Name != in.topic {
			continue
		}
		handler := process.NewHandler(bare{})
		route, err := handler.Route(&record)
		if err != nil {
			k.Fatalf("routing: %v", err)
		}
		scope := &streams.Scope{Shards: 1, RecordedAt: route.ReceivedAt, Chain: &streams.Chain{}, Emit: func(topic, key string, value []byte) {
			outs = append(outs, streams.Out{Topic: topic, Key: key, Value: written(value)})
		}}
		if _, err := handler.Decide(scope, &route, "", nil); err != nil {
			k.Fatalf("deciding: %v", err)
		}
	}
	return outs
}

// written is a value in its bytes.
type written []byte

func (w written) AppendAvro(b []byte) []byte { return append(b, w...) }

// quiet is told of steps that no ingest record is made of.
type quiet struct{}

func (quiet) Helper() {}

func (quiet) Errorf(string, ...any) {}

func (quiet) Fatalf(string, ...any) { panic(quiet{}) }

// recordOf makes the ingest record that a step tells of, if it tells of one.
func recordOf(at schemas.Instant, step scenario.Step) (in ingested, body any, ok bool) {
	defer func() {
		if _, other := recover().(quiet); other {
			ok = false
		}
	}()
	topic, value := scenario.Ingested(quiet{}, at, step)
	switch v := value.(type) {
	case *ingest.Instruction:
		body = v.Body
	case *ingest.Confirmation:
		body = v.Body
	case *ingest.Operation:
		body = v.Body
	case *ingest.ReferenceData:
		body = v.Entry.Body
	}
	return ingested{topic, value.AppendAvro(nil), at}, body, true
}

// story is the ingest records that a file of scenarios tells of, in order. It tells the names of all steps: those that no ingest record is made of are
// told to their process by the test of its scenarios, which proves them likewise.
func story(t testing.TB, file string, told func(name string)) []ingested {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := scenario.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var at schemas.Instant
	var records []ingested
	for _, step := range steps {
		switch step.Verb {
		case "at":
			moment, err := time.Parse("2006-01-02 15:04", step.Kind+" "+step.Args[0].Key)
			if err != nil {
				t.Fatal(err)
			}
			at = schemas.InstantOf(moment)
		case "given", "when", "also":
			told(step.Kind)
			if record, body, ok := recordOf(at, step); ok {
				records = append(records, record)
				if body != nil {
					told(reflect.TypeOf(body).Elem().Name())
				}
			}
		}
	}
	return records
}

// stories are all files of scenarios.
func stories(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("*/testdata/*.scenario")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scenarios: %v", err)
	}
	return files
}

// lived is a kernel with members, prices and trades.
func lived(t testing.TB) *kernel {
	t.Helper()
	k := newKernel(t)
	for _, record := range story(t, "testdata/lived.scenario", func(string) {}) {
		k.tell(record)
	}
	return k
}

// notTold are the messages that no process is told by another: engines deal with them.
func notTold() []string { return []string{"Unparked"} }

// TestEveryMessageKeepsThePromises tells all that scenarios tell of, and all that comes of it, to all processes together, and proves each decision:
// the same twice over, nothing changed that was handed in, every record alike after it was written and read, nothing new when told again. A message
// that no scenario leads to fails the test.
func TestEveryMessageKeepsThePromises(t *testing.T) {
	base := lived(t)
	for _, file := range stories(t) {
		t.Run(file, func(t *testing.T) {
			alone, beside := newKernel(t), base.copied(t)
			alone.proven = base.proven
			for _, record := range story(t, file, func(name string) { base.proven[name]++ }) {
				alone.tell(record)
				beside.tell(record)
			}
		})
	}
	for _, topic := range []string{
		streams.IngestInstruction, streams.IngestConfirmation, streams.IngestOperator, streams.IngestReference, streams.PotInbox, streams.DealingInbox,
	} {
		for _, name := range bodiesOf(t, streams.TopicNamed(topic).Schema) {
			if base.proven[name] == 0 && !slices.Contains(notTold(), name) {
				t.Errorf("no scenario leads to a %s on %s: its promises are not proven", name, topic)
			}
		}
	}
}

// bodiesOf lists the branches of a schema's union named body.
func bodiesOf(t *testing.T, schema string) []string {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(schema), &tree); err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, child := range n {
				walk(child)
			}
		case map[string]any:
			if branches, union := n["type"].([]any); union && n["name"] == "body" {
				for _, branch := range branches {
					if record, ok := branch.(map[string]any); ok {
						names = append(names, fmt.Sprint(record["name"]))
					}
				}
			}
			for _, child := range n {
				walk(child)
			}
		}
	}
	walk(tree)
	if len(names) == 0 {
		t.Fatalf("there is no body in %s", strings.SplitN(schema, "\n", 2)[0])
	}
	return names
}

// FuzzWhatPassesTheDoorIsDecided changes bytes of ingest records. Whatever a door lets through must be decided, and keep the promises.
func FuzzWhatPassesTheDoorIsDecided(f *testing.F) {
	known := make(map[string]bool) // scenarios begin alike, and each seed is played before anything is changed
	for _, file := range stories(f) {
		for _, record := range story(f, file, func(string) {}) {
			if seed := record.topic + string(record.value); !known[seed] {
				known[seed] = true
				f.Add(record.topic, record.value, int64(record.at))
			}
		}
	}
	base := lived(f)
	f.Fuzz(func(t *testing.T, topic string, value []byte, at int64) {
		if at < 0 || at > int64(schemas.DateOf(2100, 1, 1))*24*60*60*1000 {
			return // a broker's clock
		}
		k := base.copied(t)
		k.proven = make(map[string]int)
		k.tell(ingested{topic, value, schemas.Instant(at)})
	})
}
