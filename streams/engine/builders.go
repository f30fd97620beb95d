package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// What stands in for goka's own input and output. No Sarama client runs; only its interfaces are filled.

// session is the one session of a shard's life.
type session struct {
	ctx   context.Context
	topic string
	shard int32
	marks *countdown
}

func (s *session) Claims() map[string][]int32                  { return map[string][]int32{s.topic: {s.shard}} }
func (s *session) MemberID() string                            { return "" }
func (s *session) GenerationID() int32                         { return 1 }
func (s *session) MarkOffset(string, int32, int64, string)     { s.marks.done() }
func (s *session) Commit()                                     {}
func (s *session) ResetOffset(string, int32, int64, string)    {}
func (s *session) MarkMessage(*sarama.ConsumerMessage, string) { s.marks.done() }
func (s *session) Context() context.Context                    { return s.ctx }

// claim is its one claim.
type claim struct {
	*session
	messages chan *sarama.ConsumerMessage
}

func (c *claim) Topic() string                            { return c.topic }
func (c *claim) Partition() int32                         { return c.shard }
func (c *claim) InitialOffset() int64                     { return 0 }
func (c *claim) HighWaterMarkOffset() int64               { return 0 }
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }

// producer writes outputs and the changelog. The attempt keeps the first error, and only a clean flush is committed.
type producer struct {
	*workspace
	// onAck is what the client calls for every record, records are some that are still to be filled, and keys has room for theirs. Made anew for each record,
	// they would be three objects more for the garbage collector.
	onAck   func(*kgo.Record, error)
	records []kgo.Record
	keys    []byte
}

// How many records, and how many bytes of keys, a producer makes at a time. All of them are kept until the last is
// made and acknowledged.
const (
	producedMax      = 64
	producedKeyBytes = 2 << 10
)

func newProducer(w *workspace) producer {
	p := producer{workspace: w, keys: []byte{}}
	p.onAck = p.acked
	return p
}

func (p *producer) produce(topic string, partition int32, key string, value []byte) {
	if p.ctx.Err() != nil {
		return // after a doubt nothing more may be produced
	}
	p.written.Add(int64(len(key) + len(value)))
	if len(p.records) == 0 {
		p.records = make([]kgo.Record, producedMax)
	}
	r := &p.records[0]
	p.records = p.records[1:]
	r.Topic, r.Partition, r.Key, r.Value = topic, partition, p.keyBytes(key), value
	p.client.Produce(p.ctx, r, p.onAck)
}

// keyBytes copies a key.
func (p *producer) keyBytes(key string) []byte {
	if len(p.keys)+len(key) > cap(p.keys) {
		p.keys = make([]byte, 0, max(producedKeyBytes, len(key)))
	}
	begin := len(p.keys)
	p.keys = append(p.keys, key...)
	return p.keys[begin:len(p.keys):len(p.keys)]
}

func (p *producer) acked(record *kgo.Record, err error) {
	if err != nil {
		p.fail(produceError(record.Topic, err))
	}
}

// errNotAsked says that goka did itself what a record's context does.
var errNotAsked = errors.New("states and outputs are those of a record, not of goka's message")

// noProducer is never asked: outputs leave through the record's context.
type noProducer struct{}

func (noProducer) Emit(string, string, []byte) *goka.Promise {
	_, finish := goka.NewPromiseWithFinisher()
	return finish(nil, errNotAsked)
}

func (p noProducer) EmitWithHeaders(topic, key string, value []byte, _ goka.Headers) *goka.Promise {
	return p.Emit(topic, key, value)
}

func (noProducer) Close() error { return nil }

// noStorage is goka's view of the group's table. It was restored before goka began, so there is nothing to recover, and nobody reads or writes it: states are
// had through the record's context.
type noStorage struct{}

func (noStorage) Get(string) ([]byte, error)          { return nil, errNotAsked }
func (noStorage) Set(string, []byte) error            { return errNotAsked }
func (noStorage) Delete(string) error                 { return errNotAsked }
func (noStorage) Has(string) (bool, error)            { return false, errNotAsked }
func (noStorage) Open() error                         { return nil }
func (noStorage) Close() error                        { return nil }
func (noStorage) GetOffset(def int64) (int64, error)  { return def, nil }
func (noStorage) SetOffset(int64) error               { return nil }
func (noStorage) MarkRecovered() error                { return nil }
func (noStorage) Iterator() (storage.Iterator, error) { return nil, errNotAsked }
func (noStorage) IteratorWithRange(_, _ []byte) (storage.Iterator, error) {
	return nil, errNotAsked
}

// topicManager answers goka that every topic is there and every table is recovered; the engine has seen to both.
type topicManager struct{ shards int32 }

func (topicManager) EnsureTableExists(string, int) error                         { return nil }
func (topicManager) EnsureStreamExists(string, int) error                        { return nil }
func (topicManager) EnsureTopicExists(string, int, int, map[string]string) error { return nil }
func (topicManager) GetOffset(string, int32, int64) (int64, error)               { return 0, nil }
func (topicManager) Close() error                                                { return nil }
func (m topicManager) Partitions(string) ([]int32, error) {
	partitions := make([]int32, m.shards)
	for i := range partitions {
		partitions[i] = int32(i)
	}
	return partitions, nil
}

// noConsumer is never asked for anything: goka consumes tables only to recover them.
type noConsumer struct{}

func (noConsumer) Topics() ([]string, error)                  { return nil, nil }
func (noConsumer) Partitions(string) ([]int32, error)         { return nil, nil }
func (noConsumer) HighWaterMarks() map[string]map[int32]int64 { return nil }
func (noConsumer) Close() error                               { return nil }
func (noConsumer) Pause(map[string][]int32)                   {}
func (noConsumer) Resume(map[string][]int32)                  {}
func (noConsumer) PauseAll()                                  {}
func (noConsumer) ResumeAll()                                 {}
func (noConsumer) ConsumePartition(string, int32, int64) (sarama.PartitionConsumer, error) {
	return nil, errors.New("goka has nothing to consume here")
}

// murmur2 gives goka the one mapping of keys to partitions.
type murmur2 struct{ key []byte }

func (h *murmur2) Write(b []byte) (int, error) { h.key = append(h.key, b...); return len(b), nil }
func (h *murmur2) Sum(b []byte) []byte         { return b }
func (h *murmur2) Reset()                      { h.key = h.key[:0] }
func (h *murmur2) Size() int                   { return 4 }
func (h *murmur2) BlockSize() int              { return 4 }
func (h *murmur2) Sum32() uint32               { return streams.Hash(h.key) }

// gokaLogger passes goka's lines on as details: what matters of them comes back as errors.
type gokaLogger struct{ log *slog.Logger }

func (l gokaLogger) Print(args ...any)                 { l.log.Debug(fmt.Sprint(args...)) }
func (l gokaLogger) Println(args ...any)               { l.log.Debug(fmt.Sprint(args...)) }
func (l gokaLogger) Printf(format string, args ...any) { l.log.Debug(fmt.Sprintf(format, args...)) }
