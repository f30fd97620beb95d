package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDiskBytes is the size of a small disk: an empty cluster takes a third of it.
const smallDiskBytes = 192 << 20

// StartServerOnSmallDisk starts a server for one test, all of whose files lie on a disk of its own in memory, which Fill fills. The test is skipped where this
// account may not mount one.
func StartServerOnSmallDisk(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeMax)
	defer cancel()
	s, err := startServerIn(ctx, mountSmallDisk)
	if errors.Is(err, os.ErrPermission) {
		t.Skipf("SKIPPED small disk: this account may not mount one")
	}
	if err != nil {
		t.Fatalf("no Postgres for this test: %v", err)
	}
	t.Cleanup(s.stop)
	return s
}

// mountSmallDisk lays a small disk over the folder, and returns what takes it away again.
func mountSmallDisk(folder string) (func(), error) {
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, fmt.Sprintf("size=%d", smallDiskBytes)); err != nil {
		return nil, fmt.Errorf("mounting a small disk: %w", err)
	}
	return func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) }, nil
}

func (s *Server) ballast() string { return filepath.Join(s.folder, "ballast") }

// Fill leaves no free byte on the server's disk, until Free.
func (s *Server) Fill(t testing.TB) {
	t.Helper()
	file, err := os.Create(s.ballast())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(file, endless{})
	if !errors.Is(errors.Join(err, file.Close()), syscall.ENOSPC) {
		t.Fatalf("the disk did not fill: %v", err)
	}
}

// Free makes room again.
func (s *Server) Free() { _ = os.Remove(s.ballast()) }

// endless is as many zeros as anybody asks for.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
