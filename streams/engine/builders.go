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

// producer stands in for goka's: promises resolve at once, the attempt keeps the first error, and only a clean flush is committed.
type producer struct {
	*workspace
	// resolved is the one promise that every emit is answered with, and onAck what the client calls for every record. Made anew each
	// time, the two would be four objects per record for the garbage collector.
	resolved *goka.Promise
	onAck    func(*kgo.Record, error)
	// records are some that are still to be filled, and keys has room for theirs: made a handful at a time, for the same reason.
	records []kgo.Record
	keys    []byte
}

// How many records, and how many bytes of keys, a producer makes at a time. All of a handful is kept until the last of it is acknowledged.
const (
	producedMax      = 64
	producedKeyBytes = 2 << 10
)

func newProducer(w *workspace) producer {
	p := producer{workspace: w}
	promise, finish := goka.NewPromiseWithFinisher()
	finish(nil, nil)
	p.resolved, p.onAck, p.keys = promise, p.acked, []byte{}
	return p
}

func (p *producer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

func (p *producer) EmitWithHeaders(topic, key string, value []byte, _ goka.Headers) *goka.Promise {
	// The changelog is written once per changed key, at the end of the transaction.
	if topic != p.process.Table.Name {
		p.produce(topic, streams.PartitionOf(key, p.engine.partitions[topic]), key, value)
	}
	return p.resolved
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

func (p *producer) Close() error { return nil }

// overlayStorage is the group table that goka sees: the overlay before what was committed, of which the latest is in memory and all in the store. It was restored before goka began, so there is nothing to recover.
type overlayStorage struct {
	*workspace
	scratch []byte
}

func (s *overlayStorage) Get(key string) ([]byte, error) {
	if state, changed := s.overlay.get(key); changed {
		return state, nil
	}
	if state, held := s.recent.get(key); held {
		return state, nil
	}
	state, err := s.store.state(&s.scratch, key)
	if err != nil {
		// goka lets the callback run on with a nil state when it is shutting down; the attempt must not.
		s.fail(err)
	}
	return state, err
}

func (s *overlayStorage) Set(key string, value []byte) error {
	s.overlay.set(key, value)
	s.written.Add(int64(len(key) + len(value)))
	return nil
}

func (s *overlayStorage) Delete(key string) error {
	s.overlay.set(key, nil)
	return nil
}

func (s *overlayStorage) Has(key string) (bool, error) {
	state, err := s.Get(key)
	return state != nil, err
}

var errNoIteration = errors.New("states are walked by a sweep, not by goka")

func (s *overlayStorage) Open() error                         { return nil }
func (s *overlayStorage) Close() error                        { return nil }
func (s *overlayStorage) GetOffset(def int64) (int64, error)  { return def, nil }
func (s *overlayStorage) SetOffset(int64) error               { return nil }
func (s *overlayStorage) MarkRecovered() error                { return nil }
func (s *overlayStorage) Iterator() (storage.Iterator, error) { return nil, errNoIteration }
func (s *overlayStorage) IteratorWithRange(_, _ []byte) (storage.Iterator, error) {
	return nil, errNoIteration
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
