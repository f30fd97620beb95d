package engine

// recent holds the states that were committed last, so that a key that comes again soon is not looked up in the store: there a look-up costs ten times as much.
// It belongs to goka's goroutine, but for the moment after a commit, when that one has nothing to do. An attempt begins with none, and states are only ever
// changed by its commits, so it cannot differ from the store.
//
// It holds two halves. When the newer one is full the older one is dropped, and what is still asked for moves on.
type recent struct {
	newer, older map[string][]byte // nil: there is no such state
	// bytes is what the newer half holds, halfMax what it may.
	bytes, halfMax int
}

// recentEntryBytes is about what an entry takes besides its key and its state.
const recentEntryBytes = 64

// newRecent makes one for at most so many bytes.
func newRecent(bytesMax int) *recent {
	return &recent{newer: map[string][]byte{}, halfMax: bytesMax / 2}
}

// get returns a key's committed state, if it is held.
func (r *recent) get(key string) (state []byte, held bool) {
	if state, held = r.newer[key]; held {
		return state, true
	}
	if state, held = r.older[key]; held {
		r.set(key, state)
	}
	return state, held
}

// set notes a state as committed.
func (r *recent) set(key string, state []byte) {
	if before, held := r.newer[key]; held {
		r.bytes -= len(before)
	} else {
		r.bytes += len(key) + recentEntryBytes
	}
	r.newer[key] = state
	if r.bytes += len(state); r.bytes > r.halfMax {
		r.older, r.newer, r.bytes = r.newer, map[string][]byte{}, 0
	}
}
