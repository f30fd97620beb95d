package main

import (
	"slices"
	"strings"
	"testing"
)

// printed feeds events, one a line, through a report and returns what a person would read.
func printed(t *testing.T, events string) string {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	r.close()
	return out.String()
}

func TestPassingPackageIsOneLine(t *testing.T) {
	got := printed(t, `
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`[1:])
	if want := "ok  \tp\t0.1s\n1 passed, 0 failed, 0 skipped\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailureShowsItsOutput(t *testing.T) {
	got := printed(t, `
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: broken\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}`[1:])
	if want := "    a_test.go:3: broken\nFAIL\tp\t0.1s\n0 passed, 1 failed, 0 skipped\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSkippedTestsAreCountedByReason(t *testing.T) {
	got := printed(t, `
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: SKIPPED real-kafka: no java\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"output","Package":"q","Test":"TestB","Output":"    b_test.go:3: SKIPPED real-kafka: no java\n"}
{"Action":"skip","Package":"q","Test":"TestB"}
{"Action":"output","Package":"q","Test":"TestC","Output":"    b_test.go:9: SKIPPED python: no venv\n"}
{"Action":"skip","Package":"q","Test":"TestC"}`[1:])
	if want := "SKIPPED python: no venv: 1 test\nSKIPPED real-kafka: no java: 2 tests\n0 passed, 0 failed, 3 skipped\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingIsSwallowed(t *testing.T) {
	got := printed(t, `
go: some plain line
{"Action":"build-output","ImportPath":"p","Output":"a.go:1:1: syntax error\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"died here\n"}`[1:])
	if want := "go: some plain line\na.go:1:1: syntax error\ndied here\n0 passed, 0 failed, 0 skipped\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFuzzTargetsBelongToThePackageThatFollows(t *testing.T) {
	got := fuzzTargets("FuzzA\nFuzzB\nok  \tp\t0.1s\nok  \tq\t0.1s\nFuzzC\nok  \tr\t0.1s\n")
	want := []target{{"p", "FuzzA"}, {"p", "FuzzB"}, {"r", "FuzzC"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
