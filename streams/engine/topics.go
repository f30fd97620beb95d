package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/streams"
)

// deletionsKept is how long a broker keeps tombstones unless a topic says otherwise.
const deletionsKept = 24 * time.Hour

const topicsApply = "run `penstock topics apply --execute`"

// checkTopics refuses topics that are missing or have another number of partitions than we count on: keys would go elsewhere.
func (e *Engine) checkTopics(ctx context.Context, admin *kadm.Client) error {
	declared := map[string]streams.Topic{}
	for _, p := range e.config.Processes {
		for _, t := range append([]streams.Topic{p.Inbox, p.Table}, p.Outputs...) {
			declared[t.Name] = t
		}
		if p.ParkedTo.Name != "" {
			declared[p.ParkedTo.Name] = p.ParkedTo
		}
	}
	names := make([]string, 0, len(declared))
	for name := range declared {
		names = append(names, name)
	}
	details, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return fmt.Errorf("listing the topics: %w", err)
	}
	for name, topic := range declared {
		want, detail := topic.Width.Partitions(e.config.Shards), details[name]
		if !details.Has(name) {
			return stopf("the topic %s is missing: %s", name, topicsApply)
		}
		if detail.Err != nil {
			return fmt.Errorf("asking about the topic %s: %w", name, detail.Err)
		}
		if have := int32(len(detail.Partitions)); have != want { //nolint:gosec // partitions are few
			return stopf("the topic %s has %d partitions, but %d shards need %d; the number was chosen when the topics were created: "+
				"set the shards to it, or migrate to a new version of the topic (%s creates it)", name, have, e.config.Shards, want, topicsApply)
		}
		e.partitions[name] = want
	}
	return e.readRetention(ctx, admin)
}

// readRetention learns how long the changelogs keep tombstones: an older store may have missed one.
func (e *Engine) readRetention(ctx context.Context, admin *kadm.Client) error {
	tables := make([]string, 0, len(e.config.Processes))
	for _, p := range e.config.Processes {
		tables = append(tables, p.Table.Name)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, tables...)
	if err != nil {
		return fmt.Errorf("reading the settings of the changelogs: %w", err)
	}
	for _, table := range tables {
		e.retention[table] = deletionsKept
	}
	for _, c := range configs {
		if c.Err != nil {
			return fmt.Errorf("reading the settings of %s: %w", c.Name, c.Err)
		}
		settings := map[string]string{}
		for _, setting := range c.Configs {
			settings[setting.Key] = setting.MaybeValue()
		}
		if policy := settings["cleanup.policy"]; policy != "compact" {
			return stopf("the changelog %s has the cleanup policy %q, which would lose states; it must be compact: %s", c.Name, policy, topicsApply)
		}
		if ms, err := strconv.ParseInt(settings["delete.retention.ms"], 10, 64); err == nil {
			e.retention[c.Name] = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}

// transactionVersionMin is the protocol since which a delayed request of one transaction cannot end up in the next (KIP-890).
const transactionVersionMin = 2

// checkTransactions refuses a broker with the older transaction protocol, under which a delayed request can lose or tear a transaction.
func checkTransactions(ctx context.Context, client *kgo.Client) error {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "penstock", "1"
	response, err := request.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(response.ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("asking the broker for its features: %w", err)
	}
	version := int16(0)
	for _, feature := range response.FinalizedFeatures {
		if feature.Name == "transaction.version" {
			version = feature.MaxVersionLevel
		}
	}
	if version < transactionVersionMin {
		return stopf("the broker runs transaction.version %d, under which a delayed request can tear a transaction; version %d is needed: "+
			"run `kafka-features.sh --bootstrap-server BROKER upgrade --feature transaction.version=%d`", version, transactionVersionMin, transactionVersionMin)
	}
	return nil
}

// refused says that asking again would be answered the same.
func refused(err error) bool {
	var answer *kerr.Error
	return isStop(err) || errors.As(err, &answer) && !answer.Retriable
}
