package feed

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Identity says which cluster answers and which topics bear the names asked for. Offsets mean something only together with it: a topic that
// was deleted and made again has the former one's name and none of its records.
type Identity struct {
	Cluster string
	// Topics are the ids by name, written as Kafka's own tools do.
	Topics map[string]string
}

// Identify asks the brokers who they are. A topic that does not exist is an error.
func Identify(ctx context.Context, connection Connection, topics ...string) (Identity, error) {
	opts, err := connection.Opts()
	if err != nil {
		return Identity{}, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return Identity{}, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	cluster, found, err := describeCluster(ctx, client, topics...)
	if err != nil {
		return Identity{}, err
	}
	identity := Identity{Cluster: cluster, Topics: make(map[string]string, len(topics))}
	for _, topic := range topics {
		detail, ok := found[topic]
		if !ok {
			return Identity{}, missingTopic(topic)
		}
		identity.Topics[topic] = base64.RawURLEncoding.EncodeToString(detail.TopicID[:])
	}
	return identity, nil
}
