package engine

import "github.com/cockroachdb/pebble/v2"

// overlay holds what the open transaction changed, in front of the committed store. It is plain maps: cheaper than an indexed batch, and
// enough, because nothing but single keys is ever read through it. It is written by goka's goroutine and, when that has nothing left to
// do, read by the loop's.
type overlay struct {
	// changes are the changed states by first change, and at is where in them a key's is: what is written at the end needs no look-up.
	changes []change
	at      map[string]int
	index   map[string]bool // index entry -> present
	// born is !born, where this is the transaction that writes it.
	born []byte
	// reference and its flag are the change of the shard's reference state.
	reference    []byte
	referenceSet bool
	// own are the changes of the engine's own keys; nil: deleted. The loop's goroutine alone touches them.
	own      map[string][]byte
	ownOrder []string
}

// change is the last state that a transaction gave a key; nil: deleted.
type change struct {
	key   string
	state []byte
}

func newOverlay() *overlay {
	return &overlay{at: map[string]int{}, index: map[string]bool{}, own: map[string][]byte{}}
}

func (o *overlay) set(key string, state []byte) {
	if i, changed := o.at[key]; changed {
		o.changes[i].state = state
		return
	}
	o.at[key] = len(o.changes)
	o.changes = append(o.changes, change{key, state})
}

// get returns what the open transaction made of a key's state, if it changed it.
func (o *overlay) get(key string) (state []byte, changed bool) {
	i, changed := o.at[key]
	if !changed {
		return nil, false
	}
	return o.changes[i].state, true
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
func (o *overlay) empty() bool { return len(o.changes) == 0 && !o.referenceSet && len(o.own) == 0 }

func (o *overlay) reset() {
	clear(o.changes) // so that the states can be collected
	clear(o.at)
	clear(o.index)
	clear(o.own)
	o.changes, o.ownOrder = o.changes[:0], o.ownOrder[:0]
	o.born, o.reference, o.referenceSet = nil, nil, false
}

// each calls write for every changelog record that the overlay makes, a nil value deletes: !born first, then states in the order of their first
// change, then the shard's own values.
func (o *overlay) each(write func(key string, value []byte)) {
	if o.born != nil {
		write(keyBorn, o.born)
	}
	for i := range o.changes {
		write(o.changes[i].key, o.changes[i].state)
	}
	if o.referenceSet {
		write(keyReference, o.reference)
	}
	for _, key := range o.ownOrder {
		write(key, o.own[key])
	}
}

// size is about how many bytes the changes take in a batch of the store.
func (o *overlay) size() int {
	const entryBytes = 8 // for lengths and the like
	size := 0
	for i := range o.changes {
		size += len(o.changes[i].key) + len(o.changes[i].state) + entryBytes
	}
	return size
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
