package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// bindToParent has the kernel interrupt the child when the thread that started
// it ends, so that a killed parent leaves no server behind. The caller must start the
// command from a locked thread that lives as long as the child.
func bindToParent(command *exec.Cmd) {
	command.SysProcAttr.Pdeathsig = syscall.SIGINT
}

// watchFor is needed only where the kernel can't do it.
func watchFor(int, account) (stop func(), err error) { return func() {}, nil }

// runsIn reports whether a process has the folder as its working directory,
// which is how a Postgres server is told from a stranger that got its number.
func runsIn(pid int, dir string) bool {
	working, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	wanted, err := os.Stat(dir)
	return err == nil && os.SameFile(working, wanted)
}
