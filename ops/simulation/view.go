package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
	"github.com/penstock-ledger/penstock/streams/sim"

	"github.com/penstock-ledger/penstock/ops/history"
)

// view is what an outsider sees: every committed record of every topic, by a connection of its own. It reads on where a wrong answer stopped it.
type view struct {
	cluster    *kfake.Cluster
	connection feed.Connection
	reader     *feed.Reader
	// inboxes are the places that processes read, by the place of their changelog.
	inboxes map[feed.Place]feed.Place
	done    chan struct{}
	cancel  context.CancelFunc

	mutex   sync.Mutex
	changed chan struct{} // closed and replaced when anything came
	records map[string][][]sim.Record
	next    map[feed.Place]int64 // where the reader stands
	read    map[feed.Place]int64 // by changelog: the next inbox record, as committed
	// transactions counts the commits of shards, seen says how many records came at all.
	transactions, seen int
	journals           map[schemas.ID]bool
	sequences          map[int32]int64
	trades             int64
	failure            error
}

func openView(cluster *kfake.Cluster, connection feed.Connection, processes []streams.Process, topics []streams.Topic, shards int32) (*view, error) {
	v := &view{
		cluster: cluster, connection: connection, inboxes: make(map[feed.Place]feed.Place), done: make(chan struct{}), changed: make(chan struct{}),
		records: make(map[string][][]sim.Record), next: make(map[feed.Place]int64), read: make(map[feed.Place]int64),
		journals: make(map[schemas.ID]bool), sequences: make(map[int32]int64),
	}
	for _, topic := range topics {
		v.records[topic.Name] = make([][]sim.Record, topic.Width.Partitions(shards))
		for partition := range topic.Width.Partitions(shards) {
			place := feed.Place{Topic: topic.Name, Partition: partition}
			v.next[place] = 0
		}
	}
	for i := range processes {
		p := &processes[i]
		for shard := range p.Inbox.Width.Partitions(shards) {
			v.inboxes[feed.Place{Topic: p.Table.Name, Partition: shard}] = feed.Place{Topic: p.Inbox.Name, Partition: shard}
		}
	}
	if err := v.open(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	go v.follow(ctx)
	return v, nil
}

// open begins to read where the view stands.
func (v *view) open() (err error) {
	v.reader, err = feed.NewReader(v.connection, slog.New(slog.DiscardHandler))
	for place, next := range v.next {
		if err == nil {
			v.reader.Add(feed.Position{Place: place, Offset: next})
		}
	}
	return err
}

func (v *view) close() {
	v.cancel()
	<-v.done
	v.reader.Close()
}

func (v *view) follow(ctx context.Context) {
	defer close(v.done)
	for {
		batches, err := v.reader.Poll(ctx)
		if ctx.Err() != nil {
			return
		}
		v.mutex.Lock()
		if err != nil {
			// One of the broker's wrong answers was for us.
			v.reader.Close()
			if err = v.open(); err != nil {
				v.fail(err)
			}
		}
		for i := range batches {
			v.take(&batches[i])
		}
		close(v.changed)
		v.changed = make(chan struct{})
		v.mutex.Unlock()
		if err != nil {
			return
		}
	}
}

func (v *view) fail(err error) {
	if v.failure == nil {
		v.failure = err
	}
}

func (v *view) take(batch *feed.Batch) {
	v.next[batch.Place] = batch.Next
	for i := range batch.Records {
		record := &batch.Records[i]
		v.seen++
		if _, changelog := v.inboxes[batch.Place]; changelog {
			v.takeMeta(batch.Place, record)
			continue
		}
		partitions := v.records[batch.Topic]
		partitions[batch.Partition] = append(partitions[batch.Partition], sim.Record{
			Partition: batch.Partition, Offset: record.Offset, Key: string(record.Key), Value: record.Value, Timestamp: record.Timestamp,
		})
		switch batch.Topic {
		case streams.LedgerJournal:
			v.takeJournal(record)
		case streams.LedgerTrade:
			v.trades++
		}
	}
}

func (v *view) takeMeta(place feed.Place, record *feed.Record) {
	next, ok, err := engine.NextOf(record.Key, record.Value)
	if err != nil {
		v.fail(fmt.Errorf("reading %s: %w", record.Position, err))
	}
	if !ok {
		return
	}
	v.transactions++
	if next < v.read[place] {
		v.fail(fmt.Errorf("%s takes the inbox back from %d to %d", record.Position, v.read[place], next))
	}
	v.read[place] = next
}

// takeJournal watches what no reader of the ledger may ever see: a gap, a second journal of one id.
func (v *view) takeJournal(record *feed.Record) {
	journal, ok := history.Decode(record.Topic, record.Value, new(ledger.Journal))
	switch {
	case !ok:
		v.fail(fmt.Errorf("%s is no journal", record.Position))
	case journal.Sequence != v.sequences[journal.Shard]+1:
		v.fail(fmt.Errorf("%s has sequence %d after %d", record.Position, journal.Sequence, v.sequences[journal.Shard]))
	case v.journals[journal.ID]:
		v.fail(fmt.Errorf("%s is journal %s a second time", record.Position, journal.ID))
	}
	v.journals[journal.ID], v.sequences[journal.Shard] = true, journal.Sequence
}

// Topic returns the records of a topic, partition by partition.
func (v *view) Topic(name string) []sim.Record {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	var all []sim.Record
	for _, records := range v.records[name] {
		all = append(all, records...)
	}
	return all
}

// watch returns how many transactions shards have committed, what is wrong, and a channel that is closed when more is known.
func (v *view) watch() (transactions int, changed <-chan struct{}, failure error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.transactions, v.changed, v.failure
}

// atRest says that every shard has processed its whole inbox, and that nothing is under way to any. A shard commits its position with its
// outputs. So where all positions are at the end of what was seen, it is enough that nothing came to any topic in between: first it is
// seen that all have read all; then that this was all there is.
func (v *view) atRest() bool {
	before, idle := v.idle()
	if !idle || !v.complete() {
		return false
	}
	after, idle := v.idle()
	return idle && before == after
}

// idle says whether every shard has read everything that was seen, and how much that is.
func (v *view) idle() (seen int, idle bool) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for changelog, inbox := range v.inboxes {
		records := v.records[inbox.Topic][inbox.Partition]
		if n := len(records); n > 0 && v.read[changelog] <= records[n-1].Offset {
			return v.seen, false
		}
	}
	return v.seen, true
}

// complete says whether the reader has seen everything that is committed, and nothing is open.
func (v *view) complete() bool {
	for name := range v.records {
		for _, partition := range v.cluster.PartitionInfos(name) {
			v.mutex.Lock()
			next := v.next[feed.Place{Topic: name, Partition: partition.Partition}]
			v.mutex.Unlock()
			if partition.LastStableOffset != partition.HighWatermark || next < partition.LastStableOffset {
				return false
			}
		}
	}
	return true
}

// begun says whether a shard has ever committed, by the place of its changelog.
func (v *view) begun(changelog feed.Place) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	_, begun := v.read[changelog]
	return begun
}

// behind says which shards have not read their inbox to its end.
func (v *view) behind() error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	var errs []error
	for changelog, inbox := range v.inboxes {
		records := v.records[inbox.Topic][inbox.Partition]
		if n := len(records); n > 0 && v.read[changelog] <= records[n-1].Offset {
			errs = append(errs, fmt.Errorf("%s is read to %d of %d", inbox, v.read[changelog], records[n-1].Offset+1))
		}
	}
	return errors.Join(errs...)
}
