package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/penstock-ledger/penstock/streams"
)

// Plan is what separates the cluster from what was declared.
type Plan struct {
	// Create are the topics that are missing.
	Create []streams.Topic
	// Change are the settings that Apply can put right.
	Change []Difference
	// Refuse are differences that no command of ours may mend in place.
	Refuse []Difference

	declared []streams.Topic
	// leaderless says that a partition has no leader at the moment, as right after its creation.
	leaderless bool
}

// Empty says that nothing is left to do.
func (p Plan) Empty() bool { return len(p.Create) == 0 && len(p.Change) == 0 && len(p.Refuse) == 0 }

// Differences returns all that is not as declared, missing topics included, each with what mends it.
func (p Plan) Differences() []Difference {
	all := make([]Difference, 0, len(p.Create)+len(p.Change)+len(p.Refuse))
	for _, topic := range p.Create {
		all = append(all, Difference{Topic: topic.Name, Setting: settingExistence, Have: "missing", Want: "there", Fix: applyCommand})
	}
	return append(append(all, p.Change...), p.Refuse...)
}

// Apply creates what is missing and changes settings, in the plan's order, and returns once the brokers show it. It does
// not touch what the plan refuses: the caller shows that. Applying a plan twice is harmless.
func (t *Topics) Apply(ctx context.Context, plan Plan) error {
	for _, topic := range plan.Create {
		if err := t.create(ctx, topic); err != nil {
			return fmt.Errorf("creating topic %s: %w", topic.Name, err)
		}
	}
	for _, change := range plan.Change {
		if err := t.change(ctx, change); err != nil {
			return fmt.Errorf("changing %s of topic %s: %w", change.Setting, change.Topic, err)
		}
	}
	if err := t.settle(ctx, plan); err != nil {
		return fmt.Errorf("waiting for the brokers to show what was applied: %w", err)
	}
	return nil
}

const (
	// settleTimeMax bounds the wait for brokers to show what the controller has taken.
	settleTimeMax = 30 * time.Second
	settlePause   = 20 * time.Millisecond
)

// settle waits until the brokers show what was applied. The controller answers before they know: who went on at once would be
// told that the topic does not exist.
func (t *Topics) settle(ctx context.Context, applied Plan) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleTimeMax, errors.New("they did not in time"))
	defer cancel()
	for {
		now, err := t.Plan(ctx, applied.declared)
		if err != nil {
			return err
		}
		if !now.stillAsks(applied) && !now.leaderless {
			return nil
		}
		pause(ctx, settlePause)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// stillAsks says whether something that was applied still shows as to be done.
func (p Plan) stillAsks(applied Plan) bool {
	missing := slices.ContainsFunc(applied.Create, func(topic streams.Topic) bool {
		return slices.ContainsFunc(p.Create, func(t streams.Topic) bool { return t.Name == topic.Name })
	})
	return missing || slices.ContainsFunc(applied.Change, func(change Difference) bool { return slices.Contains(p.Change, change) })
}

func (t *Topics) create(ctx context.Context, topic streams.Topic) error {
	settings := make(map[string]*string)
	for _, setting := range t.layout.Settings(topic) {
		settings[setting.Name] = &setting.Value
	}
	_, err := t.admin.CreateTopic(ctx, topic.Width.Partitions(t.layout.Shards), t.layout.Replication, settings, topic.Name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil // somebody else was quicker; verification says whether as we would have
	}
	return err
}

func (t *Topics) change(ctx context.Context, change Difference) error {
	answers, err := t.admin.AlterTopicConfigs(ctx,
		[]kadm.AlterConfig{{Op: kadm.SetConfig, Name: change.Setting, Value: &change.Want}}, change.Topic)
	if err != nil {
		return err
	}
	for _, answer := range answers {
		if answer.Err != nil {
			return fmt.Errorf("%w %s", answer.Err, answer.ErrMessage)
		}
	}
	return nil
}
