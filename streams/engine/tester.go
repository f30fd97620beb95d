package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lovoo/goka"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// Graph returns a process as a goka group that needs nothing of the engine, so that a test can drive it with goka's own tester, without a broker.
// It is one shard of one. Values are framed, as on the topics. A sweep goes through the group's loop topic: its visits come back as messages under the
// keys' own names. The reference that Close returns is the table's value of the control record's key.
//
// What it cannot show is what only the engine does: transactions, restarts, parking, the wrong-shard guard.
func Graph(process streams.Process, handler streams.Handler, framing streams.Framing) *goka.GroupGraph {
	t := &alone{handler: handler, framing: framing, readsAnything: process.ReadsAnything, tags: map[string][]string{}}
	t.decider = &decider{
		process: &process, handler: handler, working: &progress{},
		fail: func(error) {}, retag: t.retag,
		setReference: func(context goka.Context, reference []byte) { context.SetValue(reference) },
	}
	t.decider.scope = streams.Scope{Shard: 0, Shards: 1}
	t.decider.init()
	return define(&process, t.receive, goka.Loop(bytesCodec{}, t.next))
}

// alone drives a decider without a shard's loop.
type alone struct {
	handler       streams.Handler
	framing       streams.Framing
	readsAnything bool
	decider       *decider
	restored      bool
	// waiting is what the messages on the loop topic stand for, in order.
	waiting []work
	tags    map[string][]string
}

// receive is the callback of the inbox: it routes the record itself.
func (t *alone) receive(context goka.Context, message any) {
	framed, _ := message.([]byte)
	route, err := t.route(context, framed)
	if err != nil {
		context.Fail(err)
		return
	}
	if route.Unpark != nil {
		return // nothing is ever parked here
	}
	if !route.Control {
		t.decider.handle(context, work{kind: workDecide, key: route.Key, route: route, at: route.Record.Offset})
		return
	}
	for _, key := range t.bearing(route.Tags) {
		t.waiting = append(t.waiting, work{kind: workVisit, key: key, route: route, at: route.Record.Offset})
		context.Loopback(key, nothing)
	}
	t.waiting = append(t.waiting, work{kind: workClose, key: context.Key(), route: route, at: route.Record.Offset})
	context.Loopback(context.Key(), nothing)
}

// next is the callback of the loop topic.
func (t *alone) next(context goka.Context, _ any) {
	w := t.waiting[0]
	t.waiting = t.waiting[1:]
	t.decider.handle(context, w)
}

func (t *alone) route(c goka.Context, framed []byte) (*streams.Route, error) {
	if !t.restored {
		t.restored = true
		if err := t.handler.Restore(nil, nil); err != nil {
			return nil, fmt.Errorf("restoring the memory of the shard: %w", err)
		}
	}
	record := &streams.Record{
		Topic: string(c.Topic()), Partition: c.Partition(), Offset: c.Offset(), Key: c.Key(),
		Timestamp: schemas.InstantOf(c.Timestamp()), Size: len(framed),
	}
	if err := readInto(c.Context(), record, t.framing, framed, t.readsAnything); err != nil {
		return nil, err
	}
	route, err := t.handler.Route(record)
	if err != nil {
		return nil, fmt.Errorf("routing %s/%d@%d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	if route.Control && !marked(record.Key) {
		return nil, fmt.Errorf("%s/%d@%d is a control record under the key %q", record.Topic, record.Partition, record.Offset, record.Key)
	}
	route.Record = record
	return &route, nil
}

func (t *alone) retag(key string, _, after []string) error {
	t.tags[key] = after
	return checkTags(after)
}

// bearing returns the keys that bear one of the tags, in order.
func (t *alone) bearing(wanted []string) []string {
	var keys []string
	for key, tags := range t.tags {
		if slices.ContainsFunc(tags, func(tag string) bool { return slices.Contains(wanted, tag) }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// readInto unframes a record's value. Where that will never work the record says so, if the process wants to know, or else it stops the shard.
func readInto(ctx context.Context, record *streams.Record, framing streams.Framing, framed []byte, anything bool) error {
	payload, err := framing.Unframe(ctx, record.Topic, framed)
	if err == nil {
		record.Value = payload
		return nil
	}
	if !errors.As(err, &record.Unreadable) {
		return fmt.Errorf("unframing %s/%d@%d: %w", record.Topic, record.Partition, record.Offset, err)
	}
	if !anything {
		return stopf("%s/%d@%d cannot be read: %w", record.Topic, record.Partition, record.Offset, err)
	}
	return nil
}
