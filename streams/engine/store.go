package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The store's key spaces, by first byte.
const (
	spaceState = 's' // key -> state
	spaceTag   = 't' // tag 0x00 key -> nothing
)

// keyPosition is the one key that the changelog does not have: where in it the store stands.
const keyPosition = "!position"

const (
	storeLayout   = 2
	memTableBytes = 8 << 20
)

// position ties a store to the changelog that it was made from.
type position struct {
	Layout  int    `json:"layout"`
	Cluster string `json:"cluster"`
	Topic   string `json:"topic"`
	// Next is the offset of the first changelog record that the store does not hold.
	Next int64 `json:"next"`
	// IndexVersion is the TagsVersion that built the index; empty: there is none.
	IndexVersion string `json:"index_version"`
	// CompleteAt is when the store last held all of the changelog, or was empty. Whatever it has missed since was written later, so that no
	// deletion among it is forgotten by the changelog before the retention of deletions has passed. Writing a part of a restore does not
	// make the store any younger.
	CompleteAt time.Time `json:"complete_at"`
	// Former tells of a store before this one, made from another changelog of the same name. It proves that the shard has begun.
	Former string `json:"former,omitempty"`
	// FormerCluster is the cluster of that changelog.
	FormerCluster string `json:"former_cluster,omitempty"`
}

// store is the committed state of one shard. One goroutine writes; others may read while it is open.
type store struct {
	files vfs.FS
	dir   string
	cache *pebble.Cache
	// mu keeps readers out while the database is closed or replaced.
	mu       sync.RWMutex
	db       *pebble.DB
	position position
	health   *health
	// freeMin is how much room must be left on the disk for anything to be written.
	freeMin uint64
}

// openStore opens the store in a folder. One that cannot be read, as a crash of the machine may leave it, is made anew: the changelog has it all.
func openStore(files vfs.FS, dir string, cache *pebble.Cache, log *slog.Logger) (*store, error) {
	s := &store{files: files, dir: dir, cache: cache, health: &health{log: log, dir: dir}}
	err := s.open()
	if err != nil && pebble.IsCorruptionError(err) {
		log.Warn("discarding the store", "reason", err)
		err = s.discard()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *store) open() error {
	if err := s.files.MkdirAll(s.dir, 0o750); err != nil {
		return fmt.Errorf("making the folder of a store: %w", err)
	}
	s.health.reset()
	db, err := pebble.Open(s.dir, &pebble.Options{
		FS: s.files, EventListener: s.health.listener(),
		Cache: s.cache, MemTableSize: memTableBytes, Logger: quiet{},
		FormatMajorVersion: pebble.FormatNewest,
	})
	if err != nil {
		return fmt.Errorf("opening the store %s: %w", s.dir, err)
	}
	s.mu.Lock()
	s.db, s.position = db, position{Layout: storeLayout}
	s.mu.Unlock()
	value, err := s.get([]byte(keyPosition))
	if err == nil && value != nil {
		err = json.Unmarshal(value, &s.position)
		// Topic ids were once written in another alphabet.
		s.position.Topic = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s.position.Topic)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("reading the position of the store %s: %w", s.dir, err), s.close())
	}
	return nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// discard empties the store by making it anew.
func (s *store) discard() error {
	_ = s.close() // what it could not write is not wanted
	if err := s.files.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("discarding the store %s: %w", s.dir, err)
	}
	return s.open()
}

// get returns a copy of a value, or nil where there is none. It is for the owner; others call read.
func (s *store) get(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		s.unread(err)
		return nil, fmt.Errorf("reading the store %s: %w", s.dir, err)
	}
	out := make([]byte, len(value))
	copy(out, value)
	return out, closer.Close()
}

// unread is told why something could not be read, nil included. A block that the disk cannot give back now it cannot give back later either.
func (s *store) unread(err error) {
	if errors.Is(err, syscall.EIO) {
		s.health.damaged(err)
	}
}

// state returns the committed state of a key, nil where there is none. The key is appended to scratch.
func (s *store) state(scratch *[]byte, key string) ([]byte, error) {
	*scratch = append(append((*scratch)[:0], spaceState), key...)
	return s.get(*scratch)
}

