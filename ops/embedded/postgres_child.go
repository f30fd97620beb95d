package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// postgresStartMax bounds crash recovery at a start; without a crash a start
	// takes a fraction of a second.
	postgresStartMax = 2 * time.Minute

	// pollInterval is how often a server that is starting or stopping is looked at.
	pollInterval = 20 * time.Millisecond

	// staleStopMax bounds the wait for a server that a killed process left.
	staleStopMax = 30 * time.Second

	// logTailMax is how much of the server's log goes into an error.
	logTailMax = 2000

	// logKeptMax is the size at which a start begins the server's log anew.
	logKeptMax = 16 << 20
)

// postgresSettings keep every commit (a ledger must), and otherwise suit a small
// machine that also runs everything else.
var postgresSettings = []string{
	"listen_addresses=",
	"port=5432", // part of the socket's name
	"fsync=on",
	"full_page_writes=on",
	"synchronous_commit=on",
	"shared_buffers=128MB",
	"max_connections=60",
	"wal_compression=on",
	"min_wal_size=256MB",
	"max_wal_size=2GB",
	"checkpoint_timeout=15min",
	"jit=off",
	// Parallel queries need more shared memory than containers give by default.
	"max_parallel_workers_per_gather=0",
	"logging_collector=off",
	"log_min_messages=warning",
	"timezone=UTC",
	"log_timezone=UTC",
}

// initData makes the data folder of a version once. It is made under another
// name and renamed when all is there, so a folder with the right name is whole.
func initData(ctx context.Context, place *postgresPlace, binaries binaries, log *slog.Logger) error {
	data := place.dataDir(binaries.major)
	if exists(data) {
		return nil
	}
	log.Info("creating the Postgres data", "folder", data, "version", binaries.major)
	making := data + ".new"
	if err := os.RemoveAll(making); err != nil {
		return fmt.Errorf("clearing unfinished data: %w", err)
	}
	command := exec.CommandContext(ctx, binaries.path("initdb"),
		"--pgdata="+making, "--username="+postgresUser, "--auth=trust",
		"--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions")
	command.Dir = "/"
	command.Env = place.environment()
	runAs(command, place.account)
	bindToParent(command)
	runtime.LockOSThread() // see run
	defer runtime.UnlockOSThread()
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(making, data); err != nil {
		return fmt.Errorf("putting the Postgres data in place: %w", err)
	}
	return syncDir(place.root)
}

// postgresChild is the running server. Exited is closed when it has ended and
// has been waited for; exit then tells how.
type postgresChild struct {
	pid     int
	place   *postgresPlace
	exited  chan struct{}
	exit    error
	stopped chan struct{} // closed by stop: the end is wanted
	unwatch func()
}

// startPostgresChild starts the server and returns at once; connect waits for
// it. The server's lock on its data and the folder's lock on ours keep others out.
// Settings given here count more than the usual ones.
func startPostgresChild(place *postgresPlace, binaries binaries, fault func(error), settings ...string) (*postgresChild, error) {
	output, err := openLog(place)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }() // the child has its own copy
	arguments := []string{"-D", place.dataDir(binaries.major), "-k", place.socketDir}
	for _, setting := range slices.Concat([]string{"unix_socket_permissions=0700"}, postgresSettings, settings) {
		arguments = append(arguments, "-c", setting)
	}
	command := exec.Command(binaries.path("postgres"), arguments...)
	command.Dir = "/"
	command.Env = place.environment()
	command.Stdout, command.Stderr = output, output
	runAs(command, place.account)
	child := &postgresChild{place: place, exited: make(chan struct{}), stopped: make(chan struct{})}
	if err := child.run(command, fault); err != nil {
		return nil, err
	}
	if child.unwatch, err = watchFor(child.pid, place.account); err != nil {
		return nil, errors.Join(err, child.stop(context.Background()))
	}
	return child, nil
}

// run starts the command on a thread of its own that then does nothing but
// wait. The kernel sends the death signal when that thread ends, not the process; on a
// thread of Go's pool the server would be stopped at some odd moment.
func (c *postgresChild) run(command *exec.Cmd, fault func(error)) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		defer close(c.exited)
		bindToParent(command)
		err := command.Start()
		if err == nil {
			c.pid = command.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		c.exit = command.Wait()
		select {
		case <-c.stopped:
		default:
			fault(fmt.Errorf("postgres ended by itself (%s): %s", c.ended(), c.place.logTail()))
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", command.Path, err)
	}
	return nil
}

// ended says how the server's process ended.
func (c *postgresChild) ended() string {
	if c.exit == nil {
		return "exit status 0"
	}
	return c.exit.Error()
}

// connect waits until the server accepts a connection.
func (c *postgresChild) connect(ctx context.Context, url string) (*pgx.Conn, error) {
	bounded, cancel := context.WithTimeout(ctx, postgresStartMax)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		connection, err := pgx.Connect(bounded, url)
		if err == nil {
			return connection, nil
		}
		select {
		case <-c.exited:
			return nil, fmt.Errorf("postgres did not start (%s): %s", c.ended(), c.place.logTail())
		case <-bounded.Done():
			return nil, fmt.Errorf("waiting for Postgres: %w", errors.Join(context.Cause(bounded), err))
		case <-ticker.C:
		}
	}
}

// stop lets the server roll open work back and write its checkpoint; when the
// context ends first it is killed, which loses nothing that was committed.
func (c *postgresChild) stop(ctx context.Context) error {
	close(c.stopped)
	if c.unwatch != nil {
		defer c.unwatch()
	}
	select {
	case <-c.exited:
		return nil // its end was reported as a fault
	default:
	}
	err := interrupt(c.pid)
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("killing it: %w", context.Cause(ctx)), quitGroup(c.pid))
		<-c.exited
		return err
	}
}

// stopStale ends a server that still runs on the data although its parent is
// gone: it may be on its way out, or the death signal did not reach it. The pid file
// alone proves nothing, for the number may have gone to somebody else's process.
func stopStale(ctx context.Context, data string, log *slog.Logger) error {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil // no server, or no data yet
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || !runsIn(pid, data) {
		return nil // postgres itself clears a stale file away
	}
	log.Warn("stopping a Postgres server that an earlier run left", "pid", pid)
	if err := interrupt(pid); err != nil && isRunning(pid) {
		return fmt.Errorf("stopping a server that an earlier run left (process %d): %w", pid, err)
	}
	bounded, cancel := context.WithTimeout(ctx, staleStopMax)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for isRunning(pid) && runsIn(pid, data) {
		select {
		case <-ticker.C:
		case <-bounded.Done():
			return fmt.Errorf("a server that an earlier run left (process %d) does not stop: %w", pid, context.Cause(bounded))
		}
	}
	return nil
}

func openLog(place *postgresPlace) (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if info, err := os.Stat(place.logPath()); err == nil && info.Size() > logKeptMax {
		flags |= os.O_TRUNC
	}
	file, err := os.OpenFile(place.logPath(), flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of Postgres: %w", err)
	}
	if err := place.own(place.logPath()); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func (p *postgresPlace) logTail() string {
	text, err := os.ReadFile(p.logPath())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-logTailMax):]))
}

// environment drops the PG variables, by which a user's own settings (a port, a
// socket, a service file) would reach a server that is not theirs.
func (p *postgresPlace) environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") && !strings.HasPrefix(variable, "LC_") && !strings.HasPrefix(variable, "LANG") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "LC_ALL=C", "HOME="+p.root)
}
