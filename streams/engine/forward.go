package engine

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// forward rolls a store forward: it collects records of the changelog, in their order, and writes them to the store together with where they end.
type forward struct {
	store *store
	// tagsOf keeps the index with the states; nil where the index is built anew afterwards, or there is none.
	tagsOf func(state []byte) ([]string, error)
	// changes are the last values of the keys, collected only where the index is kept: it needs each key's state before and after, once.
	changes map[string][]byte
	// batch takes the records as they come where no index is kept: in bulk, sorting them out is the store's work.
	batch *pebble.Batch
	// scratch is the space of a key.
	scratch []byte
	// records and size (bytes) are what is held now; next is where it ends.
	records, size int
	next          int64
}

// rollForward begins to roll the store forward from its position. Close ends it.
func (s *store) rollForward(tagsVersion string, tagsOf func(state []byte) ([]string, error)) *forward {
	f := &forward{store: s, next: s.position.Next}
	if tagsVersion != "" && s.position.IndexVersion == tagsVersion {
		f.tagsOf, f.changes = tagsOf, map[string][]byte{}
	}
	f.batch = s.db.NewBatch()
	return f
}

func (f *forward) close() { _ = f.batch.Close() }

// take adds the next record. One that only the broker wrote, the mark of a transaction's end, moves nothing but the place.
func (f *forward) take(record *kgo.Record) error {
	f.next = record.Offset + 1
	if record.Attrs.IsControl() {
		return nil
	}
	f.records++
	f.size += len(record.Key) + len(record.Value)
	if f.tagsOf != nil {
		f.changes[string(record.Key)] = record.Value
		return nil
	}
	return f.put(record.Key, record.Value)
}

func (f *forward) put(key, value []byte) error {
	var err error
	if f.scratch, err = putRecord(f.batch, f.scratch, key, value); err != nil {
		return fmt.Errorf("restoring %s: %w", key, err)
	}
	return nil
}

// write writes what is held to the store.
func (f *forward) write() error {
	defer func() {
		// A large batch has become the store's; an emptied one would be copied as it grows again.
		f.close()
		f.batch = f.store.db.NewBatch()
		clear(f.changes)
		f.records, f.size = 0, 0
	}()
	for key, value := range f.changes {
		if !marked(key) {
			if err := f.retag(key, value); err != nil {
				return stop(err)
			}
		}
		if err := f.put([]byte(key), value); err != nil {
			return err
		}
	}
	p := f.store.position
	p.Next = f.next
	if f.tagsOf == nil {
		p.IndexVersion = ""
	}
	return f.store.put(f.batch, p)
}

func (f *forward) retag(key string, value []byte) error {
	old, err := f.store.state(&f.scratch, key)
	if err != nil {
		return err
	}
	var before, after []string
	if old != nil {
		before, err = f.tagsOf(old)
	}
	if err == nil && value != nil {
		after, err = f.tagsOf(value)
	}
	if err == nil {
		err = retag(f.batch, key, before, after)
	}
	if err != nil {
		return fmt.Errorf("indexing the state of %s: %w", key, err)
	}
	return nil
}
