package embedded

import (
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkStart measures a first start, which makes the Postgres data, and a
// later one on the same folder.
func BenchmarkStart(b *testing.B) {
	for name, cold := range map[string]bool{"cold": true, "warm": false} {
		b.Run(name, func(b *testing.B) {
			parent := b.TempDir()
			warm := filepath.Join(parent, "warm")
			if !cold {
				startAndClose(b, warm)
			}
			for i := 0; b.Loop(); i++ {
				dir := warm
				if cold {
					dir = filepath.Join(parent, strconv.Itoa(i))
				}
				startAndClose(b, dir)
				if cold {
					remove(b, dir)
				}
			}
			remove(b, warm)
		})
	}
}

// startAndClose counts the start only.
func startAndClose(b *testing.B, dir string) {
	b.Helper()
	stack, err := Start(b.Context(), Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := stack.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}

// remove is not counted either. The folder alone would not do: root's data may
// lie elsewhere.
func remove(b *testing.B, dir string) {
	b.Helper()
	b.StopTimer()
	if err := Remove(dir); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}
