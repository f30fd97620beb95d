package realkafka

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the release of Apache Kafka whose jars pom.xml names.
const Version = "4.1.0"

// dependencyPlugin copies the jars; pinned, so that the same files arrive on every machine.
const dependencyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// ErrUnavailable reports that this machine lacks what the broker or the registry needs. The wrapping error names it.
var ErrUnavailable = errors.New("not available on this machine")

//go:embed pom.xml log4j2.xml registry.mod registry.sum
var files embed.FS

// CacheDir is where jars and binaries are kept between runs: PENSTOCK_CACHE, else the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("PENSTOCK_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder (set PENSTOCK_CACHE): %w", err)
	}
	return filepath.Join(dir, "penstock"), nil
}

// installed is a broker's jars and settings on disk.
type installed struct {
	java string
	dir  string
}

func (i installed) classPath() string { return filepath.Join(i.dir, "lib", "*") }
func (i installed) logging() string   { return filepath.Join(i.dir, "log4j2.xml") }

// install finds Java and the jars, and fetches the jars with Maven the first time.
func install(ctx context.Context) (installed, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return installed{}, fmt.Errorf("no java on the path: %w", ErrUnavailable)
	}
	cache, err := CacheDir()
	if err != nil {
		return installed{}, err
	}
	dir := filepath.Join(cache, "kafka-"+Version)
	err = once(dir, func(tmp string) error {
		for _, name := range []string{"pom.xml", "log4j2.xml"} {
			if err := unpack(name, filepath.Join(tmp, name)); err != nil {
				return err
			}
		}
		return fetchJars(ctx, tmp)
	})
	if err != nil {
		return installed{}, fmt.Errorf("installing Apache Kafka %s: %w", Version, err)
	}
	return installed{java: java, dir: dir}, nil
}

// Jars finds Java, and the jars that a pom.xml names, for a program that is run beside the broker. It fetches them with Maven the
// first time, and keeps them under the name, which must change when the pom does. The error wraps ErrUnavailable as that of Start does.
func Jars(ctx context.Context, name string, pom []byte) (java, classPath string, err error) {
	if java, err = exec.LookPath("java"); err != nil {
		return "", "", fmt.Errorf("no java on the path: %w", ErrUnavailable)
	}
	cache, err := CacheDir()
	if err != nil {
		return "", "", err
	}
	i := installed{java: java, dir: filepath.Join(cache, name)}
	err = once(i.dir, func(tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), pom, 0o644); err != nil {
			return err
		}
		return fetchJars(ctx, tmp)
	})
	if err != nil {
		return "", "", fmt.Errorf("fetching the jars of %s: %w", name, err)
	}
	return java, i.classPath(), nil
}

// fetchJars fills dir/lib with the jars that dir/pom.xml names.
func fetchJars(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("no mvn on the path: %w", ErrUnavailable)
	}
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", filepath.Join(dir, "pom.xml"), dependencyPlugin,
		"-DoutputDirectory="+filepath.Join(dir, "lib"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copying the jars with mvn: %w: %w\n%s", ErrUnavailable, err, out)
	}
	return nil
}

// once fills dir through fill unless it is there already. It is filled beside its place and renamed, so a folder that
// exists is complete, and two processes that do it at once do no harm.
func once(dir string, fill func(tmp string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // a folder left in a cache is harmless
	if err := fill(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// unpack writes an embedded file to path.
func unpack(name, path string) error {
	text, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