// read is get for goroutines other than the owner's.
func (s *store) read(key []byte) (value []byte, open bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return nil, false, nil
	}
	value, err = s.get(key)
	return value, true, err
}

// usable says that the store is open and not known to be damaged.
func (s *store) usable() bool { return s.db != nil && s.health.whole() == nil }

func (s *store) bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return 0
	}
	return int64(s.db.Metrics().DiskSpaceUsage()) //nolint:gosec // a disk is smaller
}

// begin sets the position of an empty store to where its changelog begins.
func (s *store) begin(cluster, topic string, start int64, now time.Time) {
	s.position = position{
		Layout: storeLayout, Cluster: cluster, Topic: topic, Next: start, CompleteAt: now, Former: s.position.Former, FormerCluster: s.position.FormerCluster,
	}
}

// write commits a batch after which the store holds all of the changelog.
func (s *store) write(batch *pebble.Batch, next int64, indexVersion string) error {
	p := s.position
	p.Next, p.IndexVersion, p.CompleteAt = next, indexVersion, time.Now()
	return s.put(batch, p)
}

// put commits a batch together with the position. It need not reach the disk: what a crash takes away, the changelog gives back.
func (s *store) put(batch *pebble.Batch, p position) error {
	if err := errors.Join(s.health.whole(), checkRoom(s.files, s.dir, s.freeMin)); err != nil {
		return err
	}
	if err := batch.Set([]byte(keyPosition), mustJSON(p), nil); err != nil {
		return fmt.Errorf("writing the position of the store %s: %w", s.dir, err)
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("writing the store %s: %w", s.dir, err)
	}
	s.position = p
	return nil
}

// complete notes that the store held all of the changelog at a time. It fails if getting there took longer than deletions are kept.
func (s *store) complete(at time.Time, retention time.Duration) error {
	if err := s.overdue(at, retention); err != nil {
		return err
	}
	batch := s.db.NewBatch()
	defer func() { _ = batch.Close() }()
	p := s.position
	p.CompleteAt = at
	return s.put(batch, p)
}

// overdue fails where the store has been behind for longer than deletions are kept.
func (s *store) overdue(now time.Time, retention time.Duration) error {
	if since := now.Sub(s.position.CompleteAt); since > retention {
		return fmt.Errorf("rolling the store %s forward has taken %s, longer than the changelog keeps deletions (%s)", s.dir, since, retention)
	}
	return nil
}

// former tells of the changelog that the store was made from, and its cluster, where that is not the one that answers now.
func (s *store) former(now identity) (changelog, cluster string) {
	p := &s.position
	if p.Next == 0 || p.Former != "" || p.Cluster == now.Cluster && p.Topic == now.Table {
		return p.Former, p.FormerCluster
	}
	return fmt.Sprintf("id %s in cluster %s", p.Topic, p.Cluster), p.Cluster
}

// stale says why the store cannot be rolled forward from a changelog that holds the offsets from start on and our own record at
// owned, or "" where it can.
func (s *store) stale(cluster, topic string, start, owned int64, retention time.Duration, now time.Time) string {
	p := s.position
	switch {
	case p.Next == 0:
		return ""
	case p.Layout != storeLayout:
		return fmt.Sprintf("it has layout %d, not %d", p.Layout, storeLayout)
	case p.Cluster != cluster || p.Topic != topic:
		return "it was made from another cluster or another topic of the same name"
	case p.Next > owned:
		return fmt.Sprintf("it is ahead of the changelog: %d after %d", p.Next, owned)
	case p.Next < start:
		return fmt.Sprintf("the changelog begins at %d, after its position %d", start, p.Next)
	case now.Sub(p.CompleteAt) > retention:
		// A tombstone that it never saw may be compacted away by now.
		return fmt.Sprintf("it was last complete at %s, longer ago than the changelog keeps deletions (%s)", p.CompleteAt.Format(time.RFC3339), retention)
	}
	return ""
}

// quiet drops Pebble's own log lines; its errors come back from its calls.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("engine: store: "+format, args...))
}
