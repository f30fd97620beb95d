//go:build !linux && !windows

package child

import "syscall"

// ownGroup puts a child into a process group of its own. Only Linux can tie its life to ours.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
