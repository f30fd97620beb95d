//go:build !linux

package pgtest

import "testing"

// StartServerOnSmallDisk skips the test: a disk in memory can be mounted on Linux only.
func StartServerOnSmallDisk(t testing.TB) *Server {
	t.Helper()
	t.Skip("SKIPPED small disk: one can be mounted on Linux only")
	return nil
}

// Fill leaves no free byte on the server's disk, until Free.
func (s *Server) Fill(testing.TB) {}

// Free makes room again.
func (s *Server) Free() {}
