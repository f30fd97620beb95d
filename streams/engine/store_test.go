package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
)

// tamper opens a store that nobody runs and changes its position. It also puts a wrong state in, so that a store that should have been discarded and was not
// shows at once.
func (f *fixture) tamper(shard int32, change func(p *position)) {
	f.t.Helper()
	s, err := openStore(vfs.Default, f.storeDir(shard), nil, slog.Default())
	must(f.t, err)
	change(&s.position)
	must(f.t, s.db.Set([]byte(keyPosition), mustJSON(s.position), pebble.Sync))
	must(f.t, s.db.Set([]byte("skey-000"), append(plain{}.Frame("", nil), "666"...), pebble.Sync))
	must(f.t, s.db.Set([]byte("sghost"), append(plain{}.Frame("", nil), "667"...), pebble.Sync))
	must(f.t, s.close())
}

func TestAStoreThatDoesNotFitTheChangelogIsDiscarded(t *testing.T) {
	for name, change := range map[string]func(p *position){
		"ahead of the changelog":    func(p *position) { p.Next += 1000 },
		"of another topic":          func(p *position) { p.Topic = "AAAAAAAAAAAAAAAAAAAAAA" },
		"of another cluster":        func(p *position) { p.Cluster = "elsewhere" },
		"older than deletions stay": func(p *position) { p.CompleteAt = time.Now().Add(-48 * time.Hour) },
		"of another layout":         func(p *position) { p.Layout = storeLayout + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.load(60, 9)
			i := f.start()
			f.caughtUp(i)
			i.stop()
			f.tamper(0, change)
			f.load(20, 9)
			i = f.start()
			f.caughtUp(i)
			if _, found, err := i.engine.Get(f.process.Name, "ghost"); found || err != nil {
				t.Errorf("the store was kept (%v)", err)
			}
			f.checkStores(i)
			i.stop()
			f.check()
		})
	}
}

func TestALostStoreIsRestored(t *testing.T) {
	f := newFixture(t, 2)
	f.load(150, 23)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	must(t, os.RemoveAll(f.dir))
	f.load(30, 23)
	f.finish()
}

func TestAnOldStoreIsRolledForward(t *testing.T) {
	f := newFixture(t, 2)
	f.load(100, 23)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	old := t.TempDir()
	must(t, os.CopyFS(old, os.DirFS(f.dir)))
	f.load(100, 31)
	if f.cluster != nil {
		f.cluster.Compact()
	}
	i = f.start()
	f.caughtUp(i)
	i.stop()
	f.finish(inDir(old))
}

func TestTheIndexIsBuiltAgainForOtherTags(t *testing.T) {
	f := newFixture(t, 1)
	f.load(60, 9)
	i := f.start()
	f.caughtUp(i)
	i.stop()
	s, err := openStore(vfs.Default, f.storeDir(0), nil, slog.Default())
	must(t, err)
	must(t, s.db.DeleteRange([]byte{spaceTag}, []byte{spaceTag + 1}, pebble.Sync))
	must(t, s.close())
	f.process.TagsVersion = "parity-2"
	f.control("sweep odd")
	f.finish()
}

func TestAReadStoreKnowsItsPosition(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(vfs.Default, dir, nil, slog.Default())
	must(t, err)
	batch := s.db.NewBatch()
	must(t, s.write(batch, 17, "v"))
	must(t, s.close())
	s, err = openStore(vfs.Default, dir, nil, slog.Default())
	must(t, err)
	if s.position.Next != 17 || s.position.IndexVersion != "v" || s.position.CompleteAt.IsZero() {
		t.Errorf("the position came back as %+v", s.position)
	}
	must(t, s.close())
}

// A restore that is broken off leaves a store that has still missed what it had missed before: the deletions among it may be forgotten by then.
func TestAStoreIsNoYoungerForHavingBeenRestoredInPart(t *testing.T) {
	s, err := openStore(vfs.Default, t.TempDir(), nil, slog.Default())
	must(t, err)
	longAgo := time.Now().Add(-20 * time.Hour)
	s.begin("cluster", "topic", 0, longAgo)
	part := s.rollForward("", nil)
	defer part.close()
	must(t, part.take(&kgo.Record{Offset: 3, Key: []byte("key"), Value: []byte("state")}))
	must(t, part.write())
	must(t, s.reindex("tags-2", 1, func([]byte) ([]string, error) { return nil, nil }))
	if p := s.position; p.Next != 4 || p.IndexVersion != "tags-2" || !p.CompleteAt.Equal(longAgo) {
		t.Errorf("the position is %+v", p)
	}
	if err := s.complete(time.Now(), 19*time.Hour); err == nil {
		t.Error("a store that was behind for longer than deletions are kept was taken as complete")
	}
	must(t, s.complete(time.Now(), 24*time.Hour))
	if why := s.stale("cluster", "topic", 0, 9, 19*time.Hour, time.Now()); why != "" {
		t.Errorf("a complete store is said to be stale: %s", why)
	}
	must(t, s.close())
}

func TestADamagedStoreIsMadeAnew(t *testing.T) {
	for _, files := range []string{"MANIFEST-*", "marker.manifest*"} {
		t.Run(files, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, 1)
			f.load(60, 9)
			i := f.start()
			f.caughtUp(i)
			i.stop()
			names, err := filepath.Glob(filepath.Join(f.storeDir(0), files))
			must(t, err)
			if len(names) == 0 {
				t.Fatalf("the store has no file %s to damage", files)
			}
			for _, name := range names {
				must(t, os.WriteFile(name, []byte("not what it was"), 0o600))
			}
			f.load(20, 9)
			f.finish()
		})
	}
}
