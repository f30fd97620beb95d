package realkafka

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

// process is a child that ends with us, however we end.
type process struct {
	cmd *exec.Cmd
	// done is closed when the child has ended; err is set before.
	done chan struct{}
	err  error
}

// start runs the command with its output appended to logPath.
//
// The child gets a death signal where the system has one. That signal follows the thread that started the child, not the
// process, so the thread is locked and kept until the child has ended: otherwise the child would be killed whenever the Go
// runtime retired that thread.
func start(logPath string, name string, args ...string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownGroup()
	p := &process{cmd: cmd, done: make(chan struct{})}
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

// signal sends sig and reports a child that has already ended as no error: there is nothing left to do.
func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// kill ends the child without warning and waits until it is gone.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// stop asks the child to end, kills it after stopMax, and waits until it is gone.
func (p *process) stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopMax):
		return p.kill()
	}
}

// await polls ready until it answers without error, the child ends or ctx does.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("it ended while starting: %w", errors.Join(errEnded, p.err))
		case <-ctx.Done():
			return fmt.Errorf("waiting until it answers: %w (last answer: %w)", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// errEnded tells a child that gave up by itself from one that is slow; only the former is worth another try.
var errEnded = errors.New("process ended")
