package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/penstock-ledger/penstock/streams/feed"
)

// unsyncedPercent is how much of what was not synced a power cut leaves.
const unsyncedPercent = 50

// wholeDisk is what the end of a process leaves: everything that it has written.
func wholeDisk(files *vfs.MemFS) *vfs.MemFS {
	return files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))}) //nolint:gosec // nothing is drawn
}

// crashedDisk is what a power cut would leave of an instance's disk.
func crashedDisk(of *instance) *vfs.MemFS {
	return of.files.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: unsyncedPercent, RNG: rand.New(rand.NewPCG(uint64(of.number), unsyncedPercent)), //nolint:gosec // repeatable
	})
}

// disk makes what a new instance finds of one that has ended.
func (e *events) disk(kind Disk, of *instance, crashed *vfs.MemFS) (*vfs.MemFS, error) {
	switch kind {
	case DiskSame:
		return wholeDisk(of.files), nil
	case DiskCrashed:
		return crashed, nil
	case DiskOld:
		if e.kept != nil {
			return wholeDisk(e.kept), nil
		}
	case DiskAhead:
		return e.tampered(of, "next", 1<<30)
	case DiskForeign:
		return e.tampered(of, "cluster", "another")
	case diskLying:
		return e.lying()
	case DiskNew:
	}
	return vfs.NewCrashableMem(), nil
}

// tampered copies a disk, changes where its stores claim to stand, and takes their shards' positions back to the beginning: who believes
// such a store does everything a second time. A shard that has not begun has no such store: it would refuse to begin.
func (e *events) tampered(of *instance, field string, value any) (*vfs.MemFS, error) {
	files := wholeDisk(of.files)
	for i := range e.processes {
		p := &e.processes[i]
		for shard := range p.Inbox.Width.Partitions(shards) {
			dir := path.Join(stateDir, p.Name, fmt.Sprint(shard))
			var err error
			if e.begun(feed.Place{Topic: p.Table.Name, Partition: shard}) {
				err = tamper(files, dir, field, value, true)
			} else {
				err = files.RemoveAll(dir)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
	}
	return files, nil
}

// diskLying is an older copy of a disk that claims to be up to date. Nothing can tell that it is not, but what comes of it: the judge must.
const diskLying Disk = "a disk that lies"

func (e *events) lying() (*vfs.MemFS, error) {
	files := wholeDisk(e.kept)
	for i := range e.processes {
		p := &e.processes[i]
		for _, partition := range e.cluster.PartitionInfos(p.Table.Name) {
			dir := path.Join(stateDir, p.Name, fmt.Sprint(partition.Partition))
			if err := tamper(files, dir, "next", partition.HighWatermark, false); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// The keys of a store that are tampered with.
const (
	keyPosition = "!position"
	keyMeta     = "!meta"
)

func tamper(files *vfs.MemFS, dir, field string, value any, forget bool) (err error) {
	if _, err := files.Stat(dir); err != nil {
		return nil // the shard was never here
	}
	store, err := pebble.Open(dir, &pebble.Options{FS: files, Logger: silent{}, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		return fmt.Errorf("opening a store to tamper with it: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	text, closer, err := store.Get([]byte(keyPosition))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	position := make(map[string]any)
	if err := errors.Join(json.Unmarshal(text, &position), closer.Close()); err != nil {
		return err
	}
	position[field] = value
	changed, err := json.Marshal(position)
	if err != nil {
		return err
	}
	err = store.Set([]byte(keyPosition), changed, pebble.Sync)
	if forget {
		err = errors.Join(err, store.Delete([]byte(keyMeta), pebble.Sync))
	}
	return err
}

// silent drops what Pebble logs.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("a simulated store: "+format, args...))
}
