// Command gotest runs `go test` and prints what it prints, and counts: a test that could not run here must not go unnoticed.
//
// Plain `go test` hides why a passing package skipped its tests. For a ledger that is a trap: a suite that never runs looks
// exactly like one that passes. So a test that needs something this machine lacks calls t.Skip with a message of the form
// `SKIPPED name: reason`, and gotest ends with one line for each such name and reason, with the number of tests. The
// very last line says how many tests passed, failed and were skipped.
//
//	go run ./ops/tidy/gotest -race ./...
//	go run ./ops/tidy/gotest -fuzz-each 10s ./...
//
// Exit status is that of `go test`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err == nil {
		return
	}
	// When `go test` itself failed it has said why.
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string) error {
	if len(args) >= 2 && args[0] == "-fuzz-each" {
		return fuzzEach(ctx, args[1], args[2:])
	}
	return test(ctx, args)
}

// test runs `go test -json` with args and prints its events as plain `go test` would.
func test(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("connecting to go test: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	report := newReport(os.Stdout)
	readErr := report.read(out)
	waitErr := cmd.Wait()
	report.close()
	return errors.Join(readErr, waitErr)
}
