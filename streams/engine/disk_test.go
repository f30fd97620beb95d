package engine

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// damage changes a byte in the middle of every table of a store that nobody runs, where the states are.
func (f *fixture) damage(shard int32) {
	f.t.Helper()
	tables, err := filepath.Glob(filepath.Join(f.storeDir(shard), "*.sst"))
	must(f.t, err)
	if len(tables) == 0 {
		f.t.Fatal("the store has no table to damage")
	}
	for _, table := range tables {
		bytes, err := os.ReadFile(table)
		must(f.t, err)
		bytes[len(bytes)/2] ^= 1
		must(f.t, os.WriteFile(table, bytes, 0o600))
	}
}

const manyKeys = 500

// sendMany sends a record for each of a number of keys that do not compress.
func (f *fixture) sendMany(text string) {
	f.t.Helper()
	for n := range manyKeys {
		f.send(fmt.Sprintf("%x", sha256.Sum256([]byte{byte(n), byte(n >> 8)})), text)
	}
}

// What the store holds the changelog holds too, so a bad sector costs a restore, and no more.
func TestAStoreThatTurnsOutToBeDamagedIsMadeAnew(t *testing.T) {
	for name, tags := range map[string]string{"by a decision": "parity-1", "by building the index": "parity-2"} {
		t.Run(name, func(t *testing.T) { damageIsMet(t, tags) })
	}
}

func damageIsMet(t *testing.T, tagsVersion string) {
	t.Helper()
	f := newFixture(t, 1)
	f.limits.TransactionRecordsMax = 100
	f.sendMany("add 1")
	for range 2 { // opening a store again puts what it logged into tables
		i := f.start()
		f.caughtUp(i)
		i.stop()
	}
	f.damage(0)
	f.process.TagsVersion = tagsVersion
	f.sendMany("add 2")
	i := f.start()
	f.caughtUp(i)
	if n := count(t, i.engine.metrics.of(f.process.Name, 0).restored); n < manyKeys {
		t.Errorf("the store was kept: %d records were restored", n)
	}
	f.checkStores(i)
	i.stop()
	f.check()
}

// A bad sector drops the transaction, and the store.
func TestAStoreThatCannotBeReadIsMadeAnew(t *testing.T) {
	for name, meet := range map[string]func(f *fixture){
		"while a record is decided":    func(f *fixture) { f.sendMany("add 2") },
		"while a sweep seeks its keys": func(f *fixture) { f.control("sweep odd even") },
	} {
		t.Run(name, func(t *testing.T) { badSectorIsMet(t, meet) })
	}
}

func badSectorIsMet(t *testing.T, meet func(f *fixture)) {
	t.Helper()
	f := newFixture(t, 1)
	f.limits.TransactionRecordsMax = 100
	var bad, met atomic.Bool
	files := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && filepath.Ext(op.Path) == ".sst" && bad.Load() {
			met.Store(true)
			return syscall.EIO
		}
		return nil
	}))
	// The sector stays bad until the next life: the database reads by itself, too, behind the scenes, and what it meets there is nobody's decision.
	withDisk := func(c *Config) {
		c.Files, c.CacheBytes = files, 1
		c.Faults = func(_ string, _ int32, at Step) error {
			if at == StepFenced {
				bad.Store(false)
			}
			return nil
		}
	}
	f.sendMany("add 1")
	i := f.start(withDisk)
	f.caughtUp(i)
	i.stop()
	i = f.start(withDisk)
	f.caughtUp(i)
	bad.Store(true)
	meet(f)
	f.caughtUp(i)
	if n := count(t, i.engine.metrics.of(f.process.Name, 0).restored); !met.Load() || n < manyKeys {
		t.Errorf("the store was kept: %d records were restored", n)
	}
	f.checkStores(i)
	i.stop()
	f.check()
}

// tightDisk is a disk whose free room the test says.
type tightDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *tightDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

// Where the disk fills between the broker's commit and the store's write, the shard waits, says why, and goes on by itself when there is room again.
func TestAFullDiskIsWaitedFor(t *testing.T) {
	f := newFixture(t, 1)
	disk := &tightDisk{FS: vfs.Default}
	disk.free.Store(1 << 40)
	f.load(60, 9)
	var fillsAt atomic.Int64
	fillsAt.Store(int64(len(f.sent[0]) / 2))
	i := f.start(func(c *Config) {
		c.Files = disk
		c.Faults = func(_ string, _ int32, at Step) error {
			if at == StepCommitted && f.last.Load().status(0).Next >= fillsAt.Load() {
				disk.free.Store(1 << 20)
			}
			return nil
		}
	})
	await(t, "the shard to wait for room", func() bool {
		s := i.status(0)
		return s.State == StateStarting && strings.Contains(s.Reason, "make room")
	})
	if next := i.status(0).Next; next >= int64(len(f.sent[0])) {
		t.Errorf("the shard wrote on a full disk, up to %d", next)
	}
	fillsAt.Store(int64(len(f.sent[0])))
	disk.free.Store(1 << 40)
	f.caughtUp(i)
	f.checkStores(i)
	i.stop()
	f.check()
}
