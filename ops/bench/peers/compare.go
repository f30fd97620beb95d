package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/ops/bench"
	"github.com/penstock-ledger/penstock/ops/realkafka"
)

// config says what to compare.
type config struct {
	Candidates []string
	Records    int
	Rounds     int
	Profile    string
	// StreamsProperties are given to Kafka Streams, name=value each.
	StreamsProperties []string
	// GokaOnDisk has goka keep its states on disk.
	GokaOnDisk bool
	progress   io.Writer
}

func (c config) check() error {
	for _, name := range c.Candidates {
		if !slices.Contains(allCandidates(), name) {
			return fmt.Errorf("there is no candidate %q; there are %v", name, allCandidates())
		}
	}
	for _, property := range c.StreamsProperties {
		if !strings.Contains(property, "=") {
			return fmt.Errorf("the property %q is not of the form name=value", property)
		}
	}
	switch {
	case c.Records < partitions || c.Records > recordsMax:
		return fmt.Errorf("%d records; it must be from %d to %d", c.Records, partitions, recordsMax)
	case c.Rounds < 1 || c.Rounds > roundsMax:
		return fmt.Errorf("%d rounds; it must be from 1 to %d", c.Rounds, roundsMax)
	}
	return nil
}

// brokerHeapMB is what Kafka's own start script gives a broker.
const brokerHeapMB = 1024

// comparison is a benchmark under way.
type comparison struct {
	config config
	broker *realkafka.Broker
	admin  *kadm.Client
	report *report
}

// compare starts a broker and runs all rounds on it.
func compare(ctx context.Context, config config) (_ *report, err error) {
	c := &comparison{config: config, report: &report{Records: config.Records, Keys: keys, Partitions: partitions, Machine: bench.ThisMachine()}}
	if slices.Contains(config.Candidates, streamsName) {
		c.say("fetching what is needed")
		if _, _, err := realkafka.Jars(ctx, jarsName, pom); err != nil {
			return nil, err
		}
	}
	c.say("starting the broker")
	if c.broker, err = realkafka.Start(ctx, realkafka.Options{HeapMB: brokerHeapMB}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.broker.Stop()) }()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addr()))
	if err != nil {
		return nil, fmt.Errorf("making the client of the harness: %w", err)
	}
	defer client.Close()
	c.admin = kadm.NewClient(client)
	for round := range config.Rounds {
		if err := c.round(ctx, round); err != nil {
			return nil, fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	c.report.summarize(config.Candidates)
	return c.report, nil
}

func (c *comparison) say(format string, arguments ...any) {
	fmt.Fprintf(c.config.progress, format+"\n", arguments...)
}

// round produces an input and has every candidate work on it.
func (c *comparison) round(ctx context.Context, round int) error {
	input := fmt.Sprintf("input-%d", round)
	if err := c.createTopic(ctx, input, "delete"); err != nil {
		return err
	}
	if err := produceInput(ctx, c.broker.Addr(), input, c.config.Records); err != nil {
		return err
	}
	for _, candidate := range turn(c.config.Candidates, round) {
		run, err := c.run(ctx, candidate, input, round)
		if err != nil {
			return fmt.Errorf("%s: %w", candidate, err)
		}
		c.say("round %d %-8s %8.0f records/s", round+1, candidate, run.RecordsPerSecond)
		c.report.Runs = append(c.report.Runs, *run)
	}
	return c.deleteTopics(ctx, input)
}

// run measures one candidate once, in topics of its own, which are deleted afterwards.
func (c *comparison) run(ctx context.Context, candidate, input string, round int) (_ *run, err error) {
	dir, err := os.MkdirTemp("", "penstock-peers-")
	if err != nil {
		return nil, fmt.Errorf("making the candidate's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	j := newJob(candidate, c.broker.Addr(), input, dir, round)
	switch candidate {
	case engineName:
		j.Profile = c.config.Profile
	case gokaName:
		j.OnDisk = c.config.GokaOnDisk
	case streamsName:
		j.Properties = c.config.StreamsProperties
	}
	if err := errors.Join(c.createTopic(ctx, j.Output, "delete"), c.createTopic(ctx, j.Table, "compact")); err != nil {
		return nil, err
	}
	child, err := startChild(ctx, j)
	if err != nil {
		return nil, err
	}
	watched, err := c.watch(ctx, j, child)
	if err = errors.Join(err, child.stop()); err != nil {
		return nil, err
	}
	found, err := verify(ctx, j, c.config.Records)
	if err != nil {
		return nil, err
	}
	result, err := measured(watched, found, c.config.Records)
	if err != nil {
		return nil, err
	}
	result.Candidate, result.Round = candidate, round+1
	result.ProcessorMicros = child.processorSeconds() * 1e6 / float64(c.config.Records)
	return result, c.deleteTopics(ctx, j.Output, j.Table)
}

// topicTimeMax bounds creating or deleting topics, on a machine that is slow and busy.
const topicTimeMax = 5 * time.Minute

func (c *comparison) createTopic(ctx context.Context, name, cleanup string) error {
	ctx, cancel := context.WithTimeout(ctx, topicTimeMax)
	defer cancel()
	settings := map[string]*string{
		"cleanup.policy": &cleanup, "retention.ms": kadm.StringPtr(strconv.Itoa(-1)), "min.insync.replicas": kadm.StringPtr("1"),
		"unclean.leader.election.enable": kadm.StringPtr("false"),
	}
	if _, err := c.admin.CreateTopic(ctx, partitions, 1, settings, name); err != nil {
		return fmt.Errorf("creating the topic %s: %w", name, err)
	}
	return c.awaitTopic(ctx, name)
}

// awaitTopic waits until the broker tells everybody of a topic that it has just created, and leads all of it: goka, told of none, would create it again,
// and told by a partition that nobody leads it yet, would give up.
func (c *comparison) awaitTopic(ctx context.Context, name string) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		details, err := c.admin.ListTopics(ctx, name)
		if err != nil {
			return fmt.Errorf("asking for the topic %s: %w", name, err)
		}
		if topic := details[name]; topic.Err == nil && len(topic.Partitions) == partitions && c.led(ctx, name) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the topic %s: %w", name, context.Cause(ctx))
		}
	}
}

// led says that every partition of a topic answers. The broker tells of partitions a moment before it leads them.
func (c *comparison) led(ctx context.Context, name string) bool {
	ends, err := c.admin.ListEndOffsets(ctx, name)
	return err == nil && ends.Error() == nil && len(ends[name]) == partitions
}

func (c *comparison) deleteTopics(ctx context.Context, names ...string) error {
	ctx, cancel := context.WithTimeout(ctx, topicTimeMax)
	defer cancel()
	if _, err := c.admin.DeleteTopics(ctx, names...); err != nil {
		return fmt.Errorf("deleting the topics %v: %w", names, err)
	}
	return nil
}
