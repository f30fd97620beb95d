package engine

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

// held is a handler whose decision of one record waits.
type held struct {
	streams.Handler
	text string
	met  *atomic.Bool
	wait <-chan struct{}
}

func (h *held) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	if text, _ := route.Message.(string); text == h.text {
		h.met.Store(true)
		<-h.wait
	}
	return h.Handler.Decide(scope, route, key, state)
}

// holding makes the sample process wait, in deciding the given text, until the channel is closed. It returns what becomes true when it does.
func holding(process *streams.Process, text string, wait <-chan struct{}) (met *atomic.Bool) {
	handler, met := process.NewHandler, new(atomic.Bool)
	process.NewHandler = func(framing streams.Framing) streams.Handler { return &held{handler(framing), text, met, wait} }
	return met
}

// forgetful makes the broker refuse one write of a transaction of which another part is written already, in the words in which it says that it aborted the
// transaction, and that the log was since trimmed beyond what this client wrote to it.
type forgetful struct {
	topic   [16]byte
	written chan struct{}
	first   sync.Once
	refused atomic.Int64
}

// control returns the answer, or nil where the broker is to give its own.
func (r *forgetful) control(request kmsg.Request) kmsg.Response {
	produce, _ := request.(*kmsg.ProduceRequest)
	holds := false
	for i := range produce.Topics {
		holds = holds || produce.Topics[i].TopicID == r.topic
	}
	if !holds {
		return nil
	}
	select {
	case <-r.written:
	default:
		r.first.Do(func() { close(r.written) })
		return nil
	}
	if r.refused.Add(1) > 1 {
		return nil
	}
	response, _ := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range produce.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.TopicID = topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.LogStartOffset = partition.Partition, kerr.InvalidProducerEpoch.Code, math.MaxInt32
			refused.Partitions = append(refused.Partitions, p)
		}
		response.Topics = append(response.Topics, refused)
	}
	return response
}

// A client that finds its transaction aborted may begin another one by itself and go on with it, without an error to anybody. What it then commits is half a
// transaction.
func TestATransactionThatTheClientBeganAnewIsNotCommitted(t *testing.T) {
	requireFake(t)
	refusal := &forgetful{written: make(chan struct{})}
	process := sampleProcess()
	holding(&process, "add 2", refusal.written)
	f := newFixtureOf(t, process, 1)
	cluster := f.fake()
	topics, err := kadm.NewClient(f.client).ListTopics(context.Background(), sampleOut)
	must(t, err)
	refusal.topic = topics[sampleOut].ID
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := refusal.control(request)
		return response, nil, response != nil
	})
	f.send("key", "add 1", "add 2", "add 3")
	i := f.start()
	f.caughtUp(i)
	f.checkStores(i)
	aborts := i.aborts()
	i.stop()
	if refusal.refused.Load() == 0 {
		t.Error("no write was refused")
	}
	f.check()
	if aborts == 0 {
		t.Error("the life went on with half a transaction")
	}
}
