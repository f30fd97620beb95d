package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// bare is a framing without a prefix: what a record says is all of it. A broken one fails on all but rejections.
type bare struct{ broken bool }

func (f bare) Frame(topic string, b []byte) []byte {
	if f.broken && topic != streams.AuditRejection {
		panic("broken")
	}
	return b
}

func (bare) Unframe(_ context.Context, _ string, framed []byte) ([]byte, error) { return framed, nil }

// player plays scenarios at the doors.
type player struct {
	offset int64
}

func (p *player) Play(r scenario.Reporter, at schemas.Instant, steps []scenario.Step, _ bool) []streams.Out {
	r.Helper()
	record, topic := p.record(r, at, steps[0])
	p.offset++
	broken := steps[0].Args.Has("broken")
	first, again := admit(r, topic, *record, broken), admit(r, topic, *record, broken)
	if !slices.EqualFunc(first, again, func(a, b streams.Out) bool {
		return a.Topic == b.Topic && a.Key == b.Key && bytes.Equal(a.Value.AppendAvro(nil), b.Value.AppendAvro(nil))
	}) {
		r.Errorf("the same record is passed on differently the second time")
	}
	return first
}

// record makes an ingest record of a step. Besides what it says, a step may tell how the record's bytes look: hex=, cut=, more=,
// its key=, and that the registry cannot make sense of them: unreadable=CODE. With broken the rules fail on it.
func (p *player) record(r scenario.Reporter, at schemas.Instant, step scenario.Step) (*streams.Record, string) {
	r.Helper()
	args := step.Args
	record := &streams.Record{Offset: p.offset, Key: args.Get("key", ""), Timestamp: at}
	if step.Kind == "Bytes" {
		value, err := hex.DecodeString(args.Get("hex", ""))
		if err != nil {
			r.Fatalf("hex: %v", err)
		}
		record.Topic, record.Value = args.Get("topic", streams.IngestInstruction), value
	} else {
		topic, value := scenario.Ingested(r, at, step)
		record.Topic, record.Value = topic, value.AppendAvro(nil)
	}
	for _, change := range []struct {
		name string
		by   int
	}{{"cut", -1}, {"more", 1}} {
		count, err := strconv.Atoi(args.Get(change.name, "0"))
		if err != nil {
			r.Fatalf("%s: %v", change.name, err)
		}
		if change.by < 0 {
			record.Value = record.Value[:len(record.Value)-count]
		} else {
			record.Value = append(record.Value, make([]byte, count)...)
		}
	}
	record.Size, record.Digest = len(record.Value), sha256.Sum256(record.Value)
	if code := args.Get("unreadable", ""); code != "" {
		record.Unreadable, record.Value = &streams.Unreadable{Code: schemas.Code(code), Reason: "as told"}, nil
	}
	return record, record.Topic
}

// admit hands a record to the door of its topic.
func admit(r scenario.Reporter, topic string, record streams.Record, broken bool) []streams.Out {
	r.Helper()
	for _, process := range intake.Processes([]byte("secret")) {
		if process.Inbox.Name != topic {
			continue
		}
		handler := process.NewHandler(bare{broken})
		route, err := handler.Route(&record)
		if err != nil {
			r.Fatalf("routing: %v", err)
		}
		var outs []streams.Out
		scope := &streams.Scope{Shards: 1, RecordedAt: route.ReceivedAt, Chain: &streams.Chain{}, Emit: func(topic, key string, value []byte) {
			if !slices.ContainsFunc(process.Outputs, func(t streams.Topic) bool { return t.Name == topic }) {
				r.Errorf("%s may not write to %s", process.Name, topic)
			}
			outs = append(outs, streams.Out{Topic: topic, Key: key, Value: read(r, topic, value)})
		}}
		if _, err := handler.Decide(scope, &route, "", nil); err != nil {
			r.Fatalf("deciding: %v", err)
		}
		return outs
	}
	r.Fatalf("there is no door for %s", topic)
	return nil
}

func read(r scenario.Reporter, topic string, value []byte) streams.Value {
	r.Helper()
	var record interface {
		streams.Value
		DecodeAvro(*avrobin.Reader)
	}
	switch topic {
	case streams.PotInbox:
		record = new(inbox.PotMessage)
	case streams.DealingInbox:
		record = new(inbox.DealingMessage)
	case streams.StatusInstruction:
		record = new(status.InstructionStatus)
	default:
		record = new(audit.Rejection)
	}
	reader := avrobin.NewReader(value)
	record.DecodeAvro(reader)
	if err := reader.Done(); err != nil || !bytes.Equal(record.AppendAvro(nil), value) {
		r.Errorf("what goes to %s does not survive being read: %v", topic, err)
	}
	return record
}

func (p *player) Is(r scenario.Reporter, _ scenario.Step) scenario.Args {
	r.Helper()
	r.Fatalf("a door remembers nothing")
	return nil
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.scenario")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			scenario.Run(t, string(text), &player{})
		})
	}
}
