// Package pgtest gives tests a real Postgres: the server that PENSTOCK_POSTGRES_URL names, else one that it starts from the
// binaries on the machine, as another account where the tests run as root. Without either the test fails; it is never skipped.
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URLVariable names the environment variable with the address of a server to use; its user must be a superuser. Each test
// makes a database of its own there and drops it at its end.
const URLVariable = "PENSTOCK_POSTGRES_URL"

// commandTimeMax bounds starting a server, and making or dropping a database, for a machine that is slow and busy.
const commandTimeMax = 5 * time.Minute

// shared is the server of a test binary whose TestMain is Main. Go's testing has no other place for it.
var shared struct {
	sync.Mutex
	kept bool
	*Server
}

// Main runs the tests of a package on one server, which is started when the first test asks for it:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	shared.kept = true
	defer func() {
		if shared.Server != nil {
			shared.stop()
		}
	}()
	return m.Run()
}

// Start returns the address of a new, empty database on a real server, for a superuser. The database, and a server that was
// started for this test alone, go away with the test.
func Start(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeMax)
	defer cancel()
	name := "test_" + strings.ToLower(rand.Text())
	base := serverURL(ctx, t)
	if err := execute(ctx, base, "create database "+name); err != nil {
		t.Fatalf("creating a database for the test: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), commandTimeMax)
		defer cancel()
		if err := execute(ctx, base, "drop database "+name+" with (force)"); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	address, err := url.Parse(base)
	if err != nil {
		t.Fatalf("reading %s: %v", URLVariable, err)
	}
	address.Path = "/" + name
	return address.String()
}

func serverURL(ctx context.Context, t testing.TB) string {
	t.Helper()
	if named := os.Getenv(URLVariable); named != "" {
		return named
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.Server != nil {
		return shared.url
	}
	started, err := startServer(ctx)
	if err != nil {
		t.Fatalf("no Postgres for this test: %v; install a server, or name one in %s", err, URLVariable)
	}
	if shared.kept {
		shared.Server = started
	} else {
		t.Cleanup(started.stop)
	}
	return started.url
}

func execute(ctx context.Context, address, statement string) error {
	connection, err := pgx.Connect(ctx, address)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = connection.Close(ctx) }()
	_, err = connection.Exec(ctx, statement)
	return err
}
