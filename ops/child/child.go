package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopMax bounds how long a process may take to end when asked, before it is killed.
const stopMax = 30 * time.Second

// readyEvery is how often a starting process is asked whether it answers.
const readyEvery = 100 * time.Millisecond

// ErrEnded says that a child gave up by itself while it was waited for; only then is another try worth it.
var ErrEnded = errors.New("process ended")

// Process is a child that ends with us, however we end.
type Process struct {
	cmd *exec.Cmd
	// done is closed when the child has ended; err is set before.
	done chan struct{}
	err  error
}

// Start runs the command with its output appended to logPath. Environment is added to our own.
//
// The child gets a death signal where the system has one. That signal follows the thread that started the child, not the
// process, so the thread is locked and kept until the child has ended: otherwise the child would be killed whenever the Go
// runtime retired that thread.
func Start(logPath string, environment []string, name string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), environment...)
	cmd.SysProcAttr = ownGroup()
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer close(p.done)
		err := cmd.Start()
		_ = log.Close() // the child has its own copy
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// Signal sends sig and reports a child that has already ended as no error: there is nothing left to do.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Pid is the child's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended, nil for a clean end; ask after Done.
func (p *Process) Err() error { return p.err }

// Kill ends the child without warning and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop asks the child to end, kills it after stopMax, and waits until it is gone.
func (p *Process) Stop() error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopMax):
		return p.Kill()
	}
}

// Await polls ready until it answers without error, the child ends or ctx does.
func (p *Process) Await(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended while starting: %w", errors.Join(ErrEnded, p.err))
		case <-ctx.Done():
			return fmt.Errorf("waiting until it answers: %w (last answer: %w)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}
