package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// signs runs `penstock ledger anchor --every` until the test's status says what is wanted. The period is so long that no test meets its end.
func signs(t *testing.T, says string, args ...string) {
	t.Helper()
	log, done := &logged{}, make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	root := newRoot()
	root.SetOut(log)
	root.SetErr(log)
	root.SetArgs(append([]string{"ledger", "anchor", "--every", "87600h", "--metrics-addr", "127.0.0.1:0", "--name", "vault"}, args...))
	go func() { done <- root.ExecuteContext(ctx) }()
	api := ""
	await(t, "the log to say where it answers", func() bool {
		if said := answersAt().FindStringSubmatch(log.String()); said != nil {
			api = "http://" + said[1]
		}
		return api != ""
	})
	said := ""
	await(t, "its status to say "+says, func() bool {
		text, err := penstock(t, "", "status", "--api", api)
		if said = text; err != nil {
			said += err.Error()
		}
		return strings.Contains(said, says)
	})
	if !strings.Contains(said, "instance vault") {
		t.Errorf("its status is\n%s", said)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it ended with %v, and said\n%s", err, log.String())
	}
}

// TestTheLedgerIsSignedByItself signs at once, signs nothing again after a restart, and says what it waits for.
func TestTheLedgerIsSignedByItself(t *testing.T) {
	dir := stackDir(t)
	s, _ := testStack(t, testConfig(t, dir))
	at := func(args ...string) []string { return append(args, "--dir", dir) }
	must(t, tour, at("produce", "ingest.instruction.v1")...)
	must(t, "", at("day", "close", "2008-03-20")...)
	folder := t.TempDir()
	makeKeys(t, folder)
	file := filepath.Join(folder, "heads.jws")
	flags := []string{"--verify", "--file", file, "--key", filepath.Join(folder, "anchor.key"), "--postgres", s.Endpoints.Postgres}
	signs(t, "there is no line in", flags...)
	signs(t, "journals, line 1", append(flags, "--begin")...)
	signs(t, "journals, line 1", flags...)
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != 1 {
		t.Errorf("after two starts the file is %q, %v", text, err)
	}
	must(t, "", at("ledger", "verify", "--anchors", file, "--public-key", filepath.Join(folder, "anchor.pub"))...)
	signs(t, "role anchor is waiting", append(flags, "--postgres", "postgres://127.0.0.1:1/nowhere")...)
}

// What goes with periods is refused without them, and a period below none is one that was mistyped.
func TestASignerThatDoesNotGoOnIsToldNothingOfPeriods(t *testing.T) {
	for says, args := range map[string][]string{
		"too often":   {"--every", "-24h"},
		"every 0s":    {"--every", "0s"},
		"multiple":    {"--every", "7h"},
		"goes only":   {"--metrics-addr", "127.0.0.1:0"},
		"--begin goe": {"--begin"},
	} {
		folder := t.TempDir()
		makeKeys(t, folder)
		refused(t, says, "", append([]string{
			"ledger", "anchor", "--postgres", "postgres://127.0.0.1:1/nowhere", "--file", filepath.Join(folder, "heads.jws"), "--key", filepath.Join(folder, "anchor.key"),
		}, args...)...)
	}
}
