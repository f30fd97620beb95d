package feed

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Offsets that stand for a place in the log instead of a record.
const (
	// OffsetOldest begins at the oldest record that is there.
	OffsetOldest int64 = -2
	// OffsetNewest begins after the newest record.
	OffsetNewest int64 = -1
)

const readCommitted = 1

// stableOffsets returns the last stable offset of every partition of the topics: all records below it are decided,
// committed or aborted. Right after one's own commit it may trail for a moment, for brokers write the markers after they answer.
func stableOffsets(ctx context.Context, client *kgo.Client, topics ...string) (map[Place]int64, error) {
	return listOffsets(ctx, client, OffsetNewest, topics...)
}

func listOffsets(ctx context.Context, client *kgo.Client, which int64, topics ...string) (map[Place]int64, error) {
	described, err := describe(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.IsolationLevel = readCommitted
	for _, topic := range topics {
		detail, ok := described[topic]
		if !ok {
			return nil, missingTopic(topic)
		}
		wanted := kmsg.NewListOffsetsRequestTopic()
		wanted.Topic = topic
		for _, partition := range detail.Partitions {
			one := kmsg.NewListOffsetsRequestTopicPartition()
			one.Partition, one.Timestamp = partition.Partition, which
			wanted.Partitions = append(wanted.Partitions, one)
		}
		request.Topics = append(request.Topics, wanted)
	}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("asking for the ends of topics: %w", err)
	}
	return offsetsIn(answer)
}

func offsetsIn(answer *kmsg.ListOffsetsResponse) (map[Place]int64, error) {
	offsets := make(map[Place]int64)
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			place := Place{topic.Topic, partition.Partition}
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return nil, fmt.Errorf("asking for the end of %s: %w", place, err)
			}
			offsets[place] = partition.Offset
		}
	}
	return offsets, nil
}
