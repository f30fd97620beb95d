package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/penstock-ledger/penstock/ops/realkafka"
)

//go:embed pom.xml
var pom []byte

//go:embed Counters.java
var counters []byte

// jarsName is where the jars of pom.xml are kept.
const jarsName = "peers-streams-4.1.0"

// javaHeap is the heap of the Java program; its store lies outside.
const javaHeap = "1g"

// stopTimeMax bounds how long a candidate may take to end, on a machine that is slow and busy, stderrMax how much is kept of what it says.
const (
	stopTimeMax = 5 * time.Minute
	stderrMax   = 64 << 10
)

// child is a candidate at work.
type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *opening
	// done is closed when it has ended; err is set before.
	done chan struct{}
	err  error
}

// command returns the command that runs a job.
func command(ctx context.Context, j job) (*exec.Cmd, error) {
	if j.Candidate == streamsName {
		return javaCommand(ctx, j)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	encoded, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encoding a job: %w", err)
	}
	return exec.Command(self, candidateArgument, string(encoded)), nil
}

func javaCommand(ctx context.Context, j job) (*exec.Cmd, error) {
	java, classPath, err := realkafka.Jars(ctx, jarsName, pom)
	if err != nil {
		return nil, err
	}
	source := filepath.Join(j.Dir, "Counters.java")
	if err := os.WriteFile(source, counters, 0o600); err != nil {
		return nil, fmt.Errorf("writing the Java program: %w", err)
	}
	arguments := []string{
		// Its libraries unpack native code into the temporary folder, and leave it there.
		"-Djava.io.tmpdir=" + j.Dir,
		"-Xms" + javaHeap, "-Xmx" + javaHeap, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classPath, source,
		j.Broker, j.Name, j.Input, j.Output, storeName, filepath.Join(j.Dir, "state"),
	}
	return exec.Command(java, append(arguments, j.Properties...)...), nil
}

// startChild starts a candidate. It ends when its standard input does, so it cannot outlive this process.
func startChild(ctx context.Context, j job) (*child, error) {
	cmd, err := command(ctx, j)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, stderr: &opening{}, done: make(chan struct{})}
	cmd.Stderr = c.stderr
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", j.Candidate, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", j.Candidate, err)
	}
	go func() {
		defer close(c.done)
		c.err = cmd.Wait()
	}()
	return c, nil
}

// stop ends the candidate, and says how it ended.
func (c *child) stop() error {
	if err := c.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("telling a candidate to end: %w", err)
	}
	select {
	case <-c.done:
	case <-time.After(stopTimeMax):
		_ = c.cmd.Process.Kill() // it fails only when the candidate has ended
		<-c.done
	}
	return c.fate()
}

// fate returns how an ended candidate ended.
func (c *child) fate() error {
	if c.err != nil {
		return fmt.Errorf("%w; it said:\n%s", c.err, c.stderr.kept.String())
	}
	return nil
}

// processorSeconds is the processor time that an ended candidate used in all its life.
func (c *child) processorSeconds() float64 {
	return (c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()).Seconds()
}

// opening keeps the beginning of what is written to it: of a storm of errors the first ones tell.
type opening struct{ kept bytes.Buffer }

// Write is io.Writer's; it never fails.
func (o *opening) Write(b []byte) (int, error) {
	o.kept.Write(b[:min(len(b), stderrMax-o.kept.Len())])
	return len(b), nil
}
