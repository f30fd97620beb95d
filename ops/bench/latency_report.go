package bench

import (
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// LatencyReport is what a latency run saw. Its JSON form is an interface; times are in milliseconds.
type LatencyReport struct {
	Rate    int     `json:"rate"`
	Seconds float64 `json:"seconds"`
	Shards  int32   `json:"shards"`
	Machine Machine `json:"machine"`
	// Instructions were measured; those of the warm-up are not among them.
	Instructions int `json:"instructions"`
	// Readable is from the acknowledged instruction to the readable journal. It is made of Routed, up to the readable inbox record, and
	// Decided, from there on; quantiles of parts do not add up.
	Readable Quantiles `json:"readable"`
	Routed   Quantiles `json:"routed"`
	Decided  Quantiles `json:"decided"`
	// Acknowledged is from the time at which an instruction was to be sent to its acknowledgement, Whole from there to the journal.
	Acknowledged Quantiles `json:"acknowledged"`
	Whole        Quantiles `json:"whole"`
}

// Quantiles are of times, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// quantilesOf sorts the times, in nanoseconds.
func quantilesOf(nanos []int64) Quantiles {
	slices.Sort(nanos)
	// at is the least time within which so many of a hundred fall.
	at := func(percent int) float64 {
		index := max(0, (len(nanos)*percent+99)/100-1)
		return float64(nanos[index]) / float64(time.Millisecond)
	}
	return Quantiles{P50: at(50), P90: at(90), P99: at(99), Max: at(100)}
}

// fill makes the report of a pace that has ended.
func (p *pace) fill(r *LatencyReport) {
	r.Instructions = p.total - p.skipped
	between := func(from, to func(int) int64) Quantiles {
		times := make([]int64, 0, r.Instructions)
		for number := p.skipped; number < p.total; number++ {
			// An acknowledgement can come to our ears after what it allowed; that took no time, not less than none.
			times = append(times, max(0, to(number)-from(number)))
		}
		return quantilesOf(times)
	}
	intended := func(number int) int64 { return p.intended[number] }
	moment := func(times []atomic.Int64) func(int) int64 {
		return func(number int) int64 { return times[number].Load() }
	}
	acknowledged, routed, readable := moment(p.acknowledged), moment(p.routed), moment(p.readable)
	r.Readable = between(acknowledged, readable)
	r.Routed = between(acknowledged, routed)
	r.Decided = between(routed, readable)
	r.Acknowledged = between(intended, acknowledged)
	r.Whole = between(intended, readable)
}

// Print writes the report for people.
func (r *LatencyReport) Print(out io.Writer) error {
	fmt.Fprintf(out, "%d instructions at %d per second, %d shards; %s\n\n", r.Instructions, r.Rate, r.Shards, r.Machine)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "milliseconds\tp50\tp90\tp99\tmax\t")
	for _, row := range []struct {
		name  string
		times Quantiles
	}{
		{"acknowledged to journal readable", r.Readable},
		{"acknowledged to inbox readable", r.Routed},
		{"inbox to journal readable", r.Decided},
		{"due to acknowledged", r.Acknowledged},
		{"due to journal readable", r.Whole},
	} {
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", row.name, row.times.P50, row.times.P90, row.times.P99, row.times.Max)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}
