package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childLog names, for a copy of this test binary, the file that the process it starts must log to.
const childLog = "PENSTOCK_TEST_CHILD_LOG"

func TestMain(m *testing.M) {
	if log := os.Getenv(childLog); log != "" {
		parentOfSleep(log)
		return
	}
	os.Exit(m.Run())
}

// parentOfSleep starts a process that would outlive it, says so, and waits to be killed.
func parentOfSleep(log string) {
	if _, err := Start(log, nil, "sleep", "600"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("started")
	select {}
}

// The child's output is a named pipe: its reader sees the end of file when the last process that holds it has died.
func TestProcessDiesWithItsParent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), childLog+"="+path)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || strings.TrimSpace(line) != "started" {
		t.Fatalf("the parent said %q, %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := parent.Wait(); err == nil {
		t.Fatal("the parent ended by itself")
	}
	if err := pipe.SetReadDeadline(time.Now().Add(stopMax)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(pipe); err != nil {
		t.Errorf("the child outlived its parent: %v", err)
	}
}
