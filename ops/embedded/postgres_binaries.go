package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// postgresMajorMin is the oldest server that the ledger's SQL is tested on.
const postgresMajorMin = 15

// downloadable are the servers that can be fetched, by major version.
var downloadable = map[string]embeddedpostgres.PostgresVersion{
	"14": embeddedpostgres.V14,
	"15": embeddedpostgres.V15,
	"16": embeddedpostgres.V16,
	"17": embeddedpostgres.V17,
	"18": embeddedpostgres.V18,
}

// downloadedMajor is fetched where there is neither a server nor data.
const downloadedMajor = "17"

// commonPlaces are where packages put servers that are not on the path. A star
// stands for the version; the newest comes first.
var commonPlaces = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // Red Hat, from the Postgres project
	"/usr/libexec/postgresql*",           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin",
	"/usr/bin",
}

var serverVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// binaries is a folder that has initdb and postgres, of one major version.
type binaries struct {
	dir   string
	major string
}

func (b binaries) path(name string) string { return filepath.Join(b.dir, name) }

// findPostgres chooses the server. Data that is there decides on the version:
// another one would start with an empty folder beside it, and the ledger would
// seem to be gone.
func findPostgres(ctx context.Context, place *postgresPlace, log *slog.Logger) (binaries, error) {
	wanted, err := place.majorOfData()
	if err != nil {
		return binaries{}, err
	}
	for _, dir := range candidateDirs(ctx, place) {
		found, err := readBinaries(ctx, dir, place.account)
		if err != nil || wanted != "" && found.major != wanted || wanted == "" && found.tooOld() {
			continue
		}
		return found, nil
	}
	if ctx.Err() != nil {
		return binaries{}, fmt.Errorf("looking for a server: %w", context.Cause(ctx))
	}
	if wanted == "" {
		wanted = downloadedMajor
	}
	return downloadPostgres(ctx, place, wanted, log)
}

func (b binaries) tooOld() bool {
	major, err := strconv.Atoi(b.major)
	return err != nil || major < postgresMajorMin
}

// majorOfData is the version whose data the place holds, "" if there is none.
func (p *postgresPlace) majorOfData() (string, error) {
	found, err := filepath.Glob(filepath.Join(p.root, "data-*", "PG_VERSION"))
	if err != nil {
		return "", fmt.Errorf("looking for Postgres data: %w", err)
	}
	var majors []string
	for _, path := range found {
		major := strings.TrimPrefix(filepath.Base(filepath.Dir(path)), "data-")
		if _, err := strconv.Atoi(major); err == nil { // else it is one being made
			majors = append(majors, major)
		}
	}
	switch len(majors) {
	case 0:
		return "", nil
	case 1:
		return majors[0], nil
	default:
		return "", fmt.Errorf("%s has data of several Postgres versions (%s): remove all but the one that counts", p.root, strings.Join(majors, ", "))
	}
}

// candidateDirs lists where a server may be, best first, without looking.
func candidateDirs(ctx context.Context, place *postgresPlace) []string {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		// Distributions link single programs onto the path; the rest, and the
		// files that postgres finds relative to itself, are where the link points.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	// pg_config comes with the client's headers and may name a folder that has
	// no server, like any other candidate.
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range commonPlaces {
		found, _ := filepath.Glob(pattern) // the patterns are constants and well-formed
		slices.SortFunc(found, func(a, b string) int { return versionIn(b) - versionIn(a) })
		dirs = append(dirs, found...)
	}
	fetched, _ := filepath.Glob(filepath.Join(place.root, "binaries-*", "bin"))
	return append(dirs, fetched...)
}

var digits = regexp.MustCompile(`\d+`)

func versionIn(path string) int {
	version, _ := strconv.Atoi(digits.FindString(path)) // 0 without a number: last
	return version
}

// readBinaries asks the server itself for its version, as the account that will
// run it: that account must be able to get there.
func readBinaries(ctx context.Context, dir string, as account) (binaries, error) {
	found := binaries{dir: dir}
	if _, err := os.Stat(found.path("initdb")); err != nil {
		return binaries{}, err
	}
	command := exec.CommandContext(ctx, found.path("postgres"), "--version")
	command.Dir = "/"
	runAs(command, as)
	out, err := command.Output()
	if err != nil {
		return binaries{}, err
	}
	match := serverVersion.FindSubmatch(out)
	if match == nil {
		return binaries{}, errors.New("not a Postgres server")
	}
	found.major = string(match[1])
	return found, nil
}
