package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describe asks the brokers for the topics' partitions and leaders. It does not use the client's memory, which may say
// for seconds that a topic just created is not there. A topic that does not exist is absent from the answer.
func describe(ctx context.Context, client *kgo.Client, topics ...string) (map[string]kmsg.MetadataResponseTopic, error) {
	_, found, err := describeCluster(ctx, client, topics...)
	return found, err
}

// describeCluster is describe, and says which cluster answered.
func describeCluster(ctx context.Context, client *kgo.Client, topics ...string) (cluster string, found map[string]kmsg.MetadataResponseTopic, err error) {
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	// An empty list, unlike a missing one, asks for no topic at all.
	request.Topics = make([]kmsg.MetadataRequestTopic, 0, len(topics))
	for _, topic := range topics {
		wanted := kmsg.NewMetadataRequestTopic()
		wanted.Topic = &topic
		request.Topics = append(request.Topics, wanted)
	}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return "", nil, fmt.Errorf("asking for the partitions of topics: %w", err)
	}
	if answer.ClusterID != nil {
		cluster = *answer.ClusterID
	}
	found = make(map[string]kmsg.MetadataResponseTopic, len(answer.Topics))
	for _, topic := range answer.Topics {
		err := kerr.ErrorForCode(topic.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			continue
		}
		if err != nil {
			return "", nil, fmt.Errorf("asking for the partitions of topic %s: %w", *topic.Topic, err)
		}
		found[*topic.Topic] = topic
	}
	return cluster, found, nil
}

// missingTopic is the error for a topic that does not exist.
func missingTopic(topic string) error {
	return fmt.Errorf("topic %s does not exist; run: %s", topic, applyCommand)
}
