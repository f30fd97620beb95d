package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// health is what a store's database says of itself beside the answers to calls. Its own answer to damage would be to end the process, with all the other shards
// in it, and again at each start.
type health struct {
	log *slog.Logger
	dir string

	mu sync.Mutex
	// damage is set once the files turned out not to hold what was written to them; trouble while work behind the scenes, such as writing out tables, fails
	// and is tried again.
	damage  error
	trouble error
}

// listener returns what the database is to call.
func (h *health) listener() *pebble.EventListener {
	listener := &pebble.EventListener{
		DataCorruption:  func(info pebble.DataCorruptionInfo) { h.damaged(info.Details) },
		BackgroundError: h.failing,
		FlushEnd:        func(info pebble.FlushInfo) { h.ended(info.Err) },
		CompactionEnd:   func(info pebble.CompactionInfo) { h.ended(info.Err) },
		// The database does not outlive this, and its last words hide the reason.
		WALCreated: func(info pebble.WALCreateInfo) { h.failing(info.Err) },
	}
	listener.EnsureDefaults(nil)
	return listener
}

// reset forgets what was said of a database that is no more.
func (h *health) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.damage, h.trouble = nil, nil
}

func (h *health) damaged(details error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.damage == nil {
		h.damage = fmt.Errorf("the store %s is damaged: %w", h.dir, details)
	}
}

func (h *health) failing(err error) {
	if err == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trouble == nil || h.trouble.Error() != err.Error() {
		h.log.Error("the store is in trouble", "error", err)
	}
	h.trouble = err
}

func (h *health) ended(err error) {
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = nil
}

// whole fails where the store is known to be damaged.
func (h *health) whole() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.damage
}

// reason says what is wrong, "" where nothing is known to be.
func (h *health) reason() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := errors.Join(h.damage, h.trouble); err != nil {
		return err.Error()
	}
	return ""
}

var errNoRoom = errors.New("too little room")

// checkRoom fails while the disk has less room than freeMin. A database that meets a full disk hangs, or ends the process: so nothing is written before that,
// and whoever shares the disk has time to make room.
func checkRoom(files vfs.FS, dir string, freeMin uint64) error {
	usage, err := files.GetDiskUsage(dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil // in memory
	}
	if err != nil {
		return fmt.Errorf("asking for the room on the disk of %s: %w", dir, err)
	}
	if usage.AvailBytes < freeMin {
		const mebibyte = 1 << 20
		return fmt.Errorf("%w on the disk of %s: it has %d MiB left, and %d must stay free: make room, or move the folder; the shard goes on by itself",
			errNoRoom, dir, usage.AvailBytes/mebibyte, freeMin/mebibyte)
	}
	return nil
}
