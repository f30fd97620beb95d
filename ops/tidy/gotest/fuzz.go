package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// target is one fuzz test; `go test -fuzz` takes only one at a time.
type target struct {
	pkg  string
	name string
}

// fuzzEach runs every fuzz test of the packages for the given time each, and stops at the first that fails.
func fuzzEach(ctx context.Context, each string, packages []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-list", "^Fuzz"}, packages...)...)
	cmd.Stderr = os.Stderr
	list, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing fuzz tests: %w", err)
	}
	targets := fuzzTargets(string(list))
	for _, t := range targets {
		run := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each, t.pkg)
		run.Stdout, run.Stderr = os.Stdout, os.Stderr
		if err := run.Run(); err != nil {
			return fmt.Errorf("fuzzing %s in %s: %w", t.name, t.pkg, err)
		}
	}
	fmt.Printf("fuzzed %d targets for %s each\n", len(targets), each)
	return nil
}

// fuzzTargets reads the output of `go test -list`: the names of a package come first, then its `ok` line.
func fuzzTargets(list string) []target {
	var targets []target
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{pkg: fields[1], name: name})
			}
			names = nil
		}
	}
	return targets
}
