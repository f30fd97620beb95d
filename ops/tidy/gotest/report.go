package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// skipMark opens the message of a test that could not run on this machine.
const skipMark = "SKIPPED "

// outputMax bounds what is kept of one test's output, in bytes: enough for any failure worth reading.
const outputMax = 4 << 20

// event is one line of `go test -json`, as documented by `go doc test2json`; build output comes with ImportPath.
type event struct {
	Action     string
	Package    string
	Test       string
	Output     string
	ImportPath string
}

// report turns events into the lines of plain `go test`, and counts skipped tests by their reason.
type report struct {
	out io.Writer
	// output holds what each running test has printed; it is shown only if the test fails.
	output map[string]*strings.Builder
	// skipped counts tests by what they said after skipMark.
	skipped map[string]int
	// ended counts tests and their parts by how they ended: pass, fail or skip.
	ended map[string]int
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[string]*strings.Builder{}, skipped: map[string]int{}, ended: map[string]int{}}
}

// read consumes events until the stream ends. A line that is no event is printed as it is, so nothing is ever swallowed.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the output of go test: %w", err)
		}
	}
}

func (r *report) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(r.out, line)
		return
	}
	r.event(e)
}

func (r *report) event(e event) {
	if e.Test != "" {
		r.ended[e.Action]++
	}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		r.keep(e)
	case "fail":
		r.show(e)
	case "pass", "skip":
		r.pass(e)
	}
}

// keep stores a line until its test or package ends: only then is it known whether to show it.
func (r *report) keep(e event) {
	if reason, ok := skipReason(e.Output); ok && e.Test != "" {
		r.skipped[reason]++
	}
	if strings.HasPrefix(e.Output, "=== ") {
		return // the JSON form is always verbose; plain `go test` does not announce each test
	}
	key := e.Package + " " + e.Test
	if r.output[key] == nil {
		r.output[key] = &strings.Builder{}
	}
	if r.output[key].Len() < outputMax {
		r.output[key].WriteString(e.Output)
	}
}

// skipReason finds the reason in a line such as `    file.go:7: SKIPPED real-kafka: no java`.
func skipReason(line string) (string, bool) {
	_, reason, ok := strings.Cut(line, ": "+skipMark)
	return strings.TrimSpace(reason), ok
}

func (r *report) show(e event) {
	key := e.Package + " " + e.Test
	if b := r.output[key]; b != nil {
		fmt.Fprint(r.out, b.String())
	}
	delete(r.output, key)
}

// pass prints a package's own closing line and forgets the output of a test that passed.
func (r *report) pass(e event) {
	key := e.Package + " " + e.Test
	if b := r.output[key]; b != nil && e.Test == "" {
		r.summary(b.String())
	}
	delete(r.output, key)
}

// summary keeps of a passing package what plain `go test` shows: the line `ok`, or the one that says it has no tests.
func (r *report) summary(text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") || strings.HasPrefix(line, "\t") {
			fmt.Fprint(r.out, line)
		}
	}
}

// close prints what a test binary that died left behind, then one counted line for each reason, in a stable order, then how all tests
// ended.
func (r *report) close() {
	for _, key := range slices.Sorted(maps.Keys(r.output)) {
		fmt.Fprint(r.out, r.output[key].String())
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skipped)) {
		fmt.Fprintf(r.out, "%s%s: %s\n", skipMark, reason, counted(r.skipped[reason]))
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.ended["pass"], r.ended["fail"], r.ended["skip"])
}

func counted(tests int) string {
	if tests == 1 {
		return "1 test"
	}
	return fmt.Sprintf("%d tests", tests)
}
