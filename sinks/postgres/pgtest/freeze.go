package pgtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Freeze pauses the server with all its sessions until Thaw, or the end of the test: it keeps its connections, takes new ones, and answers nothing.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	t.Cleanup(s.Thaw)
	if err := s.signal(syscall.SIGSTOP); err != nil {
		t.Skipf("SKIPPED frozen server: this machine does not say which processes belong to it: %v", err)
	}
}

// Thaw lets it go on.
func (s *Server) Thaw() { _ = s.signal(syscall.SIGCONT) } // where that fails nothing was paused but the parent

func (s *Server) signal(signal syscall.Signal) error {
	pid := s.command.Process.Pid
	// The parent first, so that it starts no other child meanwhile.
	_ = s.command.Process.Signal(signal) // fails only where it has ended
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, signal)
		}
	}
	return nil
}
