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
	"time"

	"github.com/jackc/pgx/v5"
)

// readyPollEvery is the pause between attempts to reach a server that is starting.
const readyPollEvery = 20 * time.Millisecond

// server is a Postgres of our own, reachable through a socket in its folder only.
type server struct {
	url, folder string
	command     *exec.Cmd
	log         *bytes.Buffer
	exited      chan struct{}
}

func startServer(ctx context.Context) (_ *server, err error) {
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
	defer func() {
		if err != nil {
			_ = os.RemoveAll(folder)
		}
	}()
	if credential != nil {
		if err := os.Chown(folder, int(credential.Uid), int(credential.Gid)); err != nil {
			return nil, fmt.Errorf("giving the folder to the server's account: %w", err)
		}
	}
	started := &server{folder: folder, log: new(bytes.Buffer), exited: make(chan struct{})}
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
	started.command = exec.Command(filepath.Join(binaries, "postgres"), "-D", data, "-k", folder,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=100", "-c", "shared_buffers=256MB")
	started.command.SysProcAttr, started.command.Dir = attributes(credential), folder
	started.command.Stdout, started.command.Stderr = started.log, started.log
	if err := started.run(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	return started, started.waitReady(ctx)
}

// run starts the server and waits for it in one goroutine that keeps its thread: where the kernel ends a child with its
// parent, the parent is the thread.
func (s *server) run() error {
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

func (s *server) waitReady(ctx context.Context) error {
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
			_ = os.RemoveAll(s.folder)
			return fmt.Errorf("the server ended by itself: %s", s.log)
		case <-ctx.Done():
			s.stop()
			return fmt.Errorf("waiting for the server: %w: %w", context.Cause(ctx), err)
		}
	}
}

// stop ends the server at once: nothing in it will be needed again.
func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGQUIT)
	<-s.exited
	_ = os.RemoveAll(s.folder)
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
