package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/streams"
)

// The changelog keys of what is parked: one head for each parked key, and one item for each record in its queue. Keys may hold any character, so
// the number stands before the key: no head can be taken for an item.
const (
	headPrefix = "!parked/"
	headsEnd   = "!parked0" // the first string after all heads
	itemFormat = "!parked-%019d/%s"
)

// reasonBytesMax bounds the reason that is kept and told; the log has all of it.
const reasonBytesMax = 1000

// parkedHead is the value of a parked key's head.
type parkedHead struct {
	// Reason says why item number Failed could not be decided, SinceMillis is that record's timestamp, Attempts counts how often it failed: once, and
	// once for each release that it failed again.
	Reason      string `json:"reason"`
	Failed      int64  `json:"failed"`
	SinceMillis int64  `json:"since_ms"`
	Attempts    int    `json:"attempts"`
	// First is the number of the item in front, Next that of the next one to come. A dropped item leaves a gap.
	First int64 `json:"first"`
	Next  int64 `json:"next"`
}

// parkedItem is the first line of an item's value; the record's own value follows as it lay on the inbox.
type parkedItem struct {
	Topic           string `json:"topic"`
	Partition       int32  `json:"partition"`
	Offset          int64  `json:"offset"`
	TimestampMillis int64  `json:"timestamp_ms"`
	Key             string `json:"key"`
	Control         bool   `json:"control"`

	number int64
	size   int
}

// parkedKey is one parked key in memory; the values of its records stay in the store.
type parkedKey struct {
	parkedHead
	key   string
	items []parkedItem
}

// parking is what a shard has parked. It belongs to the loop's goroutine.
type parking struct {
	keys    map[string]*parkedKey
	records int
	// facts are to be told with the open transaction, received is the latest receipt time of what it parked.
	facts    []fact
	received schemas.Instant
	changed  bool
}

// fact is one event in the history of a parked key.
type fact struct {
	key  string
	body audit.ParkedBody
}

func headKey(key string) string               { return headPrefix + key }
func itemKey(number int64, key string) string { return fmt.Sprintf(itemFormat, number, key) }

func encodeItem(item *parkedItem, value []byte) []byte {
	return append(append(mustJSON(item), '\n'), value...)
}

// decodeItem returns an item and the record's value, which lies in the item's.
func decodeItem(number int64, stored []byte) (item parkedItem, value []byte, err error) {
	line, value, found := bytes.Cut(stored, []byte{'\n'})
	if !found {
		return item, nil, fmt.Errorf("the parked item %d has no value", number)
	}
	if err := json.Unmarshal(line, &item); err != nil {
		return item, nil, fmt.Errorf("decoding the parked item %d: %w", number, err)
	}
	item.number, item.size = number, len(value)
	return item, value, nil
}

// readParked reads everything that is parked, by key.
func readParked(db pebble.Reader, dir string) (map[string]*parkedKey, error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte(headPrefix), UpperBound: []byte(headsEnd)})
	if err != nil {
		return nil, fmt.Errorf("walking the parked keys of %s: %w", dir, err)
	}
	defer func() { _ = it.Close() }()
	keys := map[string]*parkedKey{}
	for it.First(); it.Valid(); it.Next() {
		k := &parkedKey{key: string(it.Key()[len(headPrefix):])}
		if err := json.Unmarshal(it.Value(), &k.parkedHead); err != nil {
			return nil, fmt.Errorf("decoding the head of the parked key %q: %w", k.key, err)
		}
		if err := k.readItems(db); err != nil {
			return nil, err
		}
		keys[k.key] = k
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("walking the parked keys of %s: %w", dir, err)
	}
	return keys, nil
}

func (k *parkedKey) readItems(db pebble.Reader) error {
	for number := k.First; number < k.Next; number++ {
		stored, closer, err := db.Get([]byte(itemKey(number, k.key)))
		if errors.Is(err, pebble.ErrNotFound) {
			continue // it was dropped
		}
		if err != nil {
			return fmt.Errorf("reading the parked item %d of %q: %w", number, k.key, err)
		}
		item, _, err := decodeItem(number, stored)
		if err = errors.Join(err, closer.Close()); err != nil {
			return err
		}
		k.items = append(k.items, item)
	}
	if len(k.items) == 0 {
		return fmt.Errorf("the key %q is parked, but nothing is in its queue", k.key)
	}
	return nil
}

// loadParked sets what is parked to what was last committed.
func (a *attempt) loadParked() error {
	keys, err := readParked(a.store.db, a.store.dir)
	if err != nil {
		a.store.unread(err)
		return stop(err)
	}
	a.parking = parking{keys: keys}
	for _, k := range keys {
		a.parking.records += len(k.items)
	}
	a.status.parked(a.parking.summary())
	return nil
}

// has says whether the job's control record is in the key's queue, waiting to be swept again. An inbox that was made anew counts from the beginning again, but
// no two records share offset and time.
func (k *parkedKey) has(j *job) bool {
	return slices.ContainsFunc(k.items, func(item parkedItem) bool {
		return item.Control && item.Offset == j.raw.Offset && item.TimestampMillis == j.raw.Timestamp.UnixMilli()
	})
}

