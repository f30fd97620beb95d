package processors_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/streams"
)

// momentsMax bounds the moments of one kind of message that are kept, over all scenarios.
const momentsMax = 12

// moment is a message of an inbox, and the kernel as it was just before.
type moment struct {
	before *kernel
	topic  string
	value  []byte
}

// moments plays all scenarios, and returns some moments of each kind of message: first of a kind is what comes first in a file.
func moments(t testing.TB) []moment {
	t.Helper()
	var kept []moment
	count := make(map[string]int)
	for _, file := range stories(t) {
		k := newKernel(t)
		met := make(map[string]bool)
		k.meet = func(topic, kind string, value []byte) {
			if kind = topic + kind; !met[kind] && count[kind] < momentsMax {
				met[kind] = true
				count[kind]++
				kept = append(kept, moment{k.copied(t), topic, value})
			}
		}
		for _, record := range story(t, file, func(string) {}) {
			k.tell(record)
		}
	}
	return kept
}

// ownWords says that rules refused to go on with a message that breaks what processes promise each other. The engine sets such a message aside.
func ownWords(reason any) bool {
	text, ok := reason.(string)
	if !ok {
		return false
	}
	for _, begins := range []string{"pot: ", "dealing: ", "rebalance: "} {
		if strings.HasPrefix(text, begins) {
			return true
		}
	}
	return strings.Contains(text, " may not go from ")
}

// decides has a shard decide a message that may be anything, and reports rules that fail in other than their own words, or that leave something changed then.
func decides[M, S, R, V, T any, PM interface {
	*M
	AppendAvro([]byte) []byte
	DecodeAvro(*avrobin.Reader)
}, PS interface {
	*S
	AppendAvro([]byte) []byte
	DecodeAvro(*avrobin.Reader)
}, PR interface {
	*R
	AppendAvro([]byte) []byte
	DecodeAvro(*avrobin.Reader)
}, PT interface {
	*T
	AppendAvro([]byte) []byte
	DecodeAvro(*avrobin.Reader)
}](r scenario.Reporter, shard *scenario.Shard[M, S, R, V, T, PM, PS, PR, PT], message *M, body any, again func([]streams.Out)) {
	r.Helper()
	before, told := shard.Written(), PM(message).AppendAvro(nil)
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if !ownWords(reason) {
			panic(reason)
		}
		if !bytes.Equal(before, shard.Written()) || !bytes.Equal(told, PM(message).AppendAvro(nil)) {
			r.Errorf("%T is refused (%v), and leaves something changed", body, reason)
		}
	}()
	shard.Prove(r, message)
	shard.Keeps(r)
	if fromOutside(body) {
		again(shard.Again(named{r, fmt.Sprintf("%T %+v", body, body)}, message))
	}
}

// fromOutside says that a message may come again: what processes tell each other comes once.
func fromOutside(body any) bool {
	switch reflect.TypeOf(body).Elem().Name() {
	case "Instructed", "BankConfirmed", "PotOperated", "Reached", "PriceReceived", "Confirmed", "ReferenceReceived", "Operated":
		return true
	}
	return false
}

// FuzzAnyMessageOfAnInboxIsDecided changes bytes of messages, and the moment at which they come. Only processes write to inboxes, and what they promise each
// other a changed message may break: then the rules refuse it in their own words, and nothing has changed. What can be read at all never makes them fail
// otherwise, is decided the same twice over, and leaves states that survive being written.
func FuzzAnyMessageOfAnInboxIsDecided(f *testing.F) {
	all := moments(f)
	for i := range all {
		f.Add(uint16(i), all[i].topic == streams.PotInbox, all[i].value)
	}
	f.Fuzz(func(t *testing.T, at uint16, pots bool, value []byte) {
		k := all[int(at)%len(all)].before.copied(t)
		k.meet = nil
		k.proven = make(map[string]int)
		reader := avrobin.NewReader(value)
		if pots {
			m := &inbox.PotMessage{}
			m.DecodeAvro(reader)
			if reader.Done() == nil && pot.Machine().Route(m).Unpark == nil {
				decides(k, k.pots, m, m.Body, func(outs []streams.Out) { k.moveNothing(m.Body, outs) })
			}
			return
		}
		m := &inbox.DealingMessage{}
		m.DecodeAvro(reader)
		if reader.Done() == nil && dealing.Machine(1).Route(m).Unpark == nil {
			decides(k, k.deals, m, m.Body, func(outs []streams.Out) { k.moveNothing(m.Body, outs) })
		}
	})
}
