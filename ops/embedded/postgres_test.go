package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A server that was left behind is stopped, which for the stack that runs it is a
// fault. The number in a stale pid file may meanwhile belong to anybody, here to a
// process of this test, and that one must be let alone.
func TestOnlyTheServerItselfIsStopped(t *testing.T) {
	t.Parallel()
	stack := start(t, Config{Dir: newDir(t)})
	data := stack.postgres.place.dataDir(majorUsed(t, stack))
	must(t, stopStale(deadline(t), data, slog.New(slog.DiscardHandler)))
	select {
	case err := <-stack.Err():
		if !strings.Contains(err.Error(), "postgres ended by itself") {
			t.Errorf("got %v", err)
		}
	case <-deadline(t).Done():
		t.Fatal("nobody was told that the server has ended")
	}
	must(t, stack.Close(t.Context()))

	stranger := exec.Command("sleep", "600")
	must(t, stranger.Start())
	defer func() { _, _ = stranger.Process.Kill(), stranger.Wait() }()
	must(t, os.WriteFile(filepath.Join(data, "postmaster.pid"), fmt.Appendln(nil, stranger.Process.Pid), 0o600))
	must(t, stopStale(deadline(t), data, slog.New(slog.DiscardHandler)))
	if !isRunning(stranger.Process.Pid) || isZombie(stranger.Process.Pid) {
		t.Error("the stranger was stopped")
	}
}

// The server keeps every commit, and the variables by which a user points psql
// somewhere else do not move it.
func TestTheServersSettings(t *testing.T) {
	for name, value := range map[string]string{"PGPORT": "6543", "PGDATA": "/nonexistent", "PGHOST": "elsewhere", "LC_ALL": "xx_YY.UTF-8"} {
		t.Setenv(name, value)
	}
	connection := connect(t, look(start(t, Config{Dir: newDir(t)})))
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "TimeZone": "UTC",
	} {
		var got string
		must(t, connection.QueryRow(t.Context(), "select current_setting($1)", setting).Scan(&got))
		if got != want {
			t.Errorf("%s: got %q, want %q", setting, got, want)
		}
	}
}

// Data of a version must never be passed over for a server of another one: the
// ledger would look empty.
func TestDataOfAnotherVersionIsNotPassedOver(t *testing.T) {
	dir := newDir(t)
	data := makeDir(t, filepath.Join(dir, "postgres", "data-9"))
	must(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600))
	_, err := Start(deadline(t), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "no Postgres 9 on this machine") {
		t.Errorf("one version: got %v", err)
	}
	data = makeDir(t, filepath.Join(dir, "postgres", "data-10"))
	must(t, os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("10\n"), 0o600))
	_, err = Start(deadline(t), Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "several Postgres versions") {
		t.Errorf("two versions: got %v", err)
	}
}

// An initdb that was killed leaves a folder under another name.
func TestUnfinishedDataIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	for major := range downloadable {
		unfinished := makeDir(t, filepath.Join(dir, "postgres", "data-"+major+".new"))
		must(t, os.WriteFile(filepath.Join(unfinished, "PG_VERSION"), []byte(major), 0o600))
	}
	must(t, connect(t, look(start(t, Config{Dir: dir}))).Ping(t.Context()))
}

// A context that ends while the stack starts must leave the folder free.
func TestACancelledStartLeavesNothing(t *testing.T) {
	dir := newDir(t)
	wanted := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(wanted)
	if _, err := Start(ctx, Config{Dir: dir}); !errors.Is(err, wanted) {
		t.Fatalf("got %v, want %v", err, wanted)
	}
	held, err := holdFolder(dir)
	must(t, err)
	must(t, held.release())
}

// A project can lie deeper than a socket's path may be long.
func TestALongFolderGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), strings.Repeat("deep/", 25), ".penstock")
	must(t, os.MkdirAll(filepath.Dir(dir), 0o755))
	stack := start(t, Config{Dir: dir})
	socket := stack.postgres.place.socketDir
	must(t, stack.Close(t.Context()))
	if exists(socket) {
		t.Errorf("%s was left behind", socket)
	}
}

