package intake

import (
	"runtime"

	"github.com/penstock-ledger/penstock/streams"
)

// Rules is the version of the rules by which this package decides.
const Rules = "intake/4"

// door says what is read from one ingest topic and where it may go.
type door struct {
	name, topic string
	admit       admit
	outputs     []string
}

func doors() []door {
	return []door{
		{"intake-instruction", streams.IngestInstruction, admitInstruction, []string{streams.PotInbox, streams.DealingInbox, streams.StatusInstruction}},
		{"intake-price", streams.IngestPrice, admitPrice, []string{streams.DealingInbox}},
		{"intake-confirmation", streams.IngestConfirmation, admitConfirmation, []string{streams.DealingInbox, streams.PotInbox}},
		{"intake-reference", streams.IngestReference, admitReference, []string{streams.DealingInbox}},
		{"intake-operator", streams.IngestOperator, admitOperation, []string{streams.DealingInbox, streams.PotInbox}},
	}
}

// Processes declares one process per ingest topic. The key is the secret under which the salts of Merkle leaves are
// made; it must stay the same, or an instruction that is sent again gets another salt.
func Processes(key []byte) []streams.Process {
	var processes []streams.Process
	for _, d := range doors() {
		inboxTopic := streams.TopicNamed(d.topic)
		p := streams.Process{
			Name: d.name, Inbox: inboxTopic, Table: streams.Changelog(d.name, inboxTopic.Width, ""), TagsVersion: "1", Rules: Rules, ReadsAnything: true,
			NewHandler: func(framing streams.Framing) streams.Handler { return &handler{framing, d.name, key, d.admit} },
		}
		for _, name := range append(d.outputs, streams.AuditRejection) {
			p.Outputs = append(p.Outputs, streams.TopicNamed(name))
		}
		processes = append(processes, p)
	}
	return processes
}

// handler drives one door. It has no states: each record is decided by itself.
type handler struct {
	framing streams.Framing
	name    string
	key     []byte
	admit   admit
}

func (h *handler) Restore([]byte, []byte) error { return nil }

func (h *handler) Route(record *streams.Record) (streams.Route, error) {
	return streams.Route{ReceivedAt: record.Timestamp, Record: record}, nil
}

func (h *handler) Decide(scope *streams.Scope, route *streams.Route, _ string, _ []byte) (streams.Change, error) {
	a := &admission{h.name, h.key, route.Record, scope.RecordedAt}
	records, why := h.pass(a)
	if why.code != "" {
		records = h.write(a.reject(why, sender{}))
	}
	for _, r := range records {
		scope.Emit(r.topic, r.key, r.value)
	}
	return streams.Change{}, nil
}

// written is an output as it goes to its topic.
type written struct {
	topic, key string
	value      []byte
}

// pass decides a record. Here there is no key that could be parked, and no record may hold up all those behind it: where the rules fail on one, it is
// refused, as something that only we can mend. The reason says where they failed and nothing of what was sent.
func (h *handler) pass(a *admission) (records []written, why refusal) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		reason := "the rules failed on it; tell the operators"
		if err, ok := fault.(runtime.Error); ok {
			reason += ": " + err.Error()
		}
		records, why = nil, refusal{codeNotDecidable, reason}
	}()
	return h.write(h.admit(a)), refusal{}
}

func (h *handler) write(outs []streams.Out) []written {
	records := make([]written, len(outs))
	for i := range outs {
		out := &outs[i]
		records[i] = written{out.Topic, out.Key, out.Value.AppendAvro(h.framing.Frame(out.Topic, nil))}
	}
	return records
}

func (h *handler) Close(*streams.Scope, *streams.Route) ([]byte, error) { return nil, nil }
func (h *handler) Dropped(*streams.Scope, *streams.Route, []byte) error { return nil }
func (h *handler) Tally() []byte                                        { return nil }
func (h *handler) Tags([]byte) ([]string, error)                        { return nil, nil }
