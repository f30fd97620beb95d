package engine

import "github.com/cockroachdb/pebble/v2"

// overlay holds what the open transaction changed, in front of the committed store. It is plain maps: cheaper than an indexed batch, and
// enough, because nothing but single keys is ever read through it. It is written by goka's goroutine and, when that has nothing left to
// do, read by the loop's.
type overlay struct {
	states map[string][]byte // nil: deleted
	order  []string          // keys of states by first change
	index  map[string]bool   // index entry -> present
	// reference, sweep and their flags are the changes of the shard's own values.
	reference    []byte
	referenceSet bool
	sweep        []byte
	sweepSet     bool
}

func newOverlay() *overlay {
	return &overlay{states: map[string][]byte{}, index: map[string]bool{}}
}

func (o *overlay) set(key string, state []byte) {
	if _, changed := o.states[key]; !changed {
		o.order = append(o.order, key)
	}
	o.states[key] = state
}

func (o *overlay) retag(key string, before, after []string) error {
	if err := checkTags(after); err != nil {
		return err
	}
	for _, tag := range before {
		o.index[string(tagKey(nil, tag, key))] = false
	}
	for _, tag := range after {
		o.index[string(tagKey(nil, tag, key))] = true
	}
	return nil
}

func (o *overlay) setReference(reference []byte) { o.reference, o.referenceSet = reference, true }

func (o *overlay) setSweep(mark []byte) { o.sweep, o.sweepSet = mark, true }

// empty says that nothing was changed.
func (o *overlay) empty() bool { return len(o.states) == 0 && !o.referenceSet && !o.sweepSet }

func (o *overlay) reset() {
	clear(o.states)
	clear(o.index)
	o.order = o.order[:0]
	o.reference, o.referenceSet, o.sweep, o.sweepSet = nil, false, nil, false
}

// each calls write for every changelog record that the overlay makes, a nil value deletes: states in the order of their first change, then the
// shard's own values.
func (o *overlay) each(write func(key string, value []byte)) {
	for _, key := range o.order {
		write(key, o.states[key])
	}
	if o.referenceSet {
		write(keyReference, o.reference)
	}
	if o.sweepSet {
		write(keySweep, o.sweep)
	}
}

// fill puts the changes into a batch of the store.
func (o *overlay) fill(batch *pebble.Batch) error {
	var scratch []byte
	var err error
	o.each(func(key string, value []byte) {
		if err == nil {
			scratch, err = putRecord(batch, scratch, key, value)
		}
	})
	for entry, present := range o.index {
		switch {
		case err != nil:
			return err
		case present:
			err = batch.Set([]byte(entry), nil, nil)
		default:
			err = batch.Delete([]byte(entry), nil)
		}
	}
	return err
}

// putRecord writes one changelog record to a batch, under its key in the store.
func putRecord[K string | []byte](batch *pebble.Batch, scratch []byte, key K, value []byte) ([]byte, error) {
	scratch = scratch[:0]
	if !marked(string(key)) {
		scratch = append(scratch, spaceState)
	}
	scratch = append(scratch, key...)
	if value == nil {
		return scratch, batch.Delete(scratch, nil)
	}
	return scratch, batch.Set(scratch, value, nil)
}
