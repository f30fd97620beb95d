package pgtest

import "syscall"

// attributes lets the server run as another account, out of reach of a Ctrl-C, and end when the tests end in whatever way.
func attributes(credential *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
