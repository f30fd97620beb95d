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
			dir := filepath.Join(b.TempDir(), ".penstock")
			b.Cleanup(func() {
				if err := Remove(dir); err != nil {
					b.Error(err)
				}
			})
			if !cold {
				startAndClose(b, dir)
			}
			for i := 0; b.Loop(); i++ {
				if cold {
					startAndClose(b, filepath.Join(dir, strconv.Itoa(i)))
				} else {
					startAndClose(b, dir)
				}
			}
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
