package embedded

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadPostgres fetches a server through the embedded-postgres module, which
// knows where the binaries are published and compares their checksum.
//
// The module can only fetch and start in one call, and what it starts is a daemon
// on a TCP port that outlives us. So it is given data that looks finished and can't be
// started: it fetches, unpacks, fails at once, and only the binaries count. That
// is the same for root, as which the module would not start a server anyway.
func downloadPostgres(ctx context.Context, place *postgresPlace, major string, log *slog.Logger) (binaries, error) {
	version, ok := downloadable[major]
	if !ok {
		return binaries{}, fmt.Errorf("no Postgres %s on this machine, and none to download: install it, or name a server with --postgres", major)
	}
	log.Info("no Postgres server found on this machine; downloading one", "version", string(version))
	unpacked := filepath.Join(place.root, "binaries-"+string(version))
	fetching := unpacked + ".new"
	if err := os.RemoveAll(fetching); err != nil {
		return binaries{}, fmt.Errorf("clearing an unfinished download: %w", err)
	}
	fetchErr := fetch(ctx, fetching, version)
	if err := openToAll(fetching); err != nil {
		return binaries{}, fmt.Errorf("downloading Postgres %s: %w; install Postgres, or name a server with --postgres", version, fetchErr)
	}
	found, err := readBinaries(ctx, filepath.Join(fetching, "bin"), place.account)
	if err != nil {
		return binaries{}, fmt.Errorf("downloading Postgres %s: %w; install Postgres, or name a server with --postgres", version, fetchErr)
	}
	if err := os.Rename(fetching, unpacked); err != nil {
		return binaries{}, fmt.Errorf("putting the download in place: %w", err)
	}
	found.dir = filepath.Join(unpacked, "bin")
	return found, nil
}

// fetch always returns an error; which one matters only if the binaries are not
// there afterwards. The module knows no context, so a download goes on in its
// goroutine when the context ends first, and ends by itself.
func fetch(ctx context.Context, into string, version embeddedpostgres.PostgresVersion) error {
	decoy := filepath.Join(into, "decoy")
	if err := os.MkdirAll(decoy, 0o755); err != nil {
		return fmt.Errorf("creating a folder for the download: %w", err)
	}
	if err := writeDurable(filepath.Join(decoy, "PG_VERSION"), string(version)); err != nil {
		return err
	}
	module := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		Port(0).
		BinariesPath(into).
		RuntimePath(filepath.Join(into, "runtime")).
		DataPath(decoy).
		Logger(io.Discard))
	done := make(chan error, 1)
	go func() { done <- module.Start() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// openToAll lets the account of the server run what this process unpacked.
func openToAll(root string) error {
	return filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}
