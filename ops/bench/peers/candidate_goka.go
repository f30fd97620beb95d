package main

import (
	"context"
	"fmt"
	"hash"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"

	"github.com/penstock-ledger/penstock/streams"
)

// runGoka runs the topology on goka as shipped: its own Sarama clients, its own storage, its own recovery. Its settings are
// its defaults, but for those that the comparison needs: all replicas acknowledge, the oldest record comes first,
// and keys go where everybody else's go. The states are in memory, which is the faster of its two storages here, unless the job wants the one
// on disk.
func runGoka(ctx context.Context, j job) error {
	states := storage.MemoryBuilder()
	if j.OnDisk {
		states = storage.DefaultBuilder(j.Dir)
	}
	config := goka.DefaultConfig()
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	topics := goka.NewTopicManagerConfig()
	topics.Table.Replication, topics.Stream.Replication = 1, 1

	output := goka.Stream(j.Output)
	graph := goka.DefineGroup(goka.Group(j.Name),
		goka.Input(goka.Stream(j.Input), new(codec.Bytes), func(ctx goka.Context, message any) {
			value, _ := message.([]byte)
			state, _ := ctx.Value().([]byte)
			ctx.SetValue(increment(state))
			ctx.Emit(output, ctx.Key(), value)
		}),
		goka.Output(output, new(codec.Bytes)),
		goka.Persist(new(codec.Bytes)),
	)
	processor, err := goka.NewProcessor([]string{j.Broker}, graph,
		goka.WithHasher(func() hash.Hash32 { return &murmur2{} }),
		goka.WithStorageBuilder(states),
		goka.WithTopicManagerBuilder(goka.TopicManagerBuilderWithConfig(config, topics)),
		goka.WithConsumerGroupBuilder(goka.ConsumerGroupBuilderWithConfig(config)),
		goka.WithConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(config)),
		goka.WithProducerBuilder(goka.ProducerBuilderWithConfig(config)),
		goka.WithLogger(silent{}),
	)
	if err != nil {
		return fmt.Errorf("making the processor: %w", err)
	}
	return processor.Run(ctx)
}

// murmur2 is Kafka's mapping of keys to partitions. Without it goka would write the changelog of a key to another partition than that of its input.
type murmur2 struct{ key []byte }

func (h *murmur2) Write(b []byte) (int, error) { h.key = append(h.key, b...); return len(b), nil }
func (h *murmur2) Sum(b []byte) []byte         { return b }
func (h *murmur2) Reset()                      { h.key = h.key[:0] }
func (h *murmur2) Size() int                   { return 4 }
func (h *murmur2) BlockSize() int              { return 4 }
func (h *murmur2) Sum32() uint32               { return streams.Hash(h.key) }

// silent drops goka's log: it speaks of every partition, and what goes wrong ends Run.
type silent struct{}

func (silent) Print(...any)          {}
func (silent) Println(...any)        {}
func (silent) Printf(string, ...any) {}
