package sim

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// turnsMax bounds a run: a pipeline that has not come to rest by then feeds itself for ever.
const turnsMax = 1 << 20

// Record is one record of a topic.
type Record struct {
	Partition int32
	Offset    int64
	Key       string
	// Value is framed; Unframe takes the payload out.
	Value     []byte
	Timestamp schemas.Instant
}

// Pipeline is a set of processes and the topics between them.
type Pipeline struct {
	shards     int32
	schedule   Schedule
	dice       dice
	topics     map[string]streams.Topic
	partitions map[string][][]Record
	runs       []*run
	sick       Sickness
	// Dropped counts the transactions that were dropped, Astray the records that were skipped in the wrong shard.
	Dropped, Astray int
}

// New makes a pipeline of the processes for pots over the given number of shards. Every process runs all of its shards.
func New(shards int32, processes ...streams.Process) (*Pipeline, error) {
	p := &Pipeline{shards: shards, topics: make(map[string]streams.Topic), partitions: make(map[string][][]Record)}
	for _, topic := range streams.Topics() {
		p.add(topic)
	}
	for i := range processes {
		process := &processes[i]
		for _, topic := range append([]streams.Topic{process.Inbox}, process.Outputs...) {
			p.add(topic)
		}
		for shard := range process.Inbox.Width.Partitions(shards) {
			r, err := newRun(p, process, shard)
			if err != nil {
				return nil, err
			}
			p.runs = append(p.runs, r)
		}
	}
	return p, nil
}

// add makes a topic where there is none of that name.
func (p *Pipeline) add(topic streams.Topic) {
	if _, known := p.topics[topic.Name]; !known {
		p.topics[topic.Name] = topic
		p.partitions[topic.Name] = make([][]Record, topic.Width.Partitions(p.shards))
	}
}

// Vary sets how the shards take turns from here on.
func (p *Pipeline) Vary(schedule Schedule) {
	p.schedule, p.dice = schedule, dice{schedule.Seed}
}

// Produce appends a record, framed or whatever a client would send, to the partition that its key belongs to.
func (p *Pipeline) Produce(topic, key string, value []byte, timestamp schemas.Instant) {
	p.ProduceTo(topic, streams.PartitionOf(key, p.topics[topic].Width.Partitions(p.shards)), key, value, timestamp)
}

// ProduceTo appends a record to a partition of the caller's choice, as clients with partitioners of their own do.
func (p *Pipeline) ProduceTo(topic string, partition int32, key string, value []byte, timestamp schemas.Instant) {
	records := p.partitions[topic]
	records[partition] = append(records[partition], Record{partition, int64(len(records[partition])), key, value, timestamp})
}

// Topic returns the records of a topic, partition by partition.
func (p *Pipeline) Topic(name string) []Record {
	var all []Record
	for _, records := range p.partitions[name] {
		all = append(all, records...)
	}
	return all
}

// Partition returns the records of one partition of a topic. The caller must not change them.
func (p *Pipeline) Partition(name string, partition int32) []Record {
	return p.partitions[name][partition]
}

// Run lets the shards take turns until none has anything left to read. An error means that a handler stopped its shard, that
// it wrote where it may not, or that there was no end to it.
func (p *Pipeline) Run() error {
	for range turnsMax {
		r := p.pick()
		if r == nil {
			return nil
		}
		if err := r.transact(); err != nil {
			return fmt.Errorf("running shard %d of %s: %w", r.shard, r.process.Name, err)
		}
	}
	return fmt.Errorf("running the pipeline: it is not at rest after %d transactions", turnsMax)
}

// pick returns the shard whose turn it is, or nil where none has anything to do.
func (p *Pipeline) pick() *run {
	var ready []*run
	for _, r := range p.runs {
		if r.progress.next < int64(len(r.inbox())) {
			ready = append(ready, r)
		}
	}
	switch {
	case len(ready) == 0:
		return nil
	case p.schedule.Seed == 0:
		return ready[0]
	}
	return ready[p.dice.below(len(ready))]
}

// State returns the state that a process keeps of a key in a shard, framed as it is stored, or nil.
func (p *Pipeline) State(process string, shard int32, key string) []byte {
	for _, r := range p.runs {
		if r.process.Name == process && r.shard == shard {
			return r.states[key]
		}
	}
	return nil
}

// Reference returns the reference data of a shard, framed as it is stored, or nil.
func (p *Pipeline) Reference(process string, shard int32) []byte {
	for _, r := range p.runs {
		if r.process.Name == process && r.shard == shard {
			return r.progress.reference
		}
	}
	return nil
}
