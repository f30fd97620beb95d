package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/penstock-ledger/penstock/ops/bench"
)

// report is the result; its JSON form is an interface.
type report struct {
	Records    int           `json:"records"`
	Keys       int           `json:"keys"`
	Partitions int           `json:"partitions"`
	Machine    bench.Machine `json:"machine"`
	Runs       []run         `json:"runs"`
	// Medians are over the rounds, in records per second, by candidate.
	Medians map[string]spread `json:"medians"`
	// Ratios are the engine's rate over another candidate's of the same round.
	Ratios map[string]spread `json:"ratios"`
}

// run is one run of one candidate.
type run struct {
	Candidate string `json:"candidate"`
	Round     int    `json:"round"`
	// Seconds is from the first output record on the broker until all are committed.
	Seconds          float64 `json:"seconds"`
	RecordsPerSecond float64 `json:"records_per_second"`
	// SecondHalfPerSecond is the rate of the second half of the records: what is warm by then is warm.
	SecondHalfPerSecond float64 `json:"second_half_per_second"`
	// ProcessorMicros is the processor time of the candidate's process in its whole life, start included, per record.
	ProcessorMicros float64 `json:"processor_micros_per_record"`
	// Outputs, Doubled, Counted and ChangelogRecords are what a read-committed reader found afterwards.
	Outputs          int   `json:"outputs"`
	Doubled          int   `json:"doubled"`
	Counted          int64 `json:"counted"`
	ChangelogRecords int   `json:"changelog_records"`
}

// spread is the middle and the ends of some values.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

// of returns a value of every run of a candidate, by round.
func (r *report) of(candidate string, value func(*run) float64) []float64 {
	var values []float64
	for i := range r.Runs {
		if r.Runs[i].Candidate == candidate {
			values = append(values, value(&r.Runs[i]))
		}
	}
	return values
}

func rate(r *run) float64 { return r.RecordsPerSecond }

// summarize fills in medians and ratios. A ratio is taken within a round, whose runs are minutes apart at most, and the median over the
// rounds: so it does not mix what the machine did at different times.
func (r *report) summarize(candidates []string) {
	r.Medians, r.Ratios = map[string]spread{}, map[string]spread{}
	ours := r.of(engineName, rate)
	for _, candidate := range candidates {
		rates := r.of(candidate, rate)
		r.Medians[candidate] = spreadOf(rates)
		if candidate == engineName || len(ours) != len(rates) {
			continue
		}
		ratios := make([]float64, len(rates))
		for round := range rates {
			ratios[round] = ours[round] / rates[round]
		}
		r.Ratios[candidate] = spreadOf(ratios)
	}
}

// print writes the report for people.
func (r *report) print(out io.Writer) error {
	fmt.Fprintf(out, "%d records of %d bytes over %d keys, %d partitions, state of %d bytes, one output\n%s\n\n",
		r.Records, recordBytes, r.Keys, r.Partitions, stateBytes, r.Machine)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "records/s\t")
	rounds := 0
	for i := range r.Runs {
		rounds = max(rounds, r.Runs[i].Round)
	}
	for round := range rounds {
		fmt.Fprintf(table, "round %d\t", round+1)
	}
	fmt.Fprintln(table, "median\t2nd half\tCPU µs\tdoubled\t")
	for _, candidate := range allCandidates() {
		if median, ok := r.Medians[candidate]; ok {
			r.printCandidate(table, candidate, median)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	fmt.Fprintln(out)
	for _, candidate := range allCandidates() {
		if ratio, ok := r.Ratios[candidate]; ok {
			fmt.Fprintf(out, "engine / %-8s %.2f (%.2f to %.2f)\n", candidate, ratio.Median, ratio.Min, ratio.Max)
		}
	}
	return nil
}

func (r *report) printCandidate(table io.Writer, candidate string, median spread) {
	fmt.Fprintf(table, "%s\t", candidate)
	for _, value := range r.of(candidate, rate) {
		fmt.Fprintf(table, "%.0f\t", value)
	}
	second := spreadOf(r.of(candidate, func(r *run) float64 { return r.SecondHalfPerSecond })).Median
	processor := spreadOf(r.of(candidate, func(r *run) float64 { return r.ProcessorMicros })).Median
	doubled := spreadOf(r.of(candidate, func(r *run) float64 { return float64(r.Doubled) })).Max
	fmt.Fprintf(table, "%.0f\t%.0f\t%.1f\t%.0f\t\n", median.Median, second, processor, doubled)
}
