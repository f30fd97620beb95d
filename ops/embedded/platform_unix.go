//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// lockFile takes the lock of an open file or returns errHeld. Children don't
// inherit it: Go opens files so that they are closed on exec.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}

// syncDir makes a creation, a rename or a removal in dir outlive a power cut.
func syncDir(dir string) error {
	open, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flushing %s: %w", dir, err)
	}
	if err := errors.Join(open.Sync(), open.Close()); err != nil {
		return fmt.Errorf("flushing %s: %w", dir, err)
	}
	return nil
}

// ownerOf returns who owns a file or folder.
func ownerOf(path string) (account, error) {
	info, err := os.Stat(path)
	if err != nil {
		return account{}, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return account{}, fmt.Errorf("owner of %s is unknown", path)
	}
	return account{uid: stat.Uid, gid: stat.Gid}, nil
}

// runAs makes the command run as another account, and in a process group of
// its own: Ctrl-C on a terminal goes to the whole group, and the child must
// outlive the parts that still write to it.
func runAs(command *exec.Cmd, as account) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if as.switched {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
}

func interrupt(pid int) error { return syscall.Kill(pid, syscall.SIGINT) }

// quitGroup ends a server and its workers without waiting for anything; the
// write-ahead log repairs the data at the next start.
func quitGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

func isRunning(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
