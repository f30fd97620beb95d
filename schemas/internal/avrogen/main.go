// Command avrogen writes the Go types of Penstock's Avro schemas.
//
//	go run ./schemas/internal/avrogen
//
// It reads every <area>/*.avsc of the schemas folder and writes one Go file beside each, in the package of its area,
// with a struct, an encoder and a decoder for each record: straight-line code without reflection, because every
// message of the pipeline passes through it several times. It also writes, for each area, a test that checks this
// code against two independent Avro libraries.
//
// What it does not understand it refuses: floats, maps, decimals without a Go type, types that contain themselves.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := flag.String("root", "", "the folder that holds the areas; the module's schemas folder when not given")
	check := flag.Bool("check", false, "write nothing, fail when a file is not what would be written")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "avrogen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	if root == "" {
		var err error
		if root, err = schemasFolder(); err != nil {
			return err
		}
	}
	sources, err := filepath.Glob(filepath.Join(root, "*", "*.avsc"))
	if err != nil {
		return fmt.Errorf("looking for schemas in %s: %w", root, err)
	}
	all, err := load(sources)
	if err != nil {
		return err
	}
	if err := all.parseAll(); err != nil {
		return err
	}
	var problems []error
	for _, folder := range slices.Sorted(maps.Keys(all.areas)) {
		problems = append(problems, generate(folder, all.areas[folder], check))
	}
	return errors.Join(problems...)
}

// schemasFolder finds the schemas folder of the module that the working folder is in.
func schemasFolder() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "schemas"), nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("no go.mod here or above: run this inside the module or give -root")
		}
		folder = parent
	}
}

// generate writes the Go files of one area, and removes those whose schema is gone.
func generate(folder string, a *area, check bool) error {
	slices.SortFunc(a.files, func(x, y *file) int { return strings.Compare(x.base, y.base) })
	outputs := map[string][]byte{}
	for _, f := range a.files {
		source, err := a.goFile(f)
		if err != nil {
			return err
		}
		outputs[filepath.Join(folder, f.base+"_avro.go")] = source
	}
	source, err := a.testFile()
	if err != nil {
		return err
	}
	outputs[filepath.Join(folder, testFileName)] = source
	return settle(folder, outputs, check)
}

// settle makes the generated files of a folder be exactly the outputs, or says which are not.
func settle(folder string, outputs map[string][]byte, check bool) error {
	var problems []error
	existing, err := filepath.Glob(filepath.Join(folder, "*_avro.go"))
	if err != nil {
		return fmt.Errorf("looking for generated files: %w", err)
	}
	for _, path := range existing {
		if _, wanted := outputs[path]; wanted {
			continue
		}
		if check {
			problems = append(problems, fmt.Errorf("%s has no schema: run go generate ./schemas", path))
		} else {
			problems = append(problems, os.Remove(path))
		}
	}
	for path, want := range outputs {
		have, err := os.ReadFile(path)
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		if check {
			problems = append(problems, fmt.Errorf("%s is out of date: run go generate ./schemas", path))
			continue
		}
		problems = append(problems, os.WriteFile(path, want, 0o644))
	}
	return errors.Join(problems...)
}
