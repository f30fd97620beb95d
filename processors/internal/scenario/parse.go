package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Step is one line of a scenario.
type Step struct {
	// Line counts from 1.
	Line int
	// Verb is at, given, when, also, then, reject or is.
	Verb string
	// Kind is the first word after the verb: what happens, or the code of a rejection.
	Kind string
	Args Args
}

// Args are the arguments of a step, in their order. An argument without a value is a flag.
type Args []Arg

// Arg is one argument.
type Arg struct{ Key, Value string }

// Get returns the value of an argument, or the given one where it is missing.
func (a Args) Get(key, missing string) string {
	for i := range a {
		if a[i].Key == key {
			return a[i].Value
		}
	}
	return missing
}

// Has says whether there is such an argument, with or without a value.
func (a Args) Has(key string) bool {
	return slices.ContainsFunc(a, func(arg Arg) bool { return arg.Key == key })
}

// verbs are all there are.
func verbs() []string { return []string{"at", "given", "when", "also", "then", "reject", "is"} }

// timesMax bounds the repetitions of a line.
const timesMax = 2000

// Parse reads a scenario. Repetitions are written out.
func Parse(text string) ([]Step, error) {
	var steps []Step
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if !slices.Contains(verbs(), words[0]) || len(words) < 2 {
			return nil, fmt.Errorf("line %d: %q is not a step", n+1, line)
		}
		step := Step{Line: n + 1, Verb: words[0], Kind: words[1]}
		for _, word := range words[2:] {
			key, value, _ := strings.Cut(word, "=")
			step.Args = append(step.Args, Arg{key, value})
		}
		times, err := strconv.Atoi(step.Args.Get("times", "1"))
		if err != nil || times < 1 || times > timesMax {
			return nil, fmt.Errorf("line %d: times must be a number from 1 to %d", n+1, timesMax)
		}
		for i := range times {
			steps = append(steps, step.numbered(i+1))
		}
	}
	return steps, nil
}

// numbered returns the step with its repetition's number in place.
func (s Step) numbered(n int) Step {
	args := make(Args, 0, len(s.Args))
	for _, arg := range s.Args {
		if arg.Key != "times" {
			args = append(args, Arg{arg.Key, strings.ReplaceAll(arg.Value, "#", strconv.Itoa(n))})
		}
	}
	s.Args = args
	return s
}