// Root has a project where only root can go, and runs everything there all the same.
func TestAFolderThatIsClosedToOthersWorksForRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can have a folder that the server's account can't reach")
	}
	closed := t.TempDir()
	must(t, os.Chmod(closed, 0o700))
	dir := filepath.Join(closed, ".penstock")
	c := startChild(t, dir)
	ids := work(t, c.seen)
	server := serverPID(t, dir)
	c.kill()
	awaitGone(t, server)
	stack := start(t, Config{Dir: dir})
	check(t, look(stack), ids)
	kept, err := os.ReadFile(filepath.Join(dir, postgresPathFile))
	must(t, err)
	must(t, stack.Close(t.Context()))
	must(t, Remove(dir))
	if exists(strings.TrimSpace(string(kept))) {
		t.Errorf("%s was left behind", kept)
	}
}

// When root runs the tests, the main ones run once more as somebody else.
func TestAsAnOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("this is one already")
	}
	home, err := os.MkdirTemp("", "embedded-user-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	const nobody = accountNobody
	must(t, os.Chown(home, nobody, nobody))
	binary := filepath.Join(home, "embedded.test")
	copyFile(t, os.Args[0], binary)
	command := exec.CommandContext(deadline(t), binary, "-test.v",
		"-test.run=^(TestEverything|TestALongFolder)")
	command.Dir = home
	command.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home)
	runAs(command, account{uid: nobody, gid: nobody, switched: true})
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if passed := strings.Count(string(out), "--- PASS"); passed != 3 {
		t.Fatalf("want 3 tests to pass, got %d:\n%s", passed, out)
	}
}

func TestTheSuffixSurvivesACrashBetweenItsWrites(t *testing.T) {
	held, err := holdFolder(t.TempDir())
	must(t, err)
	defer func() { must(t, held.release()) }()
	begin := func() generation {
		t.Helper()
		begun, err := beginGeneration(held)
		must(t, err)
		return begun
	}
	first := begin()
	must(t, first.end())
	if second := begin(); second.suffix() != first.suffix() || second.afterUncleanStop {
		t.Errorf("after a clean stop: got %s, want %s", second.suffix(), first.suffix())
	}
	third := begin()
	if third.suffix() == first.suffix() || !third.afterUncleanStop {
		t.Errorf("after an unclean stop: got %s again", third.suffix())
	}
	must(t, third.end())
	must(t, held.write(generationFile, "nonsense"))
	if _, err := beginGeneration(held); err == nil {
		t.Error("a damaged number: got no error")
	}
}

func TestDownloadedPostgresRuns(t *testing.T) {
	if os.Getenv("PENSTOCK_TEST_DOWNLOAD") == "" {
		t.Skip("fetches 30 MB: set PENSTOCK_TEST_DOWNLOAD=1 to run it")
	}
	dir := newDir(t)
	held, err := holdFolder(makeDir(t, dir))
	must(t, err)
	place, err := openPostgresPlace(held)
	must(t, err)
	fetched, err := downloadPostgres(t.Context(), place, downloadedMajor, slog.Default())
	must(t, err)
	if fetched.major != downloadedMajor {
		t.Errorf("got version %s, want %s", fetched.major, downloadedMajor)
	}
	must(t, initData(t.Context(), place, fetched, slog.Default()))
	must(t, held.release())
	stack := start(t, Config{Dir: dir}) // the data decides on the version
	if used := majorUsed(t, stack); used != downloadedMajor {
		t.Errorf("got version %s, want %s", used, downloadedMajor)
	}
}

func makeDir(t *testing.T, dir string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	return dir
}

func majorUsed(t *testing.T, stack *Stack) string {
	t.Helper()
	connection, err := pgx.Connect(deadline(t), stack.PostgresURL())
	must(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	var major string
	must(t, connection.QueryRow(t.Context(), "select split_part(current_setting('server_version'), '.', 1)").Scan(&major))
	return major
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	source, err := os.Open(from)
	must(t, err)
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	must(t, err)
	_, err = io.Copy(target, source)
	must(t, errors.Join(err, source.Close(), target.Close()))
}
