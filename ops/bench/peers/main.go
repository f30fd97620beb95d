// Command peers runs one small topology on five stream processors, side by side on one real Apache Kafka, and prints how many records
// each of them carries per second, and the ratios between them.
//
//	engine    streams/engine, exactly once
//	goka      goka as shipped, with its own Sarama clients, at least once
//	streams   Kafka Streams, exactly once (version 2), on Java
//	session   franz-go's own transactional group session, with no state: what one writes with the library alone
//	ceiling   bare franz-go in transactions, one client per partition, with no state: what is left when everything else is taken away
//
// The topology counts: a state of 120 bytes per key, one output per input. The input, its records already on the broker, is the
// same for all candidates of a round; outputs and changelogs are new for each. Each candidate is a process of its own, one at a time.
//
// The harness asks the broker every few milliseconds how far the output topic has come, and reads nothing while a candidate runs. The
// measure is from the first output record at the broker, committed or not, to the moment at which all outputs are readable for
// read-committed consumers: the start of processes, groups and virtual machines is left out for all alike. Afterwards the outputs and
// changelogs are read in full, and a run that lost or doubled anything where it must not is an error, not a number.
//
//	go run ./ops/bench/peers -rounds 1 -records 200000
//
// Java 17 and Maven are needed; the jars are fetched the first time. Everything listens on the loopback interface only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// Bounds of a run, and what is run where nothing is asked for.
const (
	recordsDefault = 1_000_000
	recordsMax     = 20_000_000
	roundsDefault  = 5
	roundsMax      = 50
	timeMax        = time.Hour
)

func execute(ctx context.Context, args []string, out, progress io.Writer) error {
	if len(args) == 2 && args[0] == candidateArgument {
		return runCandidate(ctx, args[1])
	}
	var config config
	var names, properties string
	var asJSON bool
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.IntVar(&config.Records, "records", recordsDefault, "input records per run")
	flags.IntVar(&config.Rounds, "rounds", roundsDefault, "rounds, each of which runs every candidate once")
	flags.StringVar(&names, "candidates", strings.Join(allCandidates(), ","), "which candidates to run")
	flags.StringVar(&config.Profile, "cpuprofile", "", "file for a CPU profile of each run of the engine; the last one stays")
	flags.StringVar(&properties, "streams", "", "more properties of Kafka Streams, such as commit.interval.ms=1000; separated by commas")
	flags.BoolVar(&config.GokaOnDisk, "goka-disk", false, "have goka keep its states in LevelDB, its default, instead of in memory, where it is faster")
	flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config.Candidates = strings.Split(names, ",")
	if properties != "" {
		config.StreamsProperties = strings.Split(properties, ",")
	}
	config.progress = progress
	if err := config.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeMax)
	defer cancel()
	report, err := compare(ctx, config)
	if err != nil {
		return err
	}
	if !asJSON {
		return report.print(out)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
