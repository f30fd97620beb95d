//go:build !linux

package pgtest

import "syscall"

// attributes lets the server run as another account, out of reach of a Ctrl-C.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential, Setpgid: true}
}
