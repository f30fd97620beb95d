package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childDirVariable turns the test binary into a process that runs a stack on
// the named folder until its input ends, so that a test can kill it.
const (
	childDirVariable    = "PENSTOCK_EMBEDDED_TEST_DIR"
	childBrokerVariable = "PENSTOCK_EMBEDDED_TEST_BROKER"
)

// waitMax bounds every wait of the tests; reaching it is a failure. A machine that is slow and busy needs minutes for what takes seconds elsewhere.
const waitMax = 5 * time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDirVariable); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// seen is what a test needs to know of a running stack, in this process or
// another one.
type seen struct {
	Kafka, Registry, Postgres, Suffix string
}

func look(stack *Stack) seen {
	return seen{
		Kafka:    stack.KafkaAddr(),
		Registry: stack.RegistryURL(),
		Postgres: stack.PostgresURL(),
		Suffix:   stack.TransactionalSuffix(),
	}
}

func runChild(dir string) error {
	begin := runStackChild
	if os.Getenv(childBrokerVariable) != "" {
		begin = runBrokerChild
	}
	at, end, err := begin(dir)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(at); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return end(context.Background())
}

func runStackChild(dir string) (seen, func(context.Context) error, error) {
	stack, err := Start(context.Background(), Config{Dir: dir, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return seen{}, nil, err
	}
	return look(stack), stack.Close, nil
}

// child is a stack in a process of its own.
type child struct {
	seen
	command *exec.Cmd
	input   io.Closer
}

func startChild(t *testing.T, dir string) *child { return startProcess(t, dir) }

// startBrokerChild leaves Postgres and the registry out.
func startBrokerChild(t *testing.T, dir string) *child {
	return startProcess(t, dir, childBrokerVariable+"=1")
}

func startProcess(t *testing.T, dir string, environment ...string) *child {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), childDirVariable+"="+dir), environment...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	c := &child{command: command, input: input}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the child did not start: %v", err)
	}
	must(t, json.Unmarshal(line, &c.seen))
	return c
}

// kill is kill -9, and no error if the child has ended.
func (c *child) kill() {
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}

func (c *child) stop(t *testing.T) {
	t.Helper()
	must(t, c.input.Close())
	must(t, c.command.Wait())
}

// serverPID is the Postgres server of a folder, by its own pid file.
func serverPID(t *testing.T, dir string) int {
	t.Helper()
	root := filepath.Join(dir, "postgres")
	if kept, err := os.ReadFile(filepath.Join(dir, postgresPathFile)); err == nil {
		root = strings.TrimSpace(string(kept))
	}
	files, err := filepath.Glob(filepath.Join(root, "data-*", "postmaster.pid"))
	must(t, err)
	if len(files) != 1 {
		t.Fatalf("want one Postgres server under %s, found %v", root, files)
	}
	text, err := os.ReadFile(files[0])
	must(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	must(t, err)
	return pid
}

// awaitGone polls until the process has ended.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.NewTimer(waitMax)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for isRunning(pid) && !isZombie(pid) {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// isZombie tells a process that has ended and waits for a parent to notice: in
// a container there may be no init that does.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, found := strings.Cut(string(text), ") ")
	return found && strings.HasPrefix(state, "Z")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// deadline is a context for one test.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	t.Cleanup(cancel)
	return ctx
}

// newDirWithPorts is a folder whose stack had its ports from a range out of which no machine gives ports to those who ask for any. So nobody gets them while the
// stack is down for a moment, and tests can ask for the same ones after it.
func newDirWithPorts(t *testing.T) string {
	t.Helper()
	const first, count = 20_000, 10_000
	kept := map[string]string{}
	for _, name := range []string{addressKafka, addressRegistry} {
		for kept[name] == "" {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(count)))
			if err == nil {
				kept[name] = listener.Addr().String()
				defer listener.Close() // held until both are found, so that they are two
			}
		}
	}
	dir := newDir(t)
	held, err := holdFolder(dir)
	must(t, err)
	text, err := json.Marshal(kept)
	must(t, err)
	must(t, errors.Join(held.write(addressesFile, string(text)), held.release()))
	return dir
}

// newDir is a folder that another account can reach, which t.TempDir is not for
// root under every TMPDIR.
func newDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "embedded-")
	must(t, err)
	must(t, os.Chmod(parent, 0o755))
	dir := filepath.Join(parent, ".penstock")
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	return dir
}
