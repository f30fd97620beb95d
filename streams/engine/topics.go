package engine

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

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
