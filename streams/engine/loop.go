package engine

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// loop reads the inbox, routes its records while goka's goroutine decides the ones before, and ends the transactions.
type loop struct {
	*workspace
	// proven says that what is read is known to be the inbox that our position is of.
	proven bool
	ctx    context.Context
	// jobs are the records that were polled and not yet taken; held is one that was taken too early.
	jobs []job
	held *job
	open transaction
	// filling is the work that goka is handed next.
	filling handful
}

// job is one inbox record on its way through. Jobs are made a poll at a time: one allocation for hundreds of records.
type job struct {
	raw    *kgo.Record
	record streams.Record
	route  streams.Route
	astray bool
	// at is the inbox offset under way while the job is worked on: its own, or, where it was parked and is released, that of the record that releases it.
	at       int64
	released bool
}

// pollMax is how many records are taken from the client, and made jobs, at a time. A transaction takes many such handfuls: nothing of a handful can be
// collected before the last of it is decided, and one of 20,000 was seen to be slower.
const pollMax = 1000

// sweeping says that the job is a control record that visits keys.
func (j *job) sweeping() bool { return j.route.Control && len(j.route.Tags) > 0 }

// run processes the inbox until ending is done (nil) or something goes wrong.
func (l *loop) run(ending context.Context) error {
	l.working = l.committed
	defer l.clearSuspect()
	inbox := l.process.Inbox.Name
	l.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{inbox: {l.number: kgo.NewOffset().At(l.committed.next)}})
	l.status.running(l.committed, l.sweep, l.store.position.Next)
	l.log.Info("running", "next", l.committed.next, "sequence", l.committed.chain.Sequence)
	ready, cancel := context.WithCancel(l.ctx)
	defer cancel()
	defer context.AfterFunc(ending, cancel)()
	for {
		if l.held == nil && len(l.jobs) == 0 {
			if err := l.poll(ready); err != nil {
				return err
			}
		}
		if ending.Err() != nil {
			return nil
		}
		if err := l.why(); err != nil {
			return err
		}
		if l.held == nil && len(l.jobs) == 0 {
			continue
		}
		if err := l.noteAttempt(); err != nil {
			return err
		}
		if err := l.transact(ending); err != nil {
			return err
		}
	}
}

// why returns what ended the attempt or the goka session, nil if nothing did.
func (l *loop) why() error {
	if err := l.cause(); err != nil {
		return err
	}
	if l.ctx.Err() != nil {
		return context.Cause(l.ctx)
	}
	return nil
}

// poll waits for records. It returns without any when the context ends.
func (l *loop) poll(ctx context.Context) error {
	fetches := l.client.PollRecords(ctx, pollMax)
	if err := fetchError(fetches); err != nil {
		return err
	}
	if err := l.prove(ctx, fetches.NumRecords()); err != nil {
		return err
	}
	l.jobs = make([]job, 0, fetches.NumRecords())
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		l.status.end(p.LastStableOffset)
		for _, raw := range p.Records {
			l.jobs = append(l.jobs, job{raw: raw})
		}
	})
	l.showOldest()
	return nil
}

// showOldest shows which record waits the longest.
func (l *loop) showOldest() {
	switch {
	case l.held != nil:
		l.status.reads(l.held.raw.Offset, l.held.raw.Timestamp)
	case len(l.jobs) > 0:
		l.status.reads(l.jobs[0].raw.Offset, l.jobs[0].raw.Timestamp)
	}
}

// take returns the next record, routed, or nil where none is at hand.
func (l *loop) take(ctx context.Context) (*job, error) {
	if j := l.held; j != nil {
		l.held = nil
		return j, nil
	}
	if len(l.jobs) == 0 && l.client.BufferedFetchRecords() > 0 {
		if err := l.poll(ctx); err != nil {
			return nil, err
		}
	}
	if len(l.jobs) == 0 {
		return nil, nil
	}
	j := &l.jobs[0]
	if err := l.routeNext(ctx, j); err != nil {
		return nil, err
	}
	l.jobs = l.jobs[1:]
	return j, nil
}

