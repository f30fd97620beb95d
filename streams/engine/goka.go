package engine

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"sync/atomic"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
)

// How much work goka is handed at a time, and how many handfuls wait at the two channels on their way to goka's goroutine. They are fed before they are decided,
// so together these bound by how much a transaction of slow decisions can overrun its time: some 300 pieces. Handed over one by one, a piece's way through the
// channels and goka's making of a context took a quarter of all processor time.
const (
	handfulMax = 32
	claimMax   = 2
	inputMax   = 4
	fifoMax    = claimMax + inputMax + 4
)

// drive runs one goka processor with one claim until the shard ends cleanly (nil) or fails.
func (a *attempt) drive(ending context.Context) error {
	w := &workspace{attempt: a, overlay: newOverlay(), recent: newRecent(a.engine.recentBytesMax()), fifo: make(chan handful, fifoMax)}
	w.marks.zero = make(chan struct{}, 1)
	w.producer = newProducer(w)
	session := &consumerGroup{workspace: w, ending: ending}
	w.decider, w.record = w.newDecider(), recordContext{workspace: w}
	processor, err := goka.NewProcessor(nil, define(a.process, w.next),
		goka.WithTopicManagerBuilder(func([]string) (goka.TopicManager, error) { return topicManager{a.shards}, nil }),
		goka.WithConsumerSaramaBuilder(func([]string, string) (sarama.Consumer, error) { return noConsumer{}, nil }),
		goka.WithStorageBuilder(func(string, int32) (storage.Storage, error) { return noStorage{}, nil }),
		goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) { return noProducer{}, nil }),
		goka.WithConsumerGroupBuilder(func([]string, string, string) (sarama.ConsumerGroup, error) { return session, nil }),
		goka.WithHasher(func() hash.Hash32 { return &murmur2{} }),
		goka.WithPartitionChannelSize(inputMax),
		goka.WithLogger(gokaLogger{a.log}),
	)
	if err != nil {
		return stopf("making the goka processor: %w", err)
	}
	defer w.startWatch(&w.decider.pulse)()
	if err := processor.Run(a.ctx); err != nil && !session.consumed {
		return stopf("running the goka processor: %w", err)
	}
	return session.outcome
}

// workspace is what the loop and goka's goroutine share during an attempt.
type workspace struct {
	*attempt
	overlay *overlay
	recent  *recent
	// working is the progress of the open transaction.
	working  progress
	fifo     chan handful
	claim    chan *sarama.ConsumerMessage
	marks    countdown
	producer producer
	// decider and record belong to goka's goroutine.
	decider *decider
	record  recordContext
	// written counts the bytes of the open transaction.
	written atomic.Int64
}

// consumerGroup stands in for Sarama's: one session with one claim, fed by the shard's loop.
type consumerGroup struct {
	*workspace
	ending   context.Context
	consumed bool
	outcome  error
}

// Consume runs one session. It always returns an error, for goka would sleep and call it again otherwise; how the shard ended is in outcome.
func (g *consumerGroup) Consume(ctx context.Context, _ []string, handler sarama.ConsumerGroupHandler) error {
	g.consumed = true
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errEnded)
	session := &session{ctx: ctx, topic: g.process.Inbox.Name, shard: g.number, marks: &g.marks}
	if err := handler.Setup(session); err != nil {
		g.outcome = stopf("setting up goka: %w", err)
		return errEnded
	}
	g.claim = make(chan *sarama.ConsumerMessage, claimMax)
	claimed := make(chan struct{})
	go func() {
		defer close(claimed)
		err := handler.ConsumeClaim(session, &claim{session, g.claim})
		cancel(fmt.Errorf("goka gave up its claim: %w", errors.Join(err, errEnded)))
	}()
	loop := &loop{workspace: g.workspace, ctx: ctx}
	err := loop.run(g.ending)
	g.fail(errEnded) // whatever still runs must not mistake the end for something to go on with
	cancel(errEnded)
	<-claimed
	cleanup := handler.Cleanup(session)
	g.outcome = err
	if err == nil && cleanup != nil {
		g.outcome = fmt.Errorf("ending the goka session: %w", cleanup)
	}
	return errEnded
}

func (g *consumerGroup) Errors() <-chan error      { return nil }
func (g *consumerGroup) Close() error              { return nil }
func (g *consumerGroup) Pause(map[string][]int32)  {}
func (g *consumerGroup) Resume(map[string][]int32) {}
func (g *consumerGroup) PauseAll()                 {}
func (g *consumerGroup) ResumeAll()                {}

// countdown waits for goka's marks. A mark says no more than that the callback is through; only the transaction's end commits.
type countdown struct {
	left atomic.Int64
	zero chan struct{}
}

func (c *countdown) add(n int64) { c.left.Add(n) }

func (c *countdown) done() {
	if c.left.Add(-1) == 0 {
		c.zero <- struct{}{}
	}
}
