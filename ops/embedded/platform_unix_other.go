//go:build unix && !linux

package embedded

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// bindToParent can do nothing here: see watchFor.
func bindToParent(*exec.Cmd) {}

// watchFor starts a shell that waits for the end of a pipe which only this
// process holds open. However this process ends, the pipe ends with it, and the
// shell interrupts the server. A shell that was itself killed is the case this
// does not cover; the next start then stops the server by its pid file.
func watchFor(pid int, as account) (stop func(), err error) {
	watch := exec.Command("/bin/sh", "-c", `read -r line; [ "$line" = done ] || kill -INT "$1"`, "sh", strconv.Itoa(pid))
	runAs(watch, as)
	pipe, err := watch.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for the watch on Postgres: %w", err)
	}
	if err := watch.Start(); err != nil {
		return nil, fmt.Errorf("starting the watch on Postgres: %w", err)
	}
	return func() {
		_, _ = pipe.Write([]byte("done\n"))
		_ = pipe.Close()
		_ = watch.Wait()
	}, nil
}

// runsIn reports whether a process was started on the folder, by its command
// line: there is no portable way to ask for its working directory.
func runsIn(pid int, dir string) bool {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), dir)
}
