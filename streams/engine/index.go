package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// tagKey appends the index entry of a key under a tag.
func tagKey(b []byte, tag, key string) []byte {
	b = append(append(b, spaceTag), tag...)
	return append(append(b, 0), key...)
}

// checkTags refuses tags that the index cannot tell apart.
func checkTags(tags []string) error {
	for _, tag := range tags {
		if tag == "" || strings.IndexByte(tag, 0) >= 0 {
			return fmt.Errorf("the tag %q is empty or holds a zero byte", tag)
		}
	}
	return nil
}

// scan returns, in order, up to countMax keys after cursor that bear one of the tags, each once. It sees the committed index only.
func (s *store) scan(tags []string, cursor string, countMax int) (keys []string, err error) {
	merge := make([]*tagIterator, 0, len(tags))
	defer func() {
		for _, it := range merge {
			err = errors.Join(err, it.Close())
		}
		s.unread(err)
	}()
	for _, tag := range tags {
		it, err := s.iterateTag(tag, cursor)
		if err != nil {
			return nil, err
		}
		merge = append(merge, it)
	}
	for len(keys) < countMax {
		least := leastOf(merge)
		if least == nil {
			break
		}
		key := string(least.key())
		keys = append(keys, key)
		for _, it := range merge {
			for it.Valid() && string(it.key()) == key {
				it.Next()
			}
		}
	}
	return keys, nil
}

func leastOf(merge []*tagIterator) *tagIterator {
	var least *tagIterator
	for _, it := range merge {
		if it.Valid() && (least == nil || bytes.Compare(it.key(), least.key()) < 0) {
			least = it
		}
	}
	return least
}

// tagIterator walks the keys under one tag.
type tagIterator struct {
	*pebble.Iterator
	prefix int
}

func (it *tagIterator) key() []byte { return it.Key()[it.prefix:] }

func (s *store) iterateTag(tag, cursor string) (*tagIterator, error) {
	prefix := tagKey(nil, tag, "")
	lower := tagKey(nil, tag, cursor)
	if cursor != "" {
		lower = append(lower, 0) // the first key after the cursor
	}
	upper := append(bytes.Clone(prefix[:len(prefix)-1]), 1)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("walking the index of %s: %w", s.dir, err)
	}
	it.First()
	return &tagIterator{it, len(prefix)}, nil
}

// reindex builds the index again from the states, in writes of bytesMax.
func (s *store) reindex(version string, bytesMax int, tagsOf func(state []byte) ([]string, error)) error {
	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }()
	if err := batch.DeleteRange([]byte{spaceTag}, []byte{spaceTag + 1}, nil); err != nil {
		return fmt.Errorf("emptying the index of %s: %w", s.dir, err)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceState}, UpperBound: []byte{spaceState + 1}})
	if err != nil {
		return fmt.Errorf("walking the states of %s: %w", s.dir, err)
	}
	defer func() { s.unread(it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		key := string(it.Key()[1:])
		tags, err := tagsOf(it.Value())
		if err == nil {
			err = retag(batch, key, nil, tags)
		}
		if err != nil {
			return fmt.Errorf("indexing the state of %s: %w", key, err)
		}
		if batch.Len() < bytesMax {
			continue
		}
		// Until the last batch the index has no version, so that a crash in between starts it over.
		if err := s.put(batch, s.indexed("")); err != nil {
			return err
		}
		batch.Reset()
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("walking the states of %s: %w", s.dir, err)
	}
	return s.put(batch, s.indexed(version))
}

// indexed returns the position with another version of the index.
func (s *store) indexed(version string) position {
	p := s.position
	p.IndexVersion = version
	return p
}

// retag writes the difference that a key's new tags make to the index.
func retag(batch *pebble.Batch, key string, before, after []string) error {
	if err := checkTags(after); err != nil {
		return err
	}
	for _, tag := range before {
		if err := batch.Delete(tagKey(nil, tag, key), nil); err != nil {
			return err
		}
	}
	for _, tag := range after {
		if err := batch.Set(tagKey(nil, tag, key), nil, nil); err != nil {
			return err
		}
	}
	return nil
}
