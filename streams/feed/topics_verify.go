package feed

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

// applyCommand is what mends the differences that can be mended in place.
const applyCommand = "penstock topics apply --execute"

// transactionVersionMin is the first transaction protocol in which a delayed request of a former owner cannot reach into a
// later transaction.
const transactionVersionMin = 2

// Difference is one thing that is not as declared.
type Difference struct {
	// Topic is the topic concerned, empty for the cluster.
	Topic string
	// Setting names what differs, Have and Want are its values.
	Setting, Have, Want string
	// Fix is the command that mends it, or what to do where no command may.
	Fix string
}

func (d Difference) String() string {
	place := "cluster"
	if d.Topic != "" {
		place = "topic " + d.Topic
	}
	return fmt.Sprintf("%s: %s is %s, must be %s; %s", place, d.Setting, d.Have, d.Want, d.Fix)
}

// Plan compares the cluster with the declared topics. It changes nothing.
func (t *Topics) Plan(ctx context.Context, topics []streams.Topic) (Plan, error) {
	if err := t.layout.Validate(topics); err != nil {
		return Plan{}, err
	}
	return t.compare(ctx, topics)
}

func (t *Topics) compare(ctx context.Context, topics []streams.Topic) (Plan, error) {
	plan := Plan{declared: topics}
	refused, err := t.transactionVersion(ctx)
	if err != nil {
		return Plan{}, fmt.Errorf("asking the brokers for their features: %w", err)
	}
	plan.Refuse = append(plan.Refuse, refused...)
	existing, err := t.existing(ctx, topics, &plan)
	if err != nil || len(existing) == 0 {
		return plan, err
	}
	return plan, t.compareSettings(ctx, existing, &plan)
}

// Verify returns the differences between the cluster and the declared topics; none means that it is safe to start.
func (t *Topics) Verify(ctx context.Context, topics []streams.Topic) ([]Difference, error) {
	plan, err := t.Plan(ctx, topics)
	return plan.Differences(), err
}

// existing returns the declared topics that the cluster has, having put the others and wrong shapes into the plan.
func (t *Topics) existing(ctx context.Context, topics []streams.Topic, plan *Plan) ([]streams.Topic, error) {
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = topic.Name
	}
	details, err := describe(ctx, t.client, names...)
	if err != nil {
		return nil, err
	}
	var existing []streams.Topic
	for _, topic := range topics {
		detail, ok := details[topic.Name]
		if !ok {
			plan.Create = append(plan.Create, topic)
			continue
		}
		existing = append(existing, topic)
		plan.Refuse = append(plan.Refuse, t.compareShape(topic, detail.Partitions)...)
		plan.leaderless = plan.leaderless || slices.ContainsFunc(detail.Partitions, hasNoLeader)
	}
	return existing, nil
}

func hasNoLeader(partition kmsg.MetadataResponseTopicPartition) bool { return partition.Leader < 0 }

func (t *Topics) compareShape(topic streams.Topic, partitions []kmsg.MetadataResponseTopicPartition) []Difference {
	var refused []Difference
	if want := topic.Width.Partitions(t.layout.Shards); len(partitions) != int(want) {
		refused = append(refused, Difference{
			Topic: topic.Name, Setting: settingPartitions, Have: strconv.Itoa(len(partitions)), Want: strconv.Itoa(int(want)),
			Fix: "start with the number of shards that the topics were created with (--shards or PENSTOCK_SHARDS); partition counts never change in " +
				"place, another number needs new versions of the topics and a migration",
		})
	}
	if t.floor {
		return refused
	}
	have := int(t.layout.Replication)
	for _, partition := range partitions {
		have = min(have, len(partition.Replicas))
	}
	if have != int(t.layout.Replication) {
		refused = append(refused, Difference{
			Topic: topic.Name, Setting: settingReplication, Have: strconv.Itoa(have), Want: strconv.Itoa(int(t.layout.Replication)),
			Fix: fmt.Sprintf("run kafka-reassign-partitions.sh --bootstrap-server %s --execute with a plan for this topic", t.address),
		})
	}
	return refused
}

func (t *Topics) compareSettings(ctx context.Context, topics []streams.Topic, plan *Plan) error {
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = topic.Name
	}
	described, err := t.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		return fmt.Errorf("describing the settings of topics: %w", err)
	}
	have := make(map[string]map[string]string, len(described))
	for _, topic := range described {
		if topic.Err != nil {
			return fmt.Errorf("describing the settings of topic %s: %w", topic.Name, topic.Err)
		}
		have[topic.Name] = make(map[string]string, len(topic.Configs))
		for _, config := range topic.Configs {
			have[topic.Name][config.Key] = config.MaybeValue()
		}
	}
	for _, topic := range topics {
		for _, want := range t.layout.Settings(topic) {
			value, reported := have[topic.Name][want.Name]
			if t.floor && (!reported || !slices.Contains(floorSettings(), want.Name)) {
				continue
			}
			if value != want.Value {
				plan.Change = append(plan.Change, t.settingDifference(topic.Name, value, want))
			}
		}
	}
	return nil
}

func (t *Topics) settingDifference(topic, have string, want Setting) Difference {
	if have == "" {
		have = "not set"
	}
	return Difference{
		Topic: topic, Setting: want.Name, Have: have, Want: want.Value,
		Fix: fmt.Sprintf("run %s (or kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=%s)",
			applyCommand, t.address, topic, want.Name, want.Value),
	}
}

// transactionVersion refuses brokers whose transactions a delayed request can tear.
func (t *Topics) transactionVersion(ctx context.Context) ([]Difference, error) {
	brokers, err := t.admin.ApiVersions(ctx)
	if err != nil {
		return nil, err
	}
	var refused []Difference
	for _, broker := range brokers.Sorted() {
		if broker.Err != nil {
			return nil, fmt.Errorf("broker %d: %w", broker.NodeID, broker.Err)
		}
		have := int16(0)
		for _, feature := range broker.Raw().FinalizedFeatures {
			if feature.Name == settingTransactions {
				have = feature.MaxVersionLevel
			}
		}
		if have < transactionVersionMin {
			refused = append(refused, Difference{
				Setting: fmt.Sprintf("%s of broker %d", settingTransactions, broker.NodeID),
				Have:    strconv.Itoa(int(have)), Want: strconv.Itoa(transactionVersionMin) + " or more",
				Fix: fmt.Sprintf("run kafka-features.sh --bootstrap-server %s upgrade --feature %s=%d (brokers from Apache Kafka 4.0)",
					t.address, settingTransactions, transactionVersionMin),
			})
		}
	}
	return refused, nil
}
