package parked

import (
	"cmp"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
)

// Record is a record that waits in a parked key's queue. Its position names it; its value lies on the inbox.
type Record struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	// Control marks a control record of the shard: it is never dropped.
	Control bool `json:"control"`
}

// Key is a parked key.
type Key struct {
	Process string `json:"process"`
	Key     string `json:"key"`
	Shard   int32  `json:"shard"`
	// Reason says why the first record could not be decided the last time, Attempts how often that was tried.
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
	// Since is the recorded time at which the key was parked.
	Since schemas.Instant `json:"since_ms"`
	// Records wait, in their order; the first is the one that could not be decided.
	Records []Record `json:"records"`
}

// name tells keys apart.
type name struct{ process, key string }

// Fold is what is parked after the events that were added.
type Fold struct {
	keys map[name]*Key
}

// Add takes in the next event. Those of one key must come in their order.
func (f *Fold) Add(event *audit.Parked) {
	if f.keys == nil {
		f.keys = make(map[name]*Key)
	}
	at := name{event.Process, event.Key}
	switch body := event.Body.(type) {
	case *audit.RecordParked:
		if f.keys[at] == nil {
			f.keys[at] = &Key{Process: event.Process, Key: event.Key, Shard: event.Shard, Since: event.RecordedAt}
		}
		f.keys[at].park(body)
	case *audit.Released:
		f.keep(at, func(records []Record) []Record { return records[max(0, len(records)-int(body.Remaining)):] })
	case *audit.Dropped:
		f.keep(at, func(records []Record) []Record {
			return slices.DeleteFunc(records, func(r Record) bool { return r.Offset == body.Offset && !r.Control })
		})
	}
}

// park takes a record into the queue. One that is there already is the first, which failed again.
func (k *Key) park(body *audit.RecordParked) {
	record := Record{body.Topic, body.Partition, body.Offset, body.Control}
	if body.Position == 0 {
		k.Reason = body.Reason
		k.Attempts++
	}
	if !slices.Contains(k.Records, record) {
		k.Records = append(k.Records, record)
	}
}

// keep leaves some of a key's records. A key without any is parked no more; what follows them starts anew.
func (f *Fold) keep(at name, left func([]Record) []Record) {
	k := f.keys[at]
	if k == nil {
		return
	}
	first := k.Records[0]
	k.Records = left(k.Records)
	if len(k.Records) == 0 {
		delete(f.keys, at)
		return
	}
	if k.Records[0] != first {
		k.Attempts = 0
	}
}

// Find returns a parked key, or nil.
func (f *Fold) Find(process, key string) *Key { return f.keys[name{process, key}] }

// Keys returns what is parked, by process, shard and key.
func (f *Fold) Keys() []*Key {
	keys := make([]*Key, 0, len(f.keys))
	for _, k := range f.keys {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *Key) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Key, b.Key))
	})
	return keys
}
