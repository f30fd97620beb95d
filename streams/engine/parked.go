package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
)

// parkedShownMax is how many parked keys a shard's status names.
const parkedShownMax = 5

// ParkedStatus is what a shard has parked.
type ParkedStatus struct {
	// Keys and Records count the parked keys and the records in their queues.
	Keys    int `json:"keys"`
	Records int `json:"records"`
	// Longest are a few of the keys, those that have been parked for longest first, without their records.
	Longest []ParkedKey `json:"longest"`
}

// ParkedKey is one parked key.
type ParkedKey struct {
	Key string `json:"key"`
	// Reason says why its record could not be decided, Since is that record's timestamp, Attempts counts how often it has failed.
	Reason   string          `json:"reason"`
	Since    schemas.Instant `json:"since_ms"`
	Attempts int             `json:"attempts"`
	// Waiting is the number of records in its queue, Records are those records in order, where they were asked for.
	Waiting int            `json:"waiting"`
	Records []ParkedRecord `json:"records,omitempty"`
}

// ParkedRecord is one record in the queue of a parked key.
type ParkedRecord struct {
	// Offset is the record's in the shard's inbox, Timestamp its timestamp there, Control whether it is a control record; Size is its value's, in bytes.
	Offset    int64           `json:"offset"`
	Timestamp schemas.Instant `json:"timestamp_ms"`
	Control   bool            `json:"control"`
	Size      int             `json:"size"`
}

// show returns the key for others to read.
func (k *parkedKey) show() ParkedKey {
	return ParkedKey{Key: k.key, Reason: k.Reason, Since: schemas.Instant(k.SinceMillis), Attempts: k.Attempts, Waiting: len(k.items)}
}

// summary returns the status of what is parked, nil where nothing is.
func (p *parking) summary() *ParkedStatus {
	if len(p.keys) == 0 {
		return nil
	}
	longest := slices.SortedFunc(maps.Values(p.keys), func(a, b *parkedKey) int {
		return cmp.Or(cmp.Compare(a.SinceMillis, b.SinceMillis), cmp.Compare(a.key, b.key))
	})
	summary := &ParkedStatus{Keys: len(p.keys), Records: p.records}
	for _, k := range longest[:min(len(longest), parkedShownMax)] {
		summary.Longest = append(summary.Longest, k.show())
	}
	return summary
}

// readParked returns what is parked, by key, for goroutines other than the owner's.
func (s *store) readParked() (shown []ParkedKey, open bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, false, nil
	}
	snapshot := s.db.NewSnapshot()
	defer func() { _ = snapshot.Close() }()
	keys, err := readParked(snapshot, s.dir)
	if err != nil {
		return nil, true, err
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		k := keys[key]
		one := k.show()
		for _, item := range k.items {
			one.Records = append(one.Records, ParkedRecord{
				Offset: item.Offset, Timestamp: schemas.Instant(item.TimestampMillis), Control: item.Control, Size: item.size,
			})
		}
		shown = append(shown, one)
	}
	return shown, true, nil
}