// park appends a record to the queue of a key, which it parks if it is not. A control record goes there once.
func (l *loop) park(j *job, key, reason string) error {
	p, limits := &l.parking, &l.engine.config.Limits
	k := p.keys[key]
	if k != nil && j.route.Control && k.has(j) {
		return nil
	}
	if k == nil && len(p.keys) >= limits.ParkedKeysMax || p.records >= limits.ParkedRecordsMax {
		return stopf("%d keys with %d records are parked, and @%d for key %q would be one more than is allowed: %s; "+
			"so many are not ill by chance: look at the binary, not at the keys", len(p.keys), p.records, j.record.Offset, key, reason)
	}
	if k == nil {
		k = &parkedKey{key: key, parkedHead: parkedHead{Reason: brief(reason), SinceMillis: j.raw.Timestamp.UnixMilli(), Attempts: 1}}
		p.keys[key] = k
		l.log.Error("parked a key", "key", key, "offset", j.record.Offset, "reason", reason)
	}
	item := parkedItem{
		Topic: j.raw.Topic, Partition: j.raw.Partition, Offset: j.raw.Offset, TimestampMillis: j.raw.Timestamp.UnixMilli(), Key: string(j.raw.Key),
		Control: j.route.Control, number: k.Next, size: len(j.raw.Value),
	}
	k.Next++
	k.items = append(k.items, item)
	if p.records++; j.route.Control {
		l.open.read += int64(item.size) // once for each key that it is kept for; keyed records are counted as they are taken
	}
	p.received = max(p.received, j.route.ReceivedAt)
	l.overlay.setOwn(itemKey(item.number, key), encodeItem(&item, j.raw.Value))
	l.writeHead(k)
	l.tell(key, parkedFact(&item, len(k.items)-1, k.Reason))
	return nil
}

func parkedFact(item *parkedItem, position int, reason string) audit.ParkedBody {
	return &audit.RecordParked{
		Topic: item.Topic, Partition: item.Partition, Offset: item.Offset, Position: int64(position), Control: item.Control, Reason: reason,
	}
}

// writeHead puts a key's head into the open transaction, or removes it with the last of its items.
func (l *loop) writeHead(k *parkedKey) {
	l.parking.changed = true
	if len(k.items) == 0 {
		delete(l.parking.keys, k.key)
		l.overlay.setOwn(headKey(k.key), nil)
		return
	}
	k.First = k.items[0].number
	l.overlay.setOwn(headKey(k.key), mustJSON(k.parkedHead))
}

// unqueue removes items from a key's queue, from the one at index on.
func (l *loop) unqueue(k *parkedKey, index, count int) {
	for _, item := range k.items[index : index+count] {
		l.overlay.setOwn(itemKey(item.number, k.key), nil)
	}
	k.items = slices.Delete(k.items, index, index+count)
	l.parking.records -= count
	l.writeHead(k)
}

func (l *loop) tell(key string, body audit.ParkedBody) {
	l.parking.facts = append(l.parking.facts, fact{key, body})
}

// writeFacts writes what the open transaction has to tell of parked keys. It waits until everything is decided, for only then the recorded time stands.
func (l *loop) writeFacts() {
	p := &l.parking
	if len(p.facts) == 0 {
		return
	}
	l.working.recordedAt = max(l.working.recordedAt, p.received)
	topic := l.process.ParkedTo.Name
	for _, f := range p.facts {
		value := audit.Parked{Process: l.process.Name, Shard: l.number, Key: f.key, Body: f.body, RecordedAt: l.working.recordedAt}
		key := l.process.Name + "/" + f.key
		l.producer.produce(topic, streams.PartitionOf(key, l.engine.partitions[topic]), key, value.AppendAvro(l.engine.config.Framing.Frame(topic, nil)))
	}
	p.facts = p.facts[:0]
}

// setAside returns the keys whose queues hold the control record at offset, under each of the tags that they bear. The key that is being released has
// been visited, unless that failed.
func (l *loop) setAside(j *job, released *parkedKey) ([]streams.SetAside, error) {
	var aside []streams.SetAside
	for key, k := range l.parking.keys {
		if k == released || !k.has(j) {
			continue
		}
		for _, tag := range j.route.Tags {
			// A parked key's state does not change, so what the index has as committed still holds.
			entry, err := l.store.get(tagKey(nil, tag, key))
			if err != nil {
				return nil, err
			}
			if entry != nil {
				aside = append(aside, streams.SetAside{Tag: tag, Key: key})
			}
		}
	}
	slices.SortFunc(aside, func(a, b streams.SetAside) int {
		if a.Tag != b.Tag {
			return strings.Compare(a.Tag, b.Tag)
		}
		return strings.Compare(a.Key, b.Key)
	})
	return aside, nil
}

// brief cuts a reason to what is kept of it.
func brief(reason string) string {
	if len(reason) <= reasonBytesMax {
		return reason
	}
	return strings.ToValidUTF8(reason[:reasonBytesMax], "") + "..."
}

// itemJob makes the job of a parked item, as if it had just been read from the inbox; at is the offset of the record that releases it.
func (l *loop) itemJob(k *parkedKey, item *parkedItem, at int64) (*job, error) {
	stored, err := l.store.get([]byte(itemKey(item.number, k.key)))
	if err != nil {
		return nil, err
	}
	_, value, err := decodeItem(item.number, stored)
	if err != nil {
		return nil, stop(err)
	}
	j := &job{raw: &kgo.Record{
		Topic: item.Topic, Partition: item.Partition, Offset: item.Offset, Key: []byte(item.Key), Value: value, Timestamp: time.UnixMilli(item.TimestampMillis),
	}}
	if err := l.route(l.ctx, j); err != nil {
		return nil, err
	}
	if j.route.Control != item.Control || !item.Control && j.route.Key != k.key {
		return nil, stopf("the parked record @%d of key %q is of key %q to this binary (control: %t)", item.Offset, k.key, j.route.Key, j.route.Control)
	}
	j.at, j.released = at, true
	return j, nil
}
