//go:build unix

package anchor

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps other processes from adding to an open file until it is closed. On a file system without locks it does nothing.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return unlessUnsupported(err)
}

// syncFolder makes the creation of a file outlive a power cut, where the file system can.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(unlessUnsupported(folder.Sync()), folder.Close())
}

func unlessUnsupported(err error) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
