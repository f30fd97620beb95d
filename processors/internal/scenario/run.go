package scenario

import (
	"slices"
	"strings"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/streams"
)

// Player tells a process what the steps of a scenario say.
type Player interface {
	// Play makes the message that a step and the "also" lines below it tell of, and returns what comes of it. With prove, it
	// checks the rules' other promises on the way.
	Play(r Reporter, at schemas.Instant, steps []Step, prove bool) []streams.Out
	// Is returns what an "is" line asks about, as arguments.
	Is(r Reporter, step Step) Args
}

// located names the line in everything that is reported.
type located struct {
	Reporter
	line int
}

func (l located) Errorf(format string, args ...any) {
	l.Helper()
	l.Reporter.Errorf("line %d: "+format, append([]any{l.line}, args...)...)
}

func (l located) Fatalf(format string, args ...any) {
	l.Helper()
	l.Reporter.Fatalf("line %d: "+format, append([]any{l.line}, args...)...)
}

// Run plays a scenario. It reports every outcome that the scenario does not tell of, and every one that does not come.
func Run(r Reporter, text string, player Player) {
	r.Helper()
	steps, err := Parse(text)
	if err != nil {
		r.Fatalf("%v", err)
	}
	var at schemas.Instant
	for i := 0; i < len(steps); {
		step := steps[i]
		here := located{r, step.Line}
		i++
		switch step.Verb {
		case "at":
			at = moment(here, step)
		case "given", "when":
			told := []Step{step}
			for ; i < len(steps) && steps[i].Verb == "also"; i++ {
				told = append(told, steps[i])
			}
			outs := player.Play(here, at, told, step.Verb == "when")
			if step.Verb == "when" {
				i += match(here, outs, steps[i:])
			} else {
				accepted(here, outs)
			}
		case "is":
			differ(here, step.Args, player.Is(here, step))
		default:
			here.Fatalf("%s follows nothing that it could be an outcome of", step.Verb)
		}
	}
}

// accepted reports a "given" line that was refused: a reader would take it for granted.
func accepted(r Reporter, outs []streams.Out) {
	r.Helper()
	for _, line := range render(outs) {
		if line.Verb == "reject" {
			r.Errorf("what is given was refused: %s", line)
		}
	}
}

func moment(r Reporter, step Step) schemas.Instant {
	r.Helper()
	if len(step.Args) != 1 {
		r.Fatalf("at needs a date and a time")
	}
	t, err := time.Parse("2006-01-02 15:04", step.Kind+" "+step.Args[0].Key)
	if err != nil {
		r.Fatalf("at needs a date and a time: %v", err)
	}
	return schemas.InstantOf(t)
}

// match compares outcomes with the lines that tell of them, and returns how many lines those are.
func match(r Reporter, outs []streams.Out, steps []Step) int {
	r.Helper()
	lines := render(outs)
	count := told(steps)
	for n, step := range steps[:count] {
		here := located{inner(r), step.Line}
		switch {
		case n >= len(lines):
			here.Errorf("this did not happen")
		case step.Verb != lines[n].Verb || step.Kind != lines[n].Kind:
			here.Errorf("what happened is: %s", lines[n])
		default:
			differ(here, step.Args, lines[n].Args)
		}
	}
	for n := count; n < len(lines); n++ {
		r.Errorf("this happened too: %s", lines[n])
	}
	return count
}

func inner(r Reporter) Reporter {
	if l, ok := r.(located); ok {
		return l.Reporter
	}
	return r
}

// told counts the lines that tell of outcomes.
func told(steps []Step) int {
	n := 0
	for n < len(steps) && (steps[n].Verb == "then" || steps[n].Verb == "reject") {
		n++
	}
	return n
}

// differ reports arguments that are not so. Postings, which have "->" in their keys, and flags, which have no value, must all be
// named, in their order.
func differ(r Reporter, want, got Args) {
	r.Helper()
	if a, b := want.exact(), got.exact(); a != b {
		r.Errorf("there is %q, not %q", b, a)
	}
	times := make(map[string]int)
	for _, arg := range want {
		if arg.exact() {
			continue
		}
		if !slices.Contains(got.nth(arg.Key, times[arg.Key]), arg.Value) {
			r.Errorf("%s=%s is not so, but %s", arg.Key, arg.Value, got)
		}
		times[arg.Key]++
	}
}

// nth returns the value of an argument that may stand several times, as a list of one, or none where it stands less often.
func (a Args) nth(key string, n int) []string {
	for _, arg := range a {
		if arg.Key != key {
			continue
		}
		if n == 0 {
			return []string{arg.Value}
		}
		n--
	}
	return nil
}

// arrow marks an argument that is a posting.
const arrow = "->"

func (a Arg) exact() bool { return a.Value == "" || strings.Contains(a.Key, arrow) }

// exact returns what must be told in full.
func (a Args) exact() string {
	var parts Args
	for _, arg := range a {
		if arg.exact() {
			parts = append(parts, arg)
		}
	}
	return parts.String()
}

// String returns the arguments as they are written.
func (a Args) String() string {
	parts := make([]string, len(a))
	for i, arg := range a {
		parts[i] = arg.Key
		if arg.Value != "" {
			parts[i] += "=" + arg.Value
		}
	}
	return strings.Join(parts, " ")
}

// String returns the step as it is written.
func (s Step) String() string {
	return strings.TrimSpace(s.Verb + " " + s.Kind + " " + s.Args.String())
}
