package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// errHeld is what lockFile returns when another process has the lock.
var errHeld = errors.New("held by another process")

// folder is a stack's directory while this process holds it.
type folder struct {
	dir  string
	lock *os.File
}

// holdFolder creates the folder if need be and takes its lock. The lock
// belongs to the open file, so the kernel drops it however this process ends.
func holdFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating the stack's folder: %w", err)
	}
	// Whether another account can reach the folder depends on where it really is.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the stack's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of the stack's folder: %w", err)
	}
	if err := lockFile(lock); err != nil {
		holder, _ := os.ReadFile(lock.Name())
		_ = lock.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("folder %s is in use by process %s: stop it, or choose another folder", dir, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	// The number is for the message above only; the lock itself decides.
	if err := errors.Join(lock.Truncate(0), writeAt(lock, fmt.Sprintln(os.Getpid()))); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("writing the lock of %s: %w", dir, err)
	}
	return &folder{dir: dir, lock: lock}, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) release() error {
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("releasing %s: %w", f.dir, err)
	}
	return nil
}

// read returns a small file's text, and "" if there is none.
func (f *folder) read(name string) (string, error) {
	text, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", f.path(name), err)
	}
	return string(text), nil
}

// write replaces a small file so that after a crash at any moment either the old
// text or the new one is there, and the new one once write has returned.
func (f *folder) write(name, text string) error {
	path := f.path(name)
	if err := writeDurable(path+".new", text); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replacing %s: %w", path, err)
	}
	return syncDir(f.dir)
}

func (f *folder) remove(name string) error {
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", f.path(name), err)
	}
	return syncDir(f.dir)
}

func writeDurable(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("creating %s: %w", path, err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
