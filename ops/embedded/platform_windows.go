package embedded

import (
	"errors"
	"os"
	"os/exec"
)

// The embedded stack needs file locks, unix sockets and signals. On Windows the
// package compiles, so that the rest of Penstock does, and refuses to start: use WSL or
// the compose file there.
var errWindows = errors.New("the embedded stack does not run on Windows: use WSL, or name running servers")

func lockFile(*os.File) error               { return errWindows }
func syncDir(string) error                  { return nil }
func ownerOf(string) (account, error)       { return account{}, errWindows }
func runAs(*exec.Cmd, account)              {}
func bindToParent(*exec.Cmd)                {}
func watchFor(int, account) (func(), error) { return nil, errWindows }
func runsIn(int, string) bool               { return false }
func interrupt(int) error                   { return errWindows }
func quitGroup(int) error                   { return errWindows }
func isRunning(int) bool                    { return false }
