// Command generated checks that the generated files in the tree are the ones that `go generate` writes today.
//
//	go run ./ops/tidy/generated -check
//
// It compares the files before and after generating, so it needs no version control and does not mind uncommitted work.
// Exit status is 1 when a file changed, appeared or vanished; the tree then holds the right ones, ready to commit.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

// marker is Go's own convention for generated files; it may stand behind any comment sign.
var marker = regexp.MustCompile(`(?m)^\W*Code generated .* DO NOT EDIT\.`)

func main() {
	check := flag.Bool("check", false, "fail when generating changes anything")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "generated:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	root := os.DirFS(".")
	before, err := sums(root)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "generate", "./...")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("generating: %w", err)
	}
	after, err := sums(root)
	if err != nil {
		return err
	}
	if stale := differ(before, after); check && len(stale) > 0 {
		return fmt.Errorf("these files were not up to date; commit what `make generate` wrote:\n  %s", strings.Join(stale, "\n  "))
	}
	return nil
}

// sums hashes every generated file below root, by its path.
func sums(root fs.FS) (map[string][sha256.Size]byte, error) {
	found := map[string][sha256.Size]byte{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if hidden := strings.HasPrefix(entry.Name(), ".") && name != "."; hidden || name == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		return add(found, root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	return found, nil
}

func add(found map[string][sha256.Size]byte, root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	if path.Ext(name) == ".lock" || marker.Match(firstLines(text)) {
		found[name] = sha256.Sum256(text)
	}
	return nil
}

// firstLines is where a marker may stand: far enough down for a licence header, not so far that prose about it counts.
func firstLines(text []byte) []byte {
	const headMax = 1024
	return bytes.ToValidUTF8(text[:min(len(text), headMax)], nil)
}

// differ lists the paths whose content is not the same in both, in order.
func differ(before, after map[string][sha256.Size]byte) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var stale []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before[name]
		is, has := after[name]
		if had != has || was != is {
			stale = append(stale, name)
		}
	}
	return stale
}
