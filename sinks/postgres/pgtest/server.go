package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// readyPollEvery is the pause between attempts to reach a server that is starting.
const readyPollEvery = 20 * time.Millisecond

// Server is a Postgres of our own, reachable through a socket in its folder only.
type Server struct {
	url, folder, binaries string
	credential            *syscall.Credential
	command               *exec.Cmd
	log                   *bytes.Buffer
	exited                chan struct{}
	// unmount takes away the disk that lies over the folder.
	unmount func()
}

// StartServer starts a server for one test, which may kill it; it ends with the test.
func StartServer(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeMax)
	defer cancel()
	s, err := startServer(ctx)
	if err != nil {
		t.Fatalf("no Postgres for this test: %v", err)
	}
	t.Cleanup(s.stop)
	return s
}

// URL is the address of the server's first database, for a superuser.
func (s *Server) URL() string { return s.url }

// Kill ends the server without warning (SIGKILL), as a crash would. Its sessions notice and end, too.
func (s *Server) Kill() {
	_ = s.command.Process.Kill()
	<-s.exited
}

// Restart starts a killed server again on its data and returns once it answers. It tries again while the sessions of the killed
// one still hold its memory, until ctx ends.
func (s *Server) Restart(ctx context.Context) error {
	for {
		err := s.serve(ctx)
		if !errors.Is(err, errEnded) || ctx.Err() != nil {
			return err
		}
	}
}

// Ended says whether the server has given up by itself, or was killed.
func (s *Server) Ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func startServer(ctx context.Context) (*Server, error) {
	return startServerIn(ctx, func(string) (func(), error) { return func() {}, nil })
}

// startServerIn starts a server in a new folder, over which mount may lay a disk.
func startServerIn(ctx context.Context, mount func(folder string) (func(), error)) (_ *Server, err error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, err
	}
	credential, err := serverCredential()
	if err != nil {
		return nil, err
	}
	// Not t.TempDir: a socket's path must be short, and the account of the server must reach it.
	folder, err := os.MkdirTemp("/tmp", "pgtest")
	if err != nil {
		return nil, err
	}
	unmount, err := mount(folder)
	if err != nil {
		return nil, errors.Join(err, os.Remove(folder))
	}
	defer func() {
		if err != nil {
			unmount()
			_ = os.RemoveAll(folder)
		}
	}()
	if credential != nil {
		if err := os.Chown(folder, int(credential.Uid), int(credential.Gid)); err != nil {
			return nil, fmt.Errorf("giving the folder to the server's account: %w", err)
		}
	}
	started := &Server{folder: folder, binaries: binaries, credential: credential, unmount: unmount}
	started.url = (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: url.Values{"host": {folder}}.Encode(),
	}).String()
	data := filepath.Join(folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(binaries, "initdb"),
		"--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes(credential), folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("running initdb: %w: %s", err, out)
	}
	return started, started.serve(ctx)
}

// serve runs the server on its data and waits until it answers. After an error it does not run.
func (s *Server) serve(ctx context.Context) error {
	s.log, s.exited = new(bytes.Buffer), make(chan struct{})
	s.command = exec.Command(filepath.Join(s.binaries, "postgres"), "-D", filepath.Join(s.folder, "data"), "-k", s.folder,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100", "-c", "shared_buffers=256MB")
	s.command.SysProcAttr, s.command.Dir = attributes(s.credential), s.folder
	s.command.Stdout, s.command.Stderr = s.log, s.log
	if err := s.run(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	return s.waitReady(ctx)
}

// errEnded says that a server gave up by itself.
var errEnded = errors.New("the server ended by itself")

// run starts the server and waits for it in one goroutine that keeps its thread: where the kernel ends a child with its
// parent, the parent is the thread.
func (s *Server) run() error {
	begun := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer close(s.exited)
		err := s.command.Start()
		begun <- err
		if err == nil {
			_ = s.command.Wait() // waitReady and stop see that it ended
		}
	}()
	return <-begun
}

func (s *Server) waitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPollEvery)
	defer ticker.Stop()
	for {
		connection, err := pgx.Connect(ctx, s.url)
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-ticker.C:
		case <-s.exited:
			return fmt.Errorf("%w: %s", errEnded, s.log)
		case <-ctx.Done():
			s.quit()
			return fmt.Errorf("waiting for the server: %w: %w", context.Cause(ctx), err)
		}
	}
}

// stop ends the server at once: nothing in it will be needed again.
func (s *Server) stop() {
	s.quit()
	s.unmount()
	_ = os.RemoveAll(s.folder)
}

func (s *Server) quit() {
	_ = s.command.Process.Signal(syscall.SIGQUIT)
	<-s.exited
}

// serverCredential is nil for an ordinary user; Postgres refuses to run as root.
func serverCredential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("reading account %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("running as root, and neither account postgres nor nobody exists to run a server")
}

// findBinaries returns a folder with initdb and postgres.
func findBinaries() (string, error) {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if linked, err := filepath.EvalSymlinks(path); err == nil {
			folders = append(folders, filepath.Dir(linked))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern) // the patterns are constants and well-formed
		slices.Reverse(found)
		folders = append(folders, found...)
	}
	for _, folder := range folders {
		if isFile(filepath.Join(folder, "initdb")) && isFile(filepath.Join(folder, "postgres")) {
			return folder, nil
		}
	}
	return "", errors.New("found no folder with initdb and postgres on this machine")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
