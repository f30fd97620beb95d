package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// shards is the number of shards of every simulated system.
const shards = 2

// restMax bounds the wait for rest. Nothing that a plan does takes a thirtieth of it, on a machine that has nothing else to do.
const restMax = 10 * time.Minute

// lookEvery is how often the wait looks around although nothing came.
const lookEvery = 100 * time.Millisecond

func allProcesses() []streams.Process {
	return append(intake.Processes([]byte("the key of a simulation")), pot.Process(), dealing.Process(shards))
}

// system is the real system, on a broker in the process, with the faults of a plan:
//
//	outside --wire--> broker <--wire-- instances (engine; a disk in memory each)
//	                    |  \---wire--- sinks --sql--> Postgres
//	                    v
//	                   view (undisturbed)
type system struct {
	plan      *Plan
	log       *slog.Logger
	processes []streams.Process
	network   *network
	cluster   *kfake.Cluster
	*view
	answers   *faults.Answers
	steps     *crashes
	instances []*instance
	outside   *faults.Wire
	producer  *feed.Producer
	sinks     *sinks
	// sent are the records that are not acknowledged yet, in their order.
	sent   []feed.Message
	events *events
	ghosts ghosts
}

func startSystem(ctx context.Context, plan *Plan, database *Database, log *slog.Logger, processes []streams.Process) (_ *system, err error) {
	s := &system{plan: plan, log: log, network: newNetwork(), processes: processes, steps: newCrashes(plan.Crashes)}
	s.events = &events{system: s, left: slices.Clone(plan.Events)}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	s.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(s.network.listen), kfake.GroupMinSessionTimeout(sessionTime), kfake.BrokerConfigs(map[string]string{
		"group.initial.rebalance.delay.ms": "0", "log.retention.ms": "-1", "transaction.max.timeout.ms": "900000",
	}))
	if err != nil {
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	topics := streams.Topics()
	for i := range s.processes {
		topics = append(topics, s.processes[i].Table)
	}
	if err := s.createTopics(topics); err != nil {
		return nil, err
	}
	if s.view, err = openView(s.cluster, s.connection(s.network.dial), s.processes, topics, shards); err != nil {
		return nil, err
	}
	s.answers = faults.Install(s.cluster, plan.Answers...)
	s.outside = faults.NewWire(s.network.dial, plan.Outside...)
	if s.producer, err = feed.NewProducer(s.connection(s.outside.Dial)); err != nil {
		return nil, err
	}
	if s.sinks, err = startSinks(ctx, s, database); err != nil {
		return nil, err
	}
	for range plan.Members {
		if err := s.start(vfs.NewCrashableMem()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// connection returns how clients reach the broker by a dialer.
func (s *system) connection(dial faults.Dialer) feed.Connection {
	return feed.Connection{Brokers: s.cluster.ListenAddrs(), Dial: dial}
}

func (s *system) createTopics(topics []streams.Topic) error {
	layout := feed.Layout{Shards: shards, Replication: 1, MinInSync: 1}
	for _, topic := range topics {
		settings := make(map[string]string)
		for _, setting := range layout.Settings(topic) {
			settings[setting.Name] = setting.Value
		}
		if err := s.cluster.CreateTopic(topic.Name, topic.Width.Partitions(shards), settings); err != nil {
			return fmt.Errorf("creating topic %s: %w", topic.Name, err)
		}
	}
	return nil
}

// stop ends everything.
func (s *system) stop() {
	for _, i := range s.instances {
		i.kill()
	}
	for _, i := range s.instances {
		<-i.done
	}
	if s.sinks != nil {
		s.sinks.stop()
	}
	if s.producer != nil {
		s.producer.Close()
	}
	if s.view != nil {
		s.close()
	}
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// Produce sends a record to the partition that its key belongs to.
func (s *system) Produce(topic, key string, value []byte, timestamp schemas.Instant) {
	s.sent = append(s.sent, feed.Message{Topic: topic, Key: key, Value: value, Timestamp: timestamp})
}

// ProduceTo sends a record to a partition of the caller's choice.
func (s *system) ProduceTo(topic string, partition int32, key string, value []byte, timestamp schemas.Instant) {
	s.sent = append(s.sent, feed.Message{Topic: topic, Key: key, Value: value, Timestamp: timestamp, Partition: &partition})
}

// Run sends what is to be sent, lets the plan's events happen, and returns when everything has come to rest.
func (s *system) Run() error {
	ctx, cancel := context.WithTimeout(context.Background(), restMax)
	defer cancel()
	if err := s.flush(ctx); err != nil {
		return err
	}
	s.ghosts.since = time.Time{}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		transactions, changed, err := s.watch()
		if err != nil {
			return err
		}
		if err := s.events.happen(transactions); err != nil {
			return err
		}
		if s.atRest() {
			return nil
		}
		select {
		case <-changed:
		case <-ticker.C:
			if err := errors.Join(s.healthy(), s.expire(ctx, transactions)); err != nil {
				return err
			}
		case <-ctx.Done():
			return s.stuck()
		}
	}
}

// stuck says what the system is doing instead of coming to rest.
func (s *system) stuck() error {
	errs := []error{fmt.Errorf("no rest after %s", restMax), s.behind()}
	for _, i := range s.instances {
		if i.ended() {
			continue
		}
		for _, shard := range i.engine.Status() {
			errs = append(errs, fmt.Errorf("instance %d: shard %d of %s is %s at %d %s", i.number, shard.Shard, shard.Process, shard.State, shard.Next, shard.Reason))
		}
	}
	return errors.Join(errs...)
}

// healthy says that nothing has stopped for good, and starts an instance where none is left.
func (s *system) healthy() error {
	running := 0
	for _, i := range s.instances {
		if err := i.stopped(); err != nil {
			return err
		}
		if !i.ended() {
			running++
		}
	}
	if err := s.sinks.Stopped(); err != nil {
		return err
	}
	if running == 0 {
		return s.start(s.lastDisk())
	}
	return nil
}

// lastDisk returns the disk of the last instance.
func (s *system) lastDisk() *vfs.MemFS {
	return wholeDisk(s.instances[len(s.instances)-1].files)
}

// flush sends the records and waits for their acknowledgements. Whatever is not acknowledged is sent again with all that follows it.
func (s *system) flush(ctx context.Context) error {
	for len(s.sent) > 0 {
		if err := s.know(ctx); err != nil {
			return err
		}
		errs := make([]error, len(s.sent))
		var pending sync.WaitGroup
		pending.Add(len(s.sent))
		for n, message := range s.sent {
			s.producer.SendAsync(ctx, message, func(_ feed.Position, err error) {
				errs[n] = err
				pending.Done()
			})
		}
		pending.Wait()
		if ctx.Err() != nil {
			return fmt.Errorf("sending records: %w", errors.Join(errs...))
		}
		var left []feed.Message
		for n, message := range s.sent {
			if errs[n] != nil || len(left) > 0 {
				left = append(left, message)
			}
		}
		s.sent = left
	}
	return nil
}

// know asks for the topics of what is to be sent until it is told. A record that failed for want of the answer would come after the next
// ones: that is another input.
func (s *system) know(ctx context.Context) error {
	for n := 0; n < len(s.sent); {
		_, err := s.producer.Partitions(ctx, s.sent[n].Topic)
		switch {
		case err == nil:
			n++
		case ctx.Err() != nil:
			return fmt.Errorf("asking for a topic: %w", err)
		}
	}
	return nil
}
