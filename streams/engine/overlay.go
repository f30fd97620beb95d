package engine

import "github.com/cockroachdb/pebble/v2"

// overlay holds what the open transaction changed, in front of the committed store. It is plain maps: cheaper than an indexed batch, and
// enough, because nothing but single keys is ever read through it. It is written by goka's goroutine and, when that has nothing left to
// do, read by the loop's.
type overlay struct {
	states map[string][]byte // nil: deleted
	order  []string          // keys of states by first change
	index  map[string]bool   // index entry -> present
	// reference and its flag are the change of the shard's reference state.
	reference    []byte
	referenceSet bool
	// own are the changes of the engine's own keys; nil: deleted. The loop's goroutine alone touches them.
	own      map[string][]byte
	ownOrder []string
}

func newOverlay() *overlay {
	return &overlay{states: map[string][]byte{}, index: map[string]bool{}, own: map[string][]byte{}}
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

func (o *overlay) setOwn(key string, value []byte) {
	if _, changed := o.own[key]; !changed {
		o.ownOrder = append(o.ownOrder, key)
	}
	o.own[key] = value
}

// empty says that nothing was changed.
func (o *overlay) empty() bool { return len(o.states) == 0 && !o.referenceSet && len(o.own) == 0 }

func (o *overlay) reset() {
	clear(o.states)
	clear(o.index)
	clear(o.own)
	o.order, o.ownOrder = o.order[:0], o.ownOrder[:0]
	o.reference, o.referenceSet = nil, false
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
	for _, key := range o.ownOrder {
		write(key, o.own[key])
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
