package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// deletionsKept is how long a broker keeps tombstones unless a topic says otherwise.
const deletionsKept = 24 * time.Hour

// checkTopics refuses a broker and topics on which no shard may run, and remembers what the shards need to know of them.
func (e *Engine) checkTopics(ctx context.Context, client *kgo.Client) error {
	declared := map[string]streams.Topic{}
	for _, p := range e.config.Processes {
		for _, t := range append([]streams.Topic{p.Inbox, p.Table}, p.Outputs...) {
			declared[t.Name] = t
		}
		if p.ParkedTo.Name != "" {
			declared[p.ParkedTo.Name] = p.ParkedTo
		}
	}
	topics := slices.SortedFunc(maps.Values(declared), func(a, b streams.Topic) int { return strings.Compare(a.Name, b.Name) })
	differences, err := feed.Unsafe(ctx, client, e.config.Shards, topics)
	if err != nil {
		return fmt.Errorf("checking the topics: %w", err)
	}
	if err := feed.Refusal(differences); err != nil {
		return stop(err)
	}
	for name, topic := range declared {
		e.partitions[name] = topic.Width.Partitions(e.config.Shards)
	}
	return e.readRetention(ctx, kadm.NewClient(client))
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
		for _, setting := range c.Configs {
			if ms, err := strconv.ParseInt(setting.MaybeValue(), 10, 64); err == nil && setting.Key == "delete.retention.ms" {
				e.retention[c.Name] = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return nil
}

// refused says that asking again would be answered the same.
func refused(err error) bool {
	var answer *kerr.Error
	return isStop(err) || errors.As(err, &answer) && !answer.Retriable
}
