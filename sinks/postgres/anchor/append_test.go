//go:build unix

package anchor

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// full is a file on a disk that takes half of a line, or all of it and then does not get it to the disk.
type full struct {
	*os.File
	syncs bool
}

func (f full) WriteString(text string) (int, error) {
	if f.syncs {
		return f.File.WriteString(text)
	}
	n, err := f.File.WriteString(text[:len(text)/2])
	return n, errors.Join(err, syscall.ENOSPC)
}

func (f full) Sync() error {
	return errors.Join(f.File.Sync(), syscall.ENOSPC)
}

func appended(t *testing.T) (path string, key ed25519.PrivateKey, line string) {
	t.Helper()
	path, key = filepath.Join(t.TempDir(), "heads"), ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if err := Append(path, key, &Anchor{Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, key, string(text)
}

func mustHaveLines(t *testing.T, path string, key ed25519.PrivateKey, want int) {
	t.Helper()
	if anchors, err := ReadFile(path, key.Public().(ed25519.PublicKey)); err != nil || len(anchors) != want { //nolint:forcetypeassert // it is of no other type
		t.Errorf("there are %d lines, want %d, %v", len(anchors), want, err)
	}
}

func TestADiskThatIsFullLeavesNoPartOfALine(t *testing.T) {
	for _, syncs := range []bool{false, true} {
		path, key, line := appended(t)
		file, err := open(path)
		if err != nil {
			t.Fatal(err)
		}
		err = appendTo(full{file, syncs}, key, &Anchor{Cluster: "c"})
		if !errors.Is(err, syscall.ENOSPC) || file.Close() != nil {
			t.Errorf("on a full disk: %v", err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != line {
			t.Errorf("left is %q of %q, %v", text, line, err)
		}
		if err := Append(path, key, &Anchor{Cluster: "c"}); err != nil {
			t.Errorf("with room again: %v", err)
		}
		mustHaveLines(t, path, key, 2)
	}
}

// A last line without its end is whole, and the next one begins a line of its own.
func TestALineWithoutItsEndIsEnded(t *testing.T) {
	path, key, line := appended(t)
	if err := os.WriteFile(path, []byte(strings.TrimSuffix(line, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Append(path, key, &Anchor{Cluster: "c"}); err != nil {
		t.Fatal(err)
	}
	mustHaveLines(t, path, key, 2)
}

// Two that read the same last line would both follow it, and the file would be refused from then on.
func TestTwoDoNotAddAtOnce(t *testing.T) {
	path, key, line := appended(t)
	file, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Append(path, key, &Anchor{Cluster: "c"}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("while another adds: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != line {
		t.Errorf("there is %q, want %q, %v", text, line, err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Append(path, key, &Anchor{Cluster: "c"}); err != nil {
		t.Errorf("when the other is done: %v", err)
	}
	mustHaveLines(t, path, key, 2)
}
