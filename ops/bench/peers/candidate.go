package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
)

// The candidates.
const (
	engineName  = "engine"
	gokaName    = "goka"
	streamsName = "streams"
	sessionName = "session"
	ceilingName = "ceiling"
)

func allCandidates() []string {
	return []string{engineName, gokaName, streamsName, sessionName, ceilingName}
}

// storeName is what Kafka Streams calls the state; its changelog carries it.
const storeName = "counters"

// job is one run of one candidate: it counts Input into Output, with Table as its changelog.
type job struct {
	Candidate string
	Broker    string
	// Name is the consumer group, and what else must be unique: the run's.
	Name   string
	Input  string
	Output string
	Table  string
	// Dir is an empty folder for the state.
	Dir string
	// Properties are Kafka Streams', name=value each, and win over what the program sets.
	Properties []string
	// OnDisk has goka keep its states in LevelDB instead of in memory.
	OnDisk bool
	// Profile is the file of a CPU profile; empty writes none.
	Profile string
}

func newJob(candidate, broker, input, dir string, round int) job {
	name := fmt.Sprintf("%s-%d", candidate, round)
	j := job{Candidate: candidate, Broker: broker, Name: name, Input: input, Output: name + "-output", Table: name + "-table", Dir: dir}
	if candidate == streamsName {
		j.Table = name + "-" + storeName + "-changelog"
	}
	return j
}

// exactlyOnce says what the candidate promises.
func (j job) exactlyOnce() bool { return j.Candidate != gokaName }

// stateless says that the candidate counts nothing, so its changelog proves only that as much was written.
func (j job) stateless() bool { return j.Candidate == ceilingName || j.Candidate == sessionName }

// candidateArgument makes this program run a candidate, given as JSON, instead of the benchmark.
const candidateArgument = "candidate"

// runCandidate runs a candidate until standard input ends, as it does when the benchmark closes it or dies.
func runCandidate(ctx context.Context, encoded string) (err error) {
	var j job
	if err := json.Unmarshal([]byte(encoded), &j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	runners := map[string]func(context.Context, job) error{
		engineName: runEngine, gokaName: runGoka, sessionName: runSession, ceilingName: runCeiling,
	}
	runner := runners[j.Candidate]
	if runner == nil {
		return fmt.Errorf("there is no candidate %q in this program", j.Candidate)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it, it is the end
		cancel()
	}()
	stopProfile, err := startProfile(j.Profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	if err := runner(ctx, j); err != nil && ctx.Err() == nil {
		return fmt.Errorf("running %s: %w", j.Candidate, err)
	}
	return nil
}

func startProfile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making the file of the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the profile: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

// turn returns the candidates in the order of a round: each is first once in as many rounds as there are candidates.
func turn(candidates []string, round int) []string {
	first := round % len(candidates)
	return slices.Concat(candidates[first:], candidates[:first])
}
