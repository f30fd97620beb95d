package child

import "syscall"

// ownGroup puts a child into a process group of its own, so that an interrupt from a terminal reaches us alone, and has the
// system kill it when we die.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
