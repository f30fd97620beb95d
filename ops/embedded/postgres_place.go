package embedded

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// postgresPathFile names the folder of the data when it could not be put
	// into the stack's own.
	postgresPathFile = "postgres.path"

	// socketPathMax is what the shortest of the supported systems (macOS, 104
	// with the closing zero) allows for the whole path of a unix socket.
	socketPathMax  = 103
	socketFileName = "/.s.PGSQL.5432"

	accountNobody = 65534
)

// account is who runs the server. Switched means that it isn't who runs us.
type account struct {
	uid, gid uint32
	switched bool
}

// postgresPlace is where a server of the stack's own keeps its things, and who
// may get at them.
type postgresPlace struct {
	root      string // data-15/, data-15.new/, binaries-18.3.0/, postgres.log
	socketDir string
	private   bool // socketDir lies under /tmp and is to be removed
	account   account
}

func (p *postgresPlace) dataDir(major string) string { return filepath.Join(p.root, "data-"+major) }
func (p *postgresPlace) logPath() string             { return filepath.Join(p.root, "postgres.log") }

// openPostgresPlace finds or makes the place. For an ordinary user it is a part
// of the stack's folder. Postgres refuses to run as root, so for root it must be
// a folder that the account we switch to can reach; a project under /root is
// closed to it, and then the data goes elsewhere and the stack's folder says where.
func openPostgresPlace(folder *folder) (*postgresPlace, error) {
	place := &postgresPlace{root: folder.path("postgres")}
	if os.Geteuid() == 0 {
		var err error
		if place.account, err = serverAccount(); err != nil {
			return nil, err
		}
		if err := place.makeReachable(folder); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(place.root, 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder for Postgres: %w", err)
	}
	if err := place.own(place.root); err != nil {
		return nil, err
	}
	return place, place.openSocketDir()
}

// serverAccount is postgres where a package made that account, else nobody.
func serverAccount() (account, error) {
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return account{}, fmt.Errorf("reading account %s: %w", name, err)
		}
		return account{uid: uint32(uid), gid: uint32(gid), switched: true}, nil
	}
	return account{uid: accountNobody, gid: accountNobody, switched: true}, nil
}

// makeReachable keeps to the place that was chosen before: data that is left
// behind would look like a ledger that is lost.
func (p *postgresPlace) makeReachable(folder *folder) error {
	kept, err := folder.read(postgresPathFile)
	if err != nil {
		return err
	}
	switch {
	case kept != "":
		p.root = strings.TrimSpace(kept)
		if _, err := os.Stat(p.root); err != nil {
			return fmt.Errorf("%s says that the Postgres data is in %s: %w; bring it back, or remove %s to start over",
				folder.path(postgresPathFile), p.root, err, folder.dir)
		}
	case exists(p.root) || p.account.reaches(filepath.Dir(folder.dir)):
		// The stack's folder is ours, so we may open it for passing through.
		if err := os.Chmod(folder.dir, 0o711); err != nil {
			return fmt.Errorf("opening the stack's folder for Postgres: %w", err)
		}
	default:
		if err := p.makeElsewhere(folder); err != nil {
			return err
		}
	}
	// Data that an earlier run left belongs to whoever ran the server then.
	if owner, err := ownerOf(p.root); err == nil && owner.uid != 0 {
		p.account.uid, p.account.gid = owner.uid, owner.gid
	}
	if !p.account.reaches(filepath.Dir(p.root)) {
		return fmt.Errorf("account %d, which runs Postgres for root, can't reach %s: choose a folder that is open to others", p.account.uid, p.root)
	}
	return nil
}

func (p *postgresPlace) makeElsewhere(folder *folder) error {
	var errs []error
	for _, base := range []string{"/var/lib/penstock", "/var/tmp/penstock"} {
		if err := os.MkdirAll(base, 0o755); err != nil {
			errs = append(errs, err)
			continue
		}
		if !p.account.reaches(base) {
			errs = append(errs, fmt.Errorf("%s is closed to account %d", base, p.account.uid))
			continue
		}
		p.root = filepath.Join(base, strings.ToLower(rand.Text()))
		// Made before it is recorded: an empty folder that nobody knows of does no
		// harm, a record of a folder that isn't there stops every later start.
		if err := os.Mkdir(p.root, 0o700); err != nil {
			return fmt.Errorf("creating a place for Postgres: %w", err)
		}
		return folder.write(postgresPathFile, p.root+"\n")
	}
	return fmt.Errorf("finding a place for the Postgres data that account %d can reach: %w", p.account.uid, errors.Join(errs...))
}

// reaches tells by the permissions whether the account can pass through dir
// and all folders above it.
func (a account) reaches(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		owner, err := ownerOf(dir)
		if err != nil {
			return false
		}
		pass := info.Mode().Perm() & 0o001
		switch {
		case owner.uid == a.uid:
			pass = info.Mode().Perm() & 0o100
		case owner.gid == a.gid:
			pass = info.Mode().Perm() & 0o010
		}
		if pass == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

// own gives a file or folder to the account that runs the server.
func (p *postgresPlace) own(path string) error {
	if !p.account.switched {
		return nil
	}
	if err := os.Chown(path, int(p.account.uid), int(p.account.gid)); err != nil {
		return fmt.Errorf("giving %s to the account of Postgres: %w", path, err)
	}
	return nil
}

// openSocketDir puts the socket beside the data or, when that path is too long
// for a socket, into a short folder under /tmp that is named after the place. It
// is the same after a restart, also after one that was not clean.
func (p *postgresPlace) openSocketDir() error {
	p.socketDir = filepath.Join(p.root, "socket")
	if len(p.socketDir)+len(socketFileName) > socketPathMax {
		sum := sha256.Sum256([]byte(p.root))
		p.socketDir = fmt.Sprintf("/tmp/penstock-%d-%x", os.Geteuid(), sum[:8])
		p.private = true
	}
	if err := os.MkdirAll(p.socketDir, 0o700); err != nil {
		return fmt.Errorf("creating a folder for the Postgres socket: %w", err)
	}
	// The name can be guessed, so the folder may be somebody else's trap: it must be a folder, and closing it to others works only
	// for its owner.
	if info, err := os.Lstat(p.socketDir); err != nil || !info.IsDir() {
		return fmt.Errorf("creating a folder for the Postgres socket: %s is no folder: %w", p.socketDir, errors.Join(err, fs.ErrInvalid))
	}
	if err := os.Chmod(p.socketDir, 0o700); err != nil { //nolint:gosec // a folder needs to be entered
		return fmt.Errorf("closing the folder of the Postgres socket to others: %w", err)
	}
	return p.own(p.socketDir)
}

func (p *postgresPlace) close() {
	if p.private {
		_ = os.RemoveAll(p.socketDir) // an empty folder under /tmp at worst
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// removePostgresPlace deletes the data that lies outside the stack's folder.
func removePostgresPlace(folder *folder) error {
	kept, err := folder.read(postgresPathFile)
	if err != nil || kept == "" {
		return err
	}
	return os.RemoveAll(strings.TrimSpace(kept))
}