// routeNext routes the next record of the inbox.
func (l *loop) routeNext(ctx context.Context, j *job) error {
	if err := l.route(ctx, j); err != nil {
		return err
	}
	return l.guardSweep(j)
}

// route unframes and routes a record. It may wait for the registry as long as ctx allows.
func (l *loop) route(ctx context.Context, j *job) error {
	raw := j.raw
	j.record = streams.Record{
		Topic: raw.Topic, Partition: raw.Partition, Offset: raw.Offset, Key: string(raw.Key),
		Timestamp: schemas.InstantOf(raw.Timestamp), Size: len(raw.Value),
	}
	if l.process.ReadsAnything {
		j.record.Digest = sha256.Sum256(raw.Value)
	}
	if err := readInto(ctx, &j.record, l.engine.config.Framing, raw.Value, l.process.ReadsAnything); err != nil {
		return err
	}
	route, err := l.handler.Route(&j.record)
	if err != nil {
		return stopf("routing %s/%d@%d: %w; this binary (rules %s) does not know the record: run one that does, and the shard goes on from there",
			raw.Topic, raw.Partition, raw.Offset, err, l.process.Rules)
	}
	route.Record = &j.record
	// The states that were committed last are held by their keys: none of them may be a part of the record's text, or all of it would be held.
	if route.Key == j.record.Key {
		route.Key = j.record.Key
	} else {
		route.Key = strings.Clone(route.Key)
	}
	j.route, j.at = route, j.record.Offset
	return l.guard(j)
}

// guard checks that a record is where it belongs.
func (l *loop) guard(j *job) error {
	r, route := &j.record, &j.route
	switch {
	case route.Control:
		if !marked(r.Key) {
			return stopf("%s/%d@%d is a control record under the key %q of a client", r.Topic, r.Partition, r.Offset, r.Key)
		}
	case l.process.ReadsAnything:
	case route.Key == "" || marked(route.Key):
		return stopf("%s/%d@%d concerns the key %q, which cannot be a state's", r.Topic, r.Partition, r.Offset, route.Key)
	case streams.PartitionOf(route.Key, l.shards) != l.number:
		// Some client partitioned it in its own way. The key's state is elsewhere, so it cannot be decided here.
		l.log.Error("a record is in the wrong shard and was skipped", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset,
			"belongs_to", streams.PartitionOf(route.Key, l.shards))
		j.astray = true
	}
	return nil
}

func marked(key string) bool { return key != "" && key[0] == streams.ControlMark }

// nothing is the value of every message to goka: what it stands for is in the fifo.
var nothing = []byte{}

// feed hands a job to goka.
func (l *loop) feed(j *job) error {
	if j.route.Control {
		return l.feedWork(j, work{kind: workClose, key: j.record.Key})
	}
	return l.feedWork(j, work{kind: workDecide, key: j.route.Key})
}

// feedWork hands one piece of a job's work to goka, in the handful that is being filled.
func (l *loop) feedWork(j *job, w work) error {
	w.route, w.at, w.released = &j.route, j.at, j.released
	if l.filling == nil {
		l.filling = make(handful, 0, handfulMax)
	}
	if l.filling = append(l.filling, w); len(l.filling) < handfulMax {
		return nil
	}
	return l.hand()
}

// hand hands over the handful that is being filled: it queues it, and the message that makes goka work on it.
func (l *loop) hand() error {
	if len(l.filling) == 0 {
		return nil
	}
	full := l.filling
	l.filling = nil
	l.marks.add(1)
	select {
	case l.fifo <- full:
	default:
		// It has room for all that is under way, so something was dropped: goka is stopping.
		select {
		case l.fifo <- full:
		case <-l.ctx.Done():
			return l.why()
		}
	}
	first := full[0].route.Record
	select {
	case l.claim <- &sarama.ConsumerMessage{Topic: l.process.Inbox.Name, Partition: l.number, Offset: first.Offset, Value: nothing}:
		return nil
	case <-l.ctx.Done():
		return l.why()
	}
}
